/**
 * Cross entropy of tokens and classes, squared errors of numbers: their sums for training, and each by itself for
 * evaluations.
 */
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

/** The loss of each position, and whether its target has the largest logit: 1, or 0. */
interface PositionLosses {
  /** `[B, L]`: −log p(target), in nats. */
  readonly losses: Tensor;
  /** `[B, L]`. */
  readonly correct: Tensor;
}

function positionLosses(logits: Tensor, targetIds: Tensor, labelSmoothing: number): PositionLosses {
  const vocabSize = logits.shape.at(-1) ?? 1;
  const target = oneHot(targetIds, vocabSize);
  const logProbabilities = logSoftmax(logits);
  const ofTarget = sum(mul(logProbabilities, target), { axes: [-1] });
  const smoothed =
    labelSmoothing === 0
      ? ofTarget
      : add(mul(ofTarget, 1 - labelSmoothing), mul(sum(logProbabilities, { axes: [-1] }), labelSmoothing / vocabSize));
  const largest = max(logits, { axes: [-1] });
  return { losses: neg(smoothed), correct: atLeast(sum(mul(logits, target), { axes: [-1] }), largest) };
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
  const { losses, correct } = positionLosses(logits, targetIds, labelSmoothing);
  return { lossSum: sum(mul(losses, weights)), correctSum: sum(mul(correct, weights)), weightSum: sum(weights) };
}

/** The sums that the loss of a regression is made of. */
export type RegressionLosses = Pick<TokenLosses, "weightSum"> & {
  /** Σ weight · (prediction − target)², mean over the numbers of a position. */
  readonly lossSum: Tensor;
};

/**
 * Weighted sums over all positions.
 *
 * @param predicted `[B, L, K]`
 * @param targetValues `[B, L, K]`
 * @param weights `[B, L]`: 1 where the target counts, 0 on padding
 */
export function regressionLosses(predicted: Tensor, targetValues: Tensor, weights: Tensor): RegressionLosses {
  const errors = mean(square(sub(predicted, targetValues)), { axes: [-1] });
  return { lossSum: sum(mul(errors, weights)), weightSum: sum(weights) };
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

/**
 * Outputs that an evaluation adds up in float64, one entry for each position: `losses` and `correct` `[B, L]` for
 * tokens and classes, `predicted` `[B, L, K]` for a regression.
 */
export function targetFigures(
  { head }: Pick<ModelConfig, "head">,
  predicted: Tensor,
  { targetIds }: Pick<Targets, "targetIds">,
): Record<string, Tensor> {
  return head === "regression" ? { predicted } : { ...positionLosses(predicted, targetIds, 0) };
}

/** Mean loss a target; a batch without targets gives 0. */
export function meanLoss({ lossSum, weightSum }: Pick<TokenLosses, "lossSum" | "weightSum">): Tensor {
  return div(lossSum, maximum(weightSum, 1));
}
