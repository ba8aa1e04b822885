/** How good a model is on given batches. */
import type { NdArray } from "../graph/ndarray.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Named } from "../model/parameters.ts";
import type { Backend } from "../runtime/backend.ts";
import type { Batch } from "./batch.ts";
import { createExecution, type ExecutionOptions } from "./choose-execution.ts";
import type { Execution } from "./execution.ts";

export interface EvaluationResult {
  /** Predictions counted. */
  readonly tokens: number;
  /** Share of predictions whose largest logit is the target's. */
  readonly accuracy: number;
  /** e to the mean loss. */
  readonly perplexity: number;
  /** Mean −log p(target), in nats. */
  readonly lossNats: number;
}

/** Compiled evaluation graphs of one model configuration, to be used again and again while a model trains. */
export interface Evaluator extends AsyncDisposable {
  /**
   * @param tensors weights and projections
   * @param onBatch called after each batch with the number done
   */
  readonly evaluate: (
    tensors: Named<NdArray>,
    batches: readonly Batch[],
    onBatch?: (done: number) => void,
  ) => Promise<EvaluationResult>;
}

/**
 * @param options.segmentLength longer sequences are evaluated in parts of so many tokens; default 0: in one go
 * @param options.gradientCheckpointing `blocks` goes block by block, with the logits of some rows at a time; default none
 */
export function createEvaluator(
  config: ModelConfig,
  backend: Backend,
  { segmentLength = 0, gradientCheckpointing = "none" }: Partial<ExecutionOptions> = {},
): Evaluator {
  return evaluatorWith(createExecution(config, backend, { segmentLength, gradientCheckpointing, labelSmoothing: 0 }));
}

/** Evaluates by graphs that are compiled already; disposing of the evaluator disposes of them. */
export function evaluatorWith(execution: Execution): Evaluator {
  return {
    evaluate: async (tensors, batches, onBatch) => {
      const totals = { lossSum: 0, correctSum: 0, weightSum: 0 };
      for (const [index, batch] of batches.entries()) {
        const sums = await execution.evaluate(tensors, batch);
        for (const name of ["lossSum", "correctSum", "weightSum"] as const) totals[name] += sums[name];
        onBatch?.(index + 1);
      }
      const lossNats = totals.lossSum / totals.weightSum;
      return {
        tokens: totals.weightSum,
        accuracy: totals.correctSum / totals.weightSum,
        perplexity: Math.exp(lossNats),
        lossNats,
      };
    },
    [Symbol.asyncDispose]: () => execution[Symbol.asyncDispose](),
  };
}
