/** How good a model is on given batches. */
import { formFor } from "../attention/mechanism.ts";
import type { NdArray } from "../graph/ndarray.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Named } from "../model/parameters.ts";
import type { Backend } from "../runtime/backend.ts";
import type { Batch } from "./batch.ts";
import type { TokenLosses } from "./loss.ts";
import { createSegmentedGraphs } from "./segments.ts";
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

/** @param options.segmentLength longer sequences are evaluated in parts of so many tokens; default 0: in one go */
export function createEvaluator(
  config: ModelConfig,
  backend: Backend,
  { segmentLength = 0 }: { readonly segmentLength?: number } = {},
): Evaluator {
  const longest = segmentLength > 0 ? segmentLength : Number.POSITIVE_INFINITY;
  const segments = createSegmentedGraphs(config, backend, { segmentLength, dropout: 0, labelSmoothing: 0 });
  const form = formFor(backend.device);
  const cache: ShapeCache = createShapeCache(backend, (batchSize, seqLen) =>
    evaluationOutputs(config, batchSize, seqLen, form),
  );
  const whole = async (tensors: Named<NdArray>, batch: Batch) => {
    const executable = await cache.get(batch);
    const results = await executable.run({ ...tensors, ...batchFeeds(batch) });
    const sumOf = (name: keyof TokenLosses) => Number(results[name]?.data[0]);
    return { lossSum: sumOf("lossSum"), correctSum: sumOf("correctSum"), weightSum: sumOf("weightSum") };
  };
  return {
    evaluate: async (tensors, batches, onBatch) => {
      const totals = { lossSum: 0, correctSum: 0, weightSum: 0 };
      for (const [index, batch] of batches.entries()) {
        const sums = batch.seqLen > longest ? await segments.evaluate(tensors, batch) : await whole(tensors, batch);
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
    [Symbol.asyncDispose]: async () => {
      await segments[Symbol.asyncDispose]();
      await cache[Symbol.asyncDispose]();
    },
  };
}
