/** Cross entropy of tokens and classes, squared errors of numbers, and the sums that figures of evaluations are made of. */
import type { ModelConfig } from "../model/config.ts";
import type { Tensor } from "../graph/tensor.ts";
import { logSoftmax, mean, oneHot, square } from "../ops/composed.ts";
import { add, atLeast, div, maximum, mul, neg, sub } from "../ops/elementwise.ts";
import { max } from "../ops/maximum-along.ts";
import { sum } from "../ops/reduce.ts";

export interface TokenLosses {
  /** Σ weight · −log p(target), in nats. */
  readonly lossSum: Tensor;
  /** Σ weight · [the target has the largest logit]. */
  readonly correctSum: Tensor;
  /** Σ weight. */
  readonly weightSum: Tensor;
}

/**
 * Weighted sums over all positions.
 *
 * @param logits `[B, L, V]`
 * @param targetIds `[B, L]` int32
 * @param weights `[B, L]`: 1 where the target counts, 0 on padding
 * @param labelSmoothing share ε of the target distribution spread evenly: −(1 − ε)·log p(target) − ε·mean log p
 */
export function tokenLosses(logits: Tensor, targetIds: Tensor, weights: Tensor, labelSmoothing = 0): TokenLosses {
  const vocabSize = logits.shape.at(-1) ?? 1;
  const target = oneHot(targetIds, vocabSize);
  const logProbabilities = logSoftmax(logits);
  const ofTarget = sum(mul(logProbabilities, target), { axes: [-1] });
  const smoothed =
    labelSmoothing === 0
      ? ofTarget
      : add(mul(ofTarget, 1 - labelSmoothing), mul(sum(logProbabilities, { axes: [-1] }), labelSmoothing / vocabSize));
  const largest = max(logits, { axes: [-1] });
  const correct = atLeast(sum(mul(logits, target), { axes: [-1] }), largest);
  return {
    lossSum: neg(sum(mul(smoothed, weights))),
    correctSum: sum(mul(correct, weights)),
    weightSum: sum(weights),
  };
}

export interface RegressionLosses {
  /** Σ weight · (prediction − target)². */
  readonly lossSum: Tensor;
  /** Σ weight. */
  readonly weightSum: Tensor;
  readonly targetSum: Tensor;
  readonly targetSquareSum: Tensor;
  readonly predictedSum: Tensor;
  readonly predictedSquareSum: Tensor;
  readonly productSum: Tensor;
}

/**
 * Weighted sums over all positions, each of the mean over the numbers of a position.
 *
 * @param predicted `[B, L, K]`
 * @param targetValues `[B, L, K]`
 * @param weights `[B, L]`: 1 where the target counts, 0 on padding
 */
export function regressionLosses(predicted: Tensor, targetValues: Tensor, weights: Tensor): RegressionLosses {
  const weighted = (values: Tensor) => sum(mul(mean(values, { axes: [-1] }), weights));
  return {
    lossSum: weighted(square(sub(predicted, targetValues))),
    weightSum: sum(weights),
    targetSum: weighted(targetValues),
    targetSquareSum: weighted(square(targetValues)),
    predictedSum: weighted(predicted),
    predictedSquareSum: weighted(square(predicted)),
    productSum: weighted(mul(predicted, targetValues)),
  };
}

/** The targets of a batch as tensors. */
export interface Targets {
  readonly targetIds: Tensor;
  readonly targetValues: Tensor;
  readonly weights: Tensor;
}

/** The losses of whatever a model predicts. */
export function lossesOf(
  { head }: Pick<ModelConfig, "head">,
  predicted: Tensor,
  { targetIds, targetValues, weights }: Targets,
  labelSmoothing = 0,
): TokenLosses | RegressionLosses {
  return head === "regression"
    ? regressionLosses(predicted, targetValues, weights)
    : tokenLosses(predicted, targetIds, weights, labelSmoothing);
}

/** Names of all sums; of a model there are those of its kind. */
export const SUM_NAMES = [
  "lossSum",
  "weightSum",
  "correctSum",
  "targetSum",
  "targetSquareSum",
  "predictedSum",
  "predictedSquareSum",
  "productSum",
] as const satisfies readonly (keyof TokenLosses | keyof RegressionLosses)[];

export type LossSums = Readonly<Partial<Record<(typeof SUM_NAMES)[number], number>>>;

/** Mean loss a target; a batch without targets gives 0. */
export function meanLoss({ lossSum, weightSum }: Pick<TokenLosses, "lossSum" | "weightSum">): Tensor {
  return div(lossSum, maximum(weightSum, 1));
}
