/** log p of given tokens, inside a graph. */
import type { Tensor } from "../graph/tensor.ts";
import { logSoftmax, oneHot } from "../ops/composed.ts";
import { mul } from "../ops/elementwise.ts";
import { sum } from "../ops/reduce.ts";

/**
 * log softmax(logits)[target], over the whole vocabulary: a number a token leaves the graph instead of one a token of
 * the vocabulary.
 *
 * @param logits `[B, L, V]`
 * @param targetIds `[B, L]` int32
 * @returns `[B, L]`
 */
export function targetLogProbabilities(logits: Tensor, targetIds: Tensor): Tensor {
  const target = oneHot(targetIds, logits.shape.at(-1) ?? 1);
  return sum(mul(logSoftmax(logits), target), { axes: [-1] });
}
