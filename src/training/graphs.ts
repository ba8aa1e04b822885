/** The compiled graphs of training and evaluation: one for each shape of batch, kept while the run lasts. */
import { backpropagate } from "../autodiff/gradients.ts";
import type { ExecutionForm } from "../attention/mechanism.ts";
import type { NdArray } from "../graph/ndarray.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Named } from "../model/parameters.ts";
import { modelInputs } from "../model/inputs.ts";
import { logits } from "../model/performer.ts";
import { dropout } from "../ops/composed.ts";
import { full, input } from "../ops/source.ts";
import type { Backend, Executable } from "../runtime/backend.ts";
import type { Batch } from "./batch.ts";
import { meanLoss, tokenLosses } from "./loss.ts";

/** Inputs of a batch; the names start with `batch.`, which no parameter does. */
export function batchInputs(batchSize: number, seqLen: number) {
  const shape = [batchSize, seqLen];
  return {
    inputIds: input("batch.inputIds", shape, "int32"),
    targetIds: input("batch.targetIds", shape, "int32"),
    weights: input("batch.weights", shape),
  };
}

/** A batch under the names of its graph inputs. */
export function batchFeeds({ inputIds, targetIds, weights }: Batch): Record<string, Int32Array | Float32Array> {
  return { "batch.inputIds": inputIds, "batch.targetIds": targetIds, "batch.weights": weights };
}

const GRADIENT = "gradient:";

export interface StepGraphOptions {
  readonly dropout: number;
  readonly labelSmoothing: number;
  readonly form: ExecutionForm;
}

/** Loss and the gradient of every parameter, for one shape of batch. */
export function stepOutputs(
  config: ModelConfig,
  batchSize: number,
  seqLen: number,
  options: StepGraphOptions,
): Record<string, Tensor> {
  const model = modelInputs(config);
  const batch = batchInputs(batchSize, seqLen);
  const predicted = logits(model, batch.inputIds, { form: options.form, ...dropoutOption(options.dropout) });
  const losses = tokenLosses(predicted, batch.targetIds, batch.weights, options.labelSmoothing);
  const loss = meanLoss(losses);
  const found = backpropagate([loss], [full([], 1)], Object.values(model.named));
  return { loss, weightSum: losses.weightSum, ...gradientOutputs(model.named, found) };
}

/** Gradients, in the order of what they are by, as outputs of a graph. */
export function gradientOutputs(by: Named<Tensor>, found: readonly (Tensor | undefined)[]): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(by).map(([name, { shape }], index) => [GRADIENT + name, found[index] ?? full(shape, 0)]),
  );
}

const DROPOUT = "dropout.";

/** Dropout by masks that are inputs of the graph, numbered in the order of their use; nothing at a rate of 0. */
export function dropoutOption(rate: number): { readonly dropout?: (x: Tensor) => Tensor } {
  if (rate === 0) return {};
  let masks = 0;
  return { dropout: (x) => dropout(x, input(`${DROPOUT}${masks++}`, x.shape, "bool"), rate) };
}

/** The inputs of a step's graph that are dropout masks. */
export function dropoutInputs({ inputs }: Executable): { readonly name: string; readonly size: number }[] {
  return Object.entries(inputs)
    .filter(([name]) => name.startsWith(DROPOUT))
    .map(([name, { shape }]) => ({ name, size: shape.reduce((product, length) => product * length, 1) }));
}

/** The gradients among a step's results, by parameter name. */
export function gradientsOf(results: Named<NdArray>): Record<string, NdArray> {
  return Object.fromEntries(
    Object.entries(results).flatMap(([name, array]) =>
      name.startsWith(GRADIENT) ? [[name.slice(GRADIENT.length), array] as const] : [],
    ),
  );
}

/** Sums of losses and correct predictions, for one shape of batch. */
export function evaluationOutputs(
  config: ModelConfig,
  batchSize: number,
  seqLen: number,
  form: ExecutionForm,
): Record<string, Tensor> {
  const batch = batchInputs(batchSize, seqLen);
  return { ...tokenLosses(logits(modelInputs(config), batch.inputIds, { form }), batch.targetIds, batch.weights) };
}

/** Compiled graphs by shape of batch; each is compiled once, when it is first needed. */
export interface ShapeCache extends AsyncDisposable {
  readonly get: (batch: { readonly batchSize: number; readonly seqLen: number }) => Promise<Executable>;
}

export function createShapeCache(
  backend: Backend,
  build: (batchSize: number, seqLen: number) => Record<string, Tensor>,
): ShapeCache {
  const compiled = new Map<string, Promise<Executable>>();
  return {
    get: ({ batchSize, seqLen }) => {
      const key = `${batchSize}x${seqLen}`;
      let executable = compiled.get(key);
      if (executable === undefined) {
        executable = backend.compile({ outputs: build(batchSize, seqLen) });
        compiled.set(key, executable);
      }
      return executable;
    },
    [Symbol.asyncDispose]: async () => {
      const settled = await Promise.allSettled(compiled.values());
      for (const result of settled) if (result.status === "fulfilled") await result.value.dispose();
      compiled.clear();
    },
  };
}
