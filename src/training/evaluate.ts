/** How good a model is on given batches. */
import { formFor } from "../attention/mechanism.ts";
import type { NdArray } from "../graph/ndarray.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Named } from "../model/parameters.ts";
import type { Backend } from "../runtime/backend.ts";
import type { Batch } from "./batch.ts";
import { batchFeeds, createShapeCache, evaluationOutputs, type ShapeCache } from "./graphs.ts";

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

export function createEvaluator(config: ModelConfig, backend: Backend): Evaluator {
  const form = formFor(backend.device);
  const cache: ShapeCache = createShapeCache(backend, (batchSize, seqLen) =>
    evaluationOutputs(config, batchSize, seqLen, form),
  );
  return {
    evaluate: async (tensors, batches, onBatch) => {
      const totals = { lossSum: 0, correctSum: 0, weightSum: 0 };
      for (const [index, batch] of batches.entries()) {
        const executable = await cache.get(batch);
        const results = await executable.run({ ...tensors, ...batchFeeds(batch) });
        for (const name of ["lossSum", "correctSum", "weightSum"] as const)
          totals[name] += Number(results[name]?.data[0]);
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
    [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose](),
  };
}
