/** A small model and its sequences for tests of decoding. */
import { createRandom } from "../../src/random/index.ts";
import type { BatchDecoder } from "../../src/inference/batch-decoder.ts";
import { present, tinyConfig, tinyTensors } from "./harness.ts";

/** Widths that the engine's vectors of 16 divide: only then a row's rounding does not depend on where it stands. */
export const vectors = { modelDim: 32, numHeads: 2, mlpDim: 48, numFeatures: 16 } as const;
export const config = tinyConfig(vectors);
export const tensors = tinyTensors(config);

/** Random tokens, the same for the same name. */
export function tokensOf(name: string, length: number, { vocabSize } = config): number[] {
  const random = createRandom(7, name);
  return Array.from({ length }, () => random.integer(vocabSize));
}

/** @returns the logits behind the last token */
export async function readTokenByToken(
  decoder: BatchDecoder,
  slot: number,
  tokens: readonly number[],
): Promise<Float32Array> {
  let last: Float32Array | undefined;
  for (const token of tokens) last = (await decoder.step(new Map([[slot, token]]))).get(slot);
  return present(last);
}
