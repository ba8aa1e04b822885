/** Causal FAVOR+ with the engine's own op for prefix sums: features in the graph, everything else in one node. */

import type { Tensor } from "../graph/tensor.ts";
import { div, exp, mul, sub } from "../ops/elementwise.ts";
import { reshape } from "../ops/layout.ts";
import { linearAttention } from "../ops/linear-attention.ts";
import { matmul } from "../ops/matmul.ts";
import { softmax } from "../ops/normalize.ts";
import { concat, split } from "../ops/slicing.ts";
import { full } from "../ops/source.ts";
import { sumSquares } from "../ops/sum-squares.ts";
import type { AttentionCase, Prepare } from "./contender.ts";
import type { Contender } from "./measure.ts";

export const LINEAR_ATTENTION_OP = "linear-attention op";

/**
 * Causal attention with positive features.
 *
 * @param q `[1, L, H, D]`, as k; v `[1, L, H, E]`: the op's own layout, so that nothing is transposed
 * @param projection `[M, D]`
 * @returns `[1, L, H, E]`
 */
export function linearAttentionByOp(q: Tensor, k: Tensor, v: Tensor, projection: Tensor): Tensor {
  const [, length = 0, numHeads = 0, headDim = 1] = q.shape;
  const [numFeatures = 0] = projection.shape;
  const width = (v.shape[3] ?? 0) + 1;
  const projected = (x: Tensor) => matmul(mul(x, headDim ** -0.25), projection, { transposeB: true });
  // A query's own factor cancels, so that its features may be a softmax.
  const queries = softmax(projected(q));
  const halfSquares = mul(sumSquares(k, { axes: [-1], keepDims: true }), headDim ** -0.5 / 2);
  const keys = exp(sub(projected(k), halfSquares));
  const values = concat([v, full([1, length, numHeads, 1], 1)], 3);
  const packed = (x: Tensor) => reshape(x, [1, length, -1]);
  const state = full([1, numHeads, numFeatures, width], 0);
  const { out } = linearAttention(packed(queries), packed(keys), packed(values), { state, numHeads });
  const [numerator = out, denominator = out] = split(reshape(out, [1, length, numHeads, width]), 3, [width - 1, 1]);
  return div(numerator, denominator);
}

/** For the causal forward pass; the op knows no other. */
export function linearAttentionContender(prepare: Prepare, each: AttentionCase): Promise<Contender> {
  const { numHeads, headDim, numFeatures, seqLen } = each;
  const tokens = [1, seqLen, numHeads, headDim];
  return prepare(
    LINEAR_ATTENTION_OP,
    ({ q, k, v, projection }) => ({ out: linearAttentionByOp(q, k, v, projection) }),
    { q: tokens, k: tokens, v: tokens, projection: [numFeatures, headDim] },
  );
}
