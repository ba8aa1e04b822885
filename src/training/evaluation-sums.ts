/** Sums of an evaluation over its batches, in float64: losses, right predictions, and the moments of a regression. */
import { problem } from "../graph/errors.ts";
import type { NdArray } from "../graph/ndarray.ts";
import type { Named } from "../model/parameters.ts";
import { RuntimeError } from "../runtime/backend.ts";
import { mergePairMoments, NO_PAIRS, pairMoments, type PairMoments } from "../statistics/index.ts";
import type { Batch } from "../data/batch.ts";

/** Sums over all targets that count. They are plain numbers, so memory does not grow with the batches. */
export interface EvaluationSums {
  /** Σ weight: targets, tokens or sequences. */
  readonly weightSum: number;
  /**
   * Σ weight · loss: −log p(target) in nats; for a regression the squared error, mean over the numbers of a position;
   * or a distance.
   */
  readonly lossSum: number;
  /** Σ weight · [the target has the largest logit]; only where tokens or classes are predicted. */
  readonly correctSum?: number;
  /** Targets x and predictions y; only for a regression. */
  readonly pairs?: PairMoments;
}

/** The sums of no batch. */
export const NO_SUMS: EvaluationSums = { weightSum: 0, lossSum: 0 };

/**
 * Adds up what the graph of an evaluation gives for each position. The engine computes single losses and predictions in
 * float32; sums of them are taken here, in float64, because sums in float32 lose what numbers far from zero have in
 * their last digits.
 *
 * @param results `losses` and `correct` `[B, L]`, or `predicted` `[B, L, K]`, from the outputs of `targetFigures`
 * @param targets of the same positions
 * @throws RuntimeError when a predicted number is not finite
 */
export function sumsOf(
  { losses, correct, predicted }: Named<NdArray>,
  { weights, targetValues }: Pick<Batch, "weights" | "targetValues">,
): EvaluationSums {
  const weightSum = weightedSum(weights);
  if (predicted === undefined) {
    const lossSum = losses === undefined ? Number.NaN : weightedSum(weights, losses.data);
    return { weightSum, lossSum, ...(correct && { correctSum: weightedSum(weights, correct.data) }) };
  }
  const values = targetValues ?? new Float64Array();
  const perPosition = values.length / weights.length;
  const counts = (_: unknown, index: number) => weights[Math.floor(index / perPosition)] !== 0;
  const found = Float64Array.from(predicted.data, Number).filter(counts);
  const wrong = found.find((value) => !Number.isFinite(value));
  if (wrong !== undefined) {
    throw new RuntimeError(
      problem`evaluate: predictions must be finite numbers, got ${wrong}; the weights are damaged or training has
      diverged: use an earlier checkpoint, or train again with a lower learningRate`,
    );
  }
  const pairs = pairMoments(values.filter(counts), found);
  return { weightSum, lossSum: pairs.squaredErrors / perPosition, pairs };
}

/** The sums of several batches, or parts of one, together. */
export function addSums(a: EvaluationSums, b: EvaluationSums): EvaluationSums {
  const correctSum = (a.correctSum ?? 0) + (b.correctSum ?? 0);
  const pairs = mergePairMoments(a.pairs ?? NO_PAIRS, b.pairs ?? NO_PAIRS);
  return {
    weightSum: a.weightSum + b.weightSum,
    lossSum: a.lossSum + b.lossSum,
    ...((a.correctSum ?? b.correctSum) !== undefined && { correctSum }),
    ...((a.pairs ?? b.pairs) && { pairs }),
  };
}

/** Σ weight · value, in float64; what has no weight counts for nothing, whatever it is. */
function weightedSum(weights: ArrayLike<number>, values?: ArrayLike<number | bigint>): number {
  let sum = 0;
  for (let index = 0; index < weights.length; index++) {
    const weight = weights[index] ?? 0;
    if (weight !== 0) sum += weight * (values === undefined ? 1 : Number(values[index]));
  }
  return sum;
}
