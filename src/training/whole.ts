/** Steps in one go: one graph holds the whole model, forward and backward, and keeps every activation between. */
import { formFor, type ExecutionForm } from "../attention/mechanism.ts";
import type { ModelConfig } from "../model/config.ts";
import { feedsFor, type Backend } from "../runtime/backend.ts";
import { sumsOf } from "./evaluation-sums.ts";
import type { Execution, LossOptions } from "./execution.ts";
import { createGraphCache, planned, type GraphPlan } from "./graph-plan.ts";
import { batchFeeds, evaluationOutputs, stepResultOf, stepOutputs } from "./graphs.ts";

function wholeGraphs(options: LossOptions & { readonly form: ExecutionForm }) {
  return {
    step: planned("step", (config, shape) => stepOutputs(config, shape, options)),
    evaluation: planned("evaluation", (config, shape) => evaluationOutputs(config, shape, options.form)),
  };
}

export function planWhole(options: LossOptions & { readonly form: ExecutionForm }): GraphPlan {
  const graphs = wholeGraphs(options);
  return { training: (shape) => [graphs.step(shape)], evaluation: (shape) => [graphs.evaluation(shape)] };
}

export function createWholeExecution(config: ModelConfig, backend: Backend, options: LossOptions): Execution {
  const graphs = wholeGraphs({ ...options, form: formFor(backend.device) });
  const cache = createGraphCache(config, backend);
  return {
    prepare: async (shape) => void (await cache.get(graphs.step(shape))),
    step: async (tensors, batch, masks) => {
      const executable = await cache.get(graphs.step(batch));
      const feeds = { ...tensors, ...batchFeeds(batch), ...masks(executable) };
      return stepResultOf(await executable.run(feedsFor(executable, feeds)));
    },
    evaluate: async (tensors, batch) => {
      const executable = await cache.get(graphs.evaluation(batch));
      return sumsOf(await executable.run(feedsFor(executable, { ...tensors, ...batchFeeds(batch) })), batch);
    },
    [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose](),
  };
}
