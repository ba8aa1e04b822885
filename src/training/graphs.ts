/**
 * The graphs of steps and evaluations in one go, and what all graphs of training have in common: inputs, masks,
 * gradients.
 */
import { backpropagate } from "../autodiff/gradients.ts";
import type { ExecutionForm } from "../attention/mechanism.ts";
import type { NdArray } from "../graph/ndarray.ts";
import { sizeOf } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Named } from "../model/parameters.ts";
import { modelInputs } from "../model/inputs.ts";
import { predictions } from "../model/predictions.ts";
import { dropout } from "../ops/composed.ts";
import { full, input } from "../ops/source.ts";
import type { Executable } from "../runtime/backend.ts";
import type { Batch, BatchShape } from "../data/batch.ts";
import type { StepResult } from "./execution.ts";
import { pickNames, trainableNames, type Freeze } from "./freeze.ts";
import { lossesOf, meanLoss, targetFigures } from "./loss.ts";

/** Inputs of a batch; the names start with `batch.`, which no parameter does. */
export function batchInputs(
  { batchSize, seqLen, targetLen = seqLen, sourceLen }: BatchShape,
  { numLabels = 1 }: Pick<Partial<ModelConfig>, "numLabels"> = {},
) {
  return {
    inputIds: input("batch.inputIds", [batchSize, seqLen], "int32"),
    targetIds: input("batch.targetIds", [batchSize, targetLen], "int32"),
    targetValues: input("batch.targetValues", [batchSize, targetLen, numLabels]),
    weights: input("batch.weights", [batchSize, targetLen]),
    sourceIds: sourceLen === undefined ? undefined : input("batch.sourceIds", [batchSize, sourceLen], "int32"),
  };
}

/** A batch under the names of its graph inputs. */
export function batchFeeds(batch: Omit<Batch, keyof BatchShape>): Record<string, Int32Array | Float32Array> {
  const { inputIds, targetIds, targetValues, weights, sourceIds } = batch;
  return {
    "batch.inputIds": inputIds,
    "batch.targetIds": targetIds,
    "batch.weights": weights,
    ...(targetValues && { "batch.targetValues": Float32Array.from(targetValues) }),
    ...(sourceIds && { "batch.sourceIds": sourceIds }),
  };
}

const GRADIENT = "gradient:";

export interface StepGraphOptions {
  readonly dropout: number;
  readonly labelSmoothing: number;
  readonly form: ExecutionForm;
  /** Default `none`. */
  readonly freeze?: Freeze;
}

/** Loss and the gradient of every parameter that is trained, for one shape of batch. */
export function stepOutputs(config: ModelConfig, shape: BatchShape, options: StepGraphOptions): Record<string, Tensor> {
  const model = modelInputs(config);
  const batch = batchInputs(shape, config);
  const predicted = predictions(model, batch, { form: options.form, ...dropoutOption(options.dropout) });
  const losses = lossesOf(config, predicted, batch, options.labelSmoothing);
  const loss = meanLoss(losses);
  const by = pickNames(model.named, trainableNames(config, options.freeze));
  const found = backpropagate([loss], [full([], 1)], Object.values(by));
  return { loss, weightSum: losses.weightSum, ...gradientOutputs(by, found) };
}

/**
 * Gradients as outputs of a graph, those of the last layers first: the engine computes outputs in their order, and what
 * the gradients of early layers need would otherwise be computed, and kept, before the late ones are done.
 */
export function gradientOutputs(by: Named<Tensor>, found: readonly (Tensor | undefined)[]): Record<string, Tensor> {
  const entries = Object.entries(by).map(
    ([name, { shape }], index) => [GRADIENT + name, found[index] ?? full(shape, 0)] as const,
  );
  return Object.fromEntries(entries.toReversed());
}

const DROPOUT = "dropout.";

/**
 * Dropout by masks that are inputs of the graph, numbered from `first` in the order of their use; nothing at a rate of
 * 0.
 */
export function dropoutOption(rate: number, first = 0): { readonly dropout?: (x: Tensor) => Tensor } {
  if (rate === 0) return {};
  let masks = first;
  return { dropout: (x) => dropout(x, input(`${DROPOUT}${masks++}`, x.shape, "bool"), rate) };
}

/** The inputs of a graph that are dropout masks: their names, their numbers in the graph, and their elements. */
export function dropoutInputs({
  inputs,
}: Pick<Executable, "inputs">): { readonly name: string; readonly number: number; readonly size: number }[] {
  return Object.entries(inputs)
    .filter(([name]) => name.startsWith(DROPOUT))
    .map(([name, { shape }]) => ({ name, number: Number(name.slice(DROPOUT.length)), size: sizeOf(shape) }));
}

/** The gradients among a step's results, by parameter name. */
export function gradientsOf(results: Named<NdArray>): Record<string, NdArray> {
  return Object.fromEntries(
    Object.entries(results).flatMap(([name, array]) =>
      name.startsWith(GRADIENT) ? [[name.slice(GRADIENT.length), array] as const] : [],
    ),
  );
}

/** The outputs of a step's graph for a whole batch. */
export function stepResultOf(results: Named<NdArray>): StepResult {
  return {
    lossNats: Number(results["loss"]?.data[0]),
    weightSum: Number(results["weightSum"]?.data[0]),
    gradients: gradientsOf(results),
  };
}

/** Lengths of the parts of at most `longest` that make up a whole. */
export function partLengths(whole: number, longest: number): readonly number[] {
  return Array.from({ length: Math.ceil(whole / longest) }, (_, index) => Math.min(longest, whole - index * longest));
}

/** Adds gradients to what has been gathered so far, in place. */
export function accumulate(totals: Record<string, NdArray>, found: Named<NdArray>): void {
  for (const [name, array] of Object.entries(found)) {
    const total = totals[name]?.data;
    if (total === undefined) {
      totals[name] = array;
      continue;
    }
    for (let i = 0; i < total.length; i++) total[i] = Number(total[i]) + Number(array.data[i]);
  }
}

/** Outputs of an evaluation for one shape of batch: losses or predictions of each position. */
export function evaluationOutputs(config: ModelConfig, shape: BatchShape, form: ExecutionForm): Record<string, Tensor> {
  const batch = batchInputs(shape, config);
  return targetFigures(config, predictions(modelInputs(config), batch, { form }), batch);
}
