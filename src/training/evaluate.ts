/** How good a model is on given batches. */
import type { NdArray } from "../graph/ndarray.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Named } from "../model/parameters.ts";
import type { Backend } from "../runtime/backend.ts";
import { meanSquaredErrorOf, pearsonOf, rSquaredOf, type PairMoments } from "../statistics/index.ts";
import type { Batch } from "../data/batch.ts";
import { createExecution, type ExecutionOptions } from "./choose-execution.ts";
import { addSums, NO_SUMS, type EvaluationSums } from "./evaluation-sums.ts";
import type { Execution } from "./execution.ts";

export interface EvaluationResult {
  /** Predictions counted: tokens, or sequences where there is one prediction a sequence. */
  readonly tokens: number;
  /** Share of predictions whose largest logit is the target's; NaN for a regression. */
  readonly accuracy: number;
  /** e to the mean loss; NaN for a regression. */
  readonly perplexity: number;
  /** Mean −log p(target), in nats; of a regression the mean squared error. */
  readonly lossNats: number;
  /** Figures of a regression; there only. */
  readonly regression?: RegressionResult;
}

export interface RegressionResult {
  readonly meanSquaredError: number;
  /**
   * Share of the targets' variance that predictions explain: 1 − Σ (prediction − target)² / Σ (target − mean)². At most
   * 1, below 0 for predictions that are worse than the mean; NaN where the targets do not vary, as of a single one.
   */
  readonly rSquared: number;
  /** Pearson's correlation of predictions and targets, in [−1, 1]; NaN where one side does not vary. */
  readonly pearson: number;
}

/** Compiled evaluation graphs of one model configuration, to be used again and again while a model trains. */
export interface Evaluator extends AsyncDisposable {
  /**
   * @param tensors weights and projections
   * @param onBatch called after each batch with the number done
   * @throws RuntimeError when a regression predicts what is no finite number
   */
  readonly evaluate: (
    tensors: Named<NdArray>,
    batches: Iterable<Batch>,
    onBatch?: (done: number) => void,
  ) => Promise<EvaluationResult>;
}

/**
 * @param options.segmentLength longer sequences are evaluated in parts of so many tokens; default 0: in one go
 * @param options.gradientCheckpointing `blocks` goes block by block, with the logits of some rows at a time; default
 *   none
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
      let totals = NO_SUMS;
      let done = 0;
      for (const batch of batches) {
        totals = addSums(totals, await execution.evaluate(tensors, batch));
        done += 1;
        onBatch?.(done);
      }
      return resultOf(totals);
    },
    [Symbol.asyncDispose]: () => execution[Symbol.asyncDispose](),
  };
}

function resultOf({ weightSum: tokens, lossSum, correctSum, pairs }: EvaluationSums): EvaluationResult {
  const lossNats = lossSum / tokens;
  if (correctSum !== undefined) {
    return { tokens, accuracy: correctSum / tokens, perplexity: Math.exp(lossNats), lossNats };
  }
  const result = { tokens, accuracy: Number.NaN, perplexity: Number.NaN, lossNats };
  return pairs === undefined ? result : { ...result, regression: regressionOf(pairs) };
}

function regressionOf(pairs: PairMoments): RegressionResult {
  return { meanSquaredError: meanSquaredErrorOf(pairs), rSquared: rSquaredOf(pairs), pearson: pearsonOf(pairs) };
}
