/** FAVOR++: the positive features of least variance for the data at hand. */
import type { Tensor } from "../../../graph/tensor.ts";
import { add, div, log, mul, sqrt, sub } from "../../../ops/elementwise.ts";
import { expand, sum } from "../../../ops/reduce.ts";
import { matmul } from "../../../ops/matmul.ts";
import { concat, slice } from "../../../ops/slicing.ts";
import { full } from "../../../ops/source.ts";
import { sumSquares } from "../../../ops/sum-squares.ts";
import { swapLastAxes } from "../../../ops/layout.ts";
import type { FeatureMap } from "../../feature-map.ts";
import { positiveFeatures, scaledSquares } from "./positive.ts";
import { realCount, maskColumn } from "./real.ts";

/**
 * Optimal positive random features: E[φ(q)·φ(k)] = exp(q·k/√D) for every A < 1/8, with the A of least mean variance.
 *
 * φ(x) = (1 − 4A)^(D/4) exp(A‖ω‖² + √(1 − 4A) ωx − ‖x‖²/2) / √M,   A = (1 − 1/ρ)/8, ρ = (√((2s + D)² + 8Ds) − 2s − D) /
 * (4s),   s = mean ‖x + y‖² over all pairs = mean‖x‖² + mean‖y‖² + 2 mean(x)·mean(y)
 *
 * s is a statistic of the whole sequence: causal use needs it frozen.
 *
 * Computed as positive features of longer vectors: x̃ = [√(1 − 4A) x, A, ‖x‖²/2 − D/4 log(1 − 4A)] and ω̃ = [ω, ‖ω‖²,
 * 0], the last entry being the shift, so that what every form of attention sees is a plain exponential map.
 *
 * Source: Likhosherstov et al., Chefs' Random Tables, 2022, Theorem 3.2.
 */
export const optimalFeatures: FeatureMap = {
  ...positiveFeatures,
  name: "optimal",
  summary: "FAVOR++: the positive features of least variance for the data",
  logBound: undefined,
  statistics: {
    widths: () => ({ meanSquaredSum: 1 }),
    measure: (q, k, { queryMask, keyMask }) => ({
      meanSquaredSum: meanSquaredSum(moments(q, queryMask), moments(k, keyMask)),
    }),
    adapt: ({ q, k, projection }, { meanSquaredSum: s = full([1, 1, 1, 1], 0) }) => {
      const headDim = q.shape.at(-1) ?? 1;
      const A = curvature(s, headDim);
      const spread = sub(1, mul(A, 4));
      const tilde = (x: Tensor) => {
        const column = [...x.shape.slice(0, -1), 1];
        const scaled = mul(x, mul(sqrt(spread), headDim ** -0.25));
        const shift = sub(scaledSquares(x, 0.5), mul(log(spread), headDim / 4));
        return concat([scaled, expand(A, column), shift], -1);
      };
      const squares = sumSquares(projection, { axes: [-1], keepDims: true });
      return { q: tilde(q), k: tilde(k), projection: concat([projection, squares, mul(squares, 0)], -1) };
    },
  },
  // x and the projection as `adapt` leaves them.
  features: (x, projection) => {
    const width = x.shape.at(-1) ?? 1;
    return {
      kind: "exponential",
      logits: matmul(x, swapLastAxes(projection)),
      shift: slice(x, -1, width - 1, width),
    };
  },
};

/** A = (1 − 1/ρ)/8 with ρ = 2D / (√((2s + D)² + 8Ds) + 2s + D), which is the formula above without its 0/0 at s = 0. */
function curvature(s: Tensor, headDim: number): Tensor {
  const sum = add(mul(s, 2), headDim);
  const root = sqrt(add(mul(sum, sum), mul(s, 8 * headDim)));
  return mul(sub(1, mul(add(root, sum), 1 / (2 * headDim))), 1 / 8);
}

interface Moments {
  /** Mean ‖x‖² of the real positions, `[B, H, 1, 1]`. */
  readonly square: Tensor;
  /** Mean x, `[B, H, 1, D]`. */
  readonly mean: Tensor;
}

function moments(q: Tensor, mask: Tensor | undefined): Moments {
  const count = realCount(q, mask);
  const real = mask ? mul(q, maskColumn(mask)) : q;
  const headDim = q.shape.at(-1) ?? 1;
  const square = mul(sumSquares(real, { axes: [-2, -1], keepDims: true }), 1 / Math.sqrt(headDim));
  const mean = mul(sum(real, { axes: [-2], keepDims: true }), headDim ** -0.25);
  return { square: div(square, count), mean: div(mean, count) };
}

function meanSquaredSum(x: Moments, y: Moments): Tensor {
  const product = sum(mul(x.mean, y.mean), { axes: [-1], keepDims: true });
  return add(add(x.square, y.square), mul(product, 2));
}
