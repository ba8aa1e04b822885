/**
 * What the suites of model, training and inference share: a model small enough for float64 loops, batches, comparisons.
 */
import { evaluate } from "../../src/runtime/reference.ts";
import { inputsOf } from "../../src/graph/inputs.ts";
import { toFloat64, type NdArray } from "../../src/graph/ndarray.ts";
import type { ReferenceArray } from "../../src/graph/op-rule.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { modelConfig, type ModelConfig, type ModelOptions } from "../../src/model/config.ts";
import { drawProjections, initialParameters, type Named } from "../../src/model/parameters.ts";
import { createRandom, fillNormal } from "../../src/random/index.ts";
import type { Batch } from "../../src/data/batch.ts";

/** A configuration of a few hundred weights; sizes differ, so that no two axes can be mixed up. */
export function tinyConfig(options: Partial<ModelOptions> = {}): ModelConfig {
  return modelConfig({
    vocabSize: 11,
    modelDim: 12,
    numLayers: 2,
    numHeads: 2,
    mlpDim: 17,
    numFeatures: 7,
    maxSeqLen: 19,
    dropout: 0,
    ...options,
  });
}

/**
 * Weights and projections as after some training: biases and norms are not at their starting values, and logits are of
 * order 1, so that nothing is compared with nothing.
 */
export function tinyTensors(config: ModelConfig, seed = 3): Record<string, NdArray> {
  const weights = Object.entries(initialParameters(config, seed)).map(([name, array]): [string, NdArray] => {
    const size = array.shape.length === 1 || name.includes("mbedding") || name.startsWith("head") ? 0.3 : 0.05;
    const noise = fillNormal(createRandom(seed, "noise", name), new Float32Array(array.data.length), size);
    return [name, { ...array, data: noise.map((value, index) => value + Number(array.data[index])) }];
  });
  return { ...Object.fromEntries(weights), ...drawProjections(config, seed, 0) };
}

/** Random tokens; row r of the batch ends after `lengths[r]` positions, by default none ends early. */
export function randomBatch(
  { vocabSize }: ModelConfig,
  batchSize: number,
  seqLen: number,
  { seed = 5, lengths = [] }: { readonly seed?: number; readonly lengths?: readonly number[] } = {},
): Batch {
  const random = createRandom(seed, "batch");
  const ids = () => Int32Array.from({ length: batchSize * seqLen }, () => random.integer(vocabSize));
  const weights = Float32Array.from({ length: batchSize * seqLen }, (_, index) =>
    Number(index % seqLen < (lengths[Math.floor(index / seqLen)] ?? seqLen)),
  );
  return { batchSize, seqLen, inputIds: ids(), targetIds: ids(), weights };
}

/** Float64 results of a graph whose inputs are given by name; what the graph does not read is passed over. */
export function evaluateInFloat64(
  outputs: Readonly<Record<string, Tensor>>,
  values: Named<NdArray>,
): Record<string, ReferenceArray> {
  const given = new Map<Tensor, ReferenceArray>();
  for (const [name, tensors] of inputsOf({ outputs })) {
    const value = values[name];
    if (value === undefined) throw new Error(`evaluateInFloat64: '${name}' must be given, got nothing`);
    for (const tensor of tensors) given.set(tensor, { shape: tensor.shape, data: toFloat64(value) });
  }
  const results = evaluate(Object.values(outputs), given);
  return Object.fromEntries(
    Object.keys(outputs).flatMap((name, index) => {
      const result = results[index];
      return result === undefined ? [] : [[name, result] as const];
    }),
  );
}

/** Largest difference over the largest expected entry, or over `floor` where all are smaller than that. */
export function relativeError(
  actual: ArrayLike<number | bigint> | undefined,
  expected: ArrayLike<number | bigint> | undefined,
  floor = 1e-12,
): number {
  if (actual === undefined || expected === undefined || actual.length !== expected.length)
    return Number.POSITIVE_INFINITY;
  let largest = floor;
  let difference = 0;
  for (let index = 0; index < expected.length; index++) {
    const value = Number(expected[index]);
    largest = Math.max(largest, Math.abs(value));
    const each = Math.abs(Number(actual[index]) - value);
    if (!(each <= difference)) difference = each;
  }
  return difference / largest;
}

/** The value, which must be there. */
export function present<T>(value: T | undefined, what = "value"): T {
  if (value === undefined) throw new Error(`the ${what} must be there, got nothing`);
  return value;
}
