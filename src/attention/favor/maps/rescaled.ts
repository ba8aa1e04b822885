/**
 * The rescale of FAVOR#: queries and keys made equally long in every dimension, which lowers the variance of any map.
 */
import type { Tensor } from "../../../graph/tensor.ts";
import { add, div, mul, sqrt } from "../../../ops/elementwise.ts";
import { sumSquares } from "../../../ops/sum-squares.ts";
import { full } from "../../../ops/source.ts";
import type { FeatureMap, SequenceMasks, Statistics } from "../../feature-map.ts";
import { optimalFeatures } from "./optimal.ts";
import { positiveFeatures } from "./positive.ts";
import { maskColumn } from "./real.ts";

/** Added to both sums of squares: a dimension that is 0 everywhere is left as it is. */
const SQUARES_GUARD = 1e-12;

/**
 * The map after dimension l of every query is multiplied and of every key divided by ψ_l = (Σ k_l² / Σ q_l²)^(1/4): q·k
 * stays what it is, and Σ ‖q‖² + ‖k‖² becomes the least that such a rescale can make it. ψ is a statistic of the whole
 * sequence: causal use needs it frozen.
 *
 * Source: Likhosherstov et al., FAVOR#: Sharp attention kernel approximations via new classes of positive random
 * features (SADERF), 2023.
 */
export function rescaled(map: FeatureMap, name: string, summary: string): FeatureMap {
  const inner = map.statistics;
  return {
    ...map,
    name,
    summary,
    statistics: {
      widths: (headDim) => ({ ...inner?.widths(headDim), keyOverQuery: headDim }),
      measure: (q, k, masks) => {
        const keyOverQuery = ratio(q, k, masks);
        return { ...inner?.measure(mul(q, keyOverQuery), div(k, keyOverQuery), masks), keyOverQuery };
      },
      adapt: ({ q, k, projection }, statistics) => {
        const psi = ratioOf(statistics, q);
        const inputs = { q: mul(q, psi), k: div(k, psi), projection };
        return inner ? inner.adapt(inputs, statistics) : inputs;
      },
    },
  };
}

function ratio(q: Tensor, k: Tensor, { queryMask, keyMask }: SequenceMasks): Tensor {
  const squares = (x: Tensor, mask: Tensor | undefined) =>
    add(sumSquares(mask ? mul(x, maskColumn(mask)) : x, { axes: [-2], keepDims: true }), SQUARES_GUARD);
  return sqrt(sqrt(div(squares(k, keyMask), squares(q, queryMask))));
}

function ratioOf({ keyOverQuery }: Statistics, q: Tensor): Tensor {
  return keyOverQuery ?? full([1, 1, 1, q.shape.at(-1) ?? 1], 1);
}

export const rescaledFeatures = rescaled(
  positiveFeatures,
  "rescaled",
  "positive features after the rescale of FAVOR#: queries and keys made equally long in every dimension",
);

/** SADERF: the rescale before the optimal features. */
export const saderfFeatures = rescaled(
  optimalFeatures,
  "saderf",
  "FAVOR#: the optimal features after its rescale (SADERF)",
);
