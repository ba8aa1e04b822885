/** Mechanisms that say their wholeBlocks, on sequences that are padded to these. */

import { mixedHeads } from "../../src/attention/mixed-heads.ts";
import { createMechanism, type MechanismChoice } from "../../src/attention/choice.ts";
import { mechanisms } from "../../src/attention/mechanisms.ts";
import { blockLengthOf } from "../../src/attention/whole-blocks.ts";
import type { AttentionMechanism } from "../../src/attention/mechanism.ts";
import { ndarray, type NdArray } from "../../src/graph/ndarray.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { concat, pad, slice } from "../../src/ops/slicing.ts";
import { full, input } from "../../src/ops/source.ts";
import { createRandom, fillNormal } from "../../src/random/index.ts";

export const SIZES = { B: 2, H: 2, D: 3, M: 5 } as const;
const { B, H, D, M } = SIZES;
export const MAX_SEQ_LEN = 120;
const PADDING = 20;

/** With options that are small, so that several blocks are few positions. */
const options: Readonly<Record<string, MechanismChoice>> = {
  local: { name: "local", window: 37 },
  longformer: { name: "longformer", window: 21, globalTokens: 3 },
  "sparse-strided": { name: "sparse-strided", stride: 13 },
  "sparse-fixed": { name: "sparse-fixed", stride: 13, summaryPositions: 2 },
};

/** Everything that says its blocks, by name, with the length of the smallest. */
export const declared = Object.entries({
  ...Object.fromEntries(
    Object.entries<AttentionMechanism>(mechanisms).map(([name, mechanism]) => [
      name,
      options[name] === undefined ? mechanism : createMechanism(options[name]),
    ]),
  ),
  "heads of several kinds": mixedHeads([
    { mechanism: createMechanism({ name: "local", window: 7 }), numHeads: 1 },
    { mechanism: mechanisms.favor, numHeads: 1 },
  ]),
}).flatMap(([name, mechanism]) =>
  mechanism.wholeBlocks === undefined ? [] : [{ name, mechanism, blockLength: blockLengthOf(mechanism.wholeBlocks) }],
);

/** Ends at its own places in each sequence. */
export const real = (length: number) =>
  Float32Array.from({ length: B * length }, (_, i) => Number(i % length < length - 2 * Math.floor(i / length)));

export function inputsAt(mechanism: AttentionMechanism, length: number) {
  const random = createRandom(7, "block length");
  const normal = (shape: readonly number[]) => ndarray(fillNormal(random, new Float32Array(sizeOf(shape))), shape);
  const drawn = mechanism.initialise(random, { headDim: D, numFeatures: M, numHeads: H });
  const own = mechanism.parameters?.({ numHeads: H, headDim: D, maxSeqLen: MAX_SEQ_LEN }) ?? {};
  const arrays: Record<string, NdArray> = {
    q: normal([B, H, length, D]),
    k: normal([B, H, length, D]),
    v: normal([B, H, length, D]),
    mask: ndarray(real(length), [B, length]),
    ...(drawn && { projection: drawn.projection }),
    ...Object.fromEntries(Object.entries(own).map(([name, { shape }]) => [name, normal(shape)])),
  };
  const tensors = Object.fromEntries(Object.entries(arrays).map(([name, { shape }]) => [name, input(name, shape)]));
  return { arrays, tensors };
}

/** The output at the first positions, of sequences that are padded to so many. */
export function outputAt(
  { apply }: AttentionMechanism,
  tensors: Readonly<Record<string, Tensor>>,
  { length, padded, blockLength }: { readonly length: number; readonly padded: number; readonly blockLength?: number },
): Tensor {
  const { q, k, v, mask, projection, ...parameters } = tensors as Record<"q" | "k" | "v" | "mask", Tensor> &
    Record<string, Tensor>; // made above
  // Large, so that what counts in spite of its mask is seen.
  const longer = (x: Tensor) => (padded === length ? x : concat([x, full([B, H, padded - length, D], PADDING)], 2));
  const keyMask = pad(mask, 1, 0, padded - length);
  const out = apply(longer(q), longer(k), longer(v), {
    causal: false,
    form: "parallel",
    keyMask,
    queryMask: keyMask,
    parameters,
    blockLength,
    ...(projection && { projection }),
  });
  return slice(out, 2, 0, length);
}
