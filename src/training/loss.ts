/** Cross entropy of the next token, and the counts that accuracy and perplexity are made of. */
import type { Tensor } from "../graph/tensor.ts";
import { logSoftmax, oneHot } from "../ops/composed.ts";
import { add, atLeast, div, maximum, mul, neg } from "../ops/elementwise.ts";
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

/** Mean loss a token; a batch without targets gives 0. */
export function meanLoss({ lossSum, weightSum }: TokenLosses): Tensor {
  return div(lossSum, maximum(weightSum, 1));
}
