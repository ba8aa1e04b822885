/** What the tests of scoring share: models of seven letters, random sequences, and log-probabilities in float64. */
import { createBackend } from "#engine";
import { letterVocabulary, type EncodedSequence } from "../../src/data/index.ts";
import { ndarray, type NdArray } from "../../src/graph/ndarray.ts";
import type { ModelConfig, ModelOptions } from "../../src/model/config.ts";
import { modelInputs } from "../../src/model/inputs.ts";
import { logits } from "../../src/model/performer.ts";
import { logSoftmax } from "../../src/ops/composed.ts";
import { input } from "../../src/ops/source.ts";
import { createRandom } from "../../src/random/index.ts";
import type { Backend } from "../../src/runtime/backend.ts";
import { evaluateInFloat64, tinyConfig, tinyTensors } from "../model/harness.ts";

/** As many tokens as tiny models have. */
export const vocabulary = letterVocabulary({ name: "tiny", letters: "ACDEFGH" });

/** Relative errors. */
export const TOLERANCE = {
  /** Float32 through two layers. */
  nats: 5e-6,
  /** The engine sums batches of another shape in another order. */
  batched: 1e-5,
} as const;

const backend = createBackend();

export interface TinyModel {
  readonly config: ModelConfig;
  readonly tensors: Record<string, NdArray>;
  readonly vocabulary: typeof vocabulary;
  readonly backend: Backend;
}

export function tinyModel(options: Partial<ModelOptions> = {}): TinyModel {
  const config = tinyConfig(options);
  return { config, tensors: tinyTensors(config), vocabulary, backend };
}

/** Random residues, a sequence of each length. */
export function proteins(...lengths: readonly number[]): EncodedSequence[] {
  return lengths.map((length, index) => {
    const random = createRandom(7, "protein", index, length);
    const tokenIds = Int32Array.from({ length }, () => 4 + random.integer(7));
    return { id: `P${index}`, tokenIds };
  });
}

/** log p of every token at every place of one row that is read as it is: `[tokens, 11]`. */
export function logProbabilitiesInFloat64({ config, tensors }: TinyModel, tokens: readonly number[]): number[][] {
  const ids = ndarray(Int32Array.from(tokens), [1, tokens.length]);
  const outputs = { y: logSoftmax(logits(modelInputs(config), input("tokenIds", ids.shape, "int32"))) };
  const { data } = evaluateInFloat64(outputs, { ...tensors, tokenIds: ids }).y ?? { data: new Float64Array(0) };
  const width = config.vocabSize;
  return tokens.map((_, place) => Array.from(data.subarray(place * width, (place + 1) * width)));
}

/** log p of each token given those before it. */
export function likelihoodInFloat64(model: TinyModel, tokenIds: ArrayLike<number>): number[] {
  const own = Array.from(tokenIds);
  const rows = logProbabilitiesInFloat64(model, [vocabulary.bosId, ...own.slice(0, -1)]);
  return own.map((token, place) => rows[place]?.[token] ?? Number.NaN);
}

/** The distributions of each token when it alone is hidden. */
export function maskedInFloat64(model: TinyModel, tokenIds: ArrayLike<number>): number[][] {
  const own = Array.from(tokenIds);
  return own.map((_, place) => {
    const hidden = [vocabulary.bosId, ...own.with(place, vocabulary.maskId), vocabulary.eosId];
    return logProbabilitiesInFloat64(model, hidden)[place + 1] ?? [];
  });
}

/** Everything that an asynchronous iteration gives. */
export async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const value of values) found.push(value);
  return found;
}
