/** Keys that are read by all but learn from some: gradients reach a key only from the queries of its own segment. */
import { customGradient } from "../../autodiff/custom-gradient.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { add, mul } from "../../ops/elementwise.ts";
import { matmul } from "../../ops/matmul.ts";
import type { KeySet } from "./block-sparse.ts";

/**
 * A set of keys `[B, H, N, m, D + 1]` and values `[B, H, N, m, E]`.
 *
 * @param added to the scores
 * @param own `[B, 1, N, r, m]`: 1 where gradients flow from a query to a key and its value, 0 where they stop
 */
export function ownGradientSet(keys: Tensor, values: Tensor, added: Tensor, own: Tensor): KeySet {
  return {
    score: (q) => {
      const { scores } = customGradient(
        { q, keys },
        ({ q, keys }) => ({ scores: matmul(q, keys, { transposeB: true }) }),
        ({ scores: dy }, { q, keys }) => ({
          q: dy && matmul(dy, keys),
          keys: dy && matmul(mul(dy, own), q, { transposeA: true }),
        }),
      );
      return add(scores, added);
    },
    read: (weights) =>
      customGradient(
        { weights, values },
        ({ weights, values }) => ({ sums: matmul(weights, values) }),
        ({ sums: dy }, { weights, values }) => ({
          weights: dy && matmul(dy, values, { transposeB: true }),
          values: dy && matmul(mul(weights, own), dy, { transposeA: true }),
        }),
      ).sums,
  };
}
