/**
 * The variance of kernel estimates by formula: what random features will do to a query and a key before any is drawn.
 */
import { GraphError, problem } from "../../graph/errors.ts";
import type { FeatureMap } from "../feature-map.ts";
import { featureMaps, type FeatureMapName } from "../favor/maps/index.ts";

/**
 * What the formulas read of a query and a key: x = q·D^(-1/4), y = k·D^(-1/4), after the rescale for the maps that
 * rescale.
 */
export interface KernelPair {
  /** ‖x + y‖². */
  readonly squaredSum: number;
  /** ‖x − y‖². */
  readonly squaredDifference: number;
  /** D; read by the optimal features alone. */
  readonly headDim?: number;
  /** s, the mean of ‖x + y‖² over all pairs of the sequence; read by the optimal features alone. */
  readonly meanSquaredSum?: number;
}

type Formula = (pair: KernelPair) => number;

/** exp(‖x + y‖²) − 1: Lemma 2, MSE(SM+) / SM². */
const positive: Formula = ({ squaredSum }) => Math.expm1(squaredSum);

/** ½(1 − exp(−‖x + y‖²))(exp(‖x + y‖²) − 1) = cosh ‖x + y‖² − 1: Lemma 2, MSE(SMhyp+) / SM². */
const hyperbolic: Formula = ({ squaredSum }) => 2 * Math.sinh(squaredSum / 2) ** 2;

/** exp(‖x − y‖²)(1 − exp(−‖x − y‖²))²/2 = cosh ‖x − y‖² − 1: Lemma 2, MSE(SMtrig) / SM². */
const trigonometric: Formula = ({ squaredDifference }) => 2 * Math.sinh(squaredDifference / 2) ** 2;

/**
 * ((1 − 4A)/√(1 − 8A))^D exp(‖x + y‖²/(1 − 8A)) − 1, from E exp(a‖ω‖² + b·ω) = (1 − 2a)^(-D/2) exp(‖b‖²/(2(1 − 2a)))
 * for the square of a term, a = 4A and b = 2√(1 − 4A)(x + y).
 */
const optimal: Formula = ({ squaredSum, headDim, meanSquaredSum }) => {
  if (headDim === undefined || meanSquaredSum === undefined) {
    throw new GraphError(
      problem`predictedRelativeVariance: optimal features need headDim and meanSquaredSum, got a pair without them; give
      the mean of ‖x + y‖² over all pairs of the sequence`,
    );
  }
  const A = optimalCurvature(meanSquaredSum, headDim);
  const spread = 1 - 8 * A;
  return Math.expm1(headDim * (Math.log1p(-4 * A) - Math.log(spread) / 2) + squaredSum / spread);
};

/** A = (1 − 1/ρ)/8 ≤ 0 with 1/ρ = (√((2s + D)² + 8Ds) + 2s + D) / 2D. */
function optimalCurvature(meanSquaredSum: number, headDim: number): number {
  const sum = 2 * meanSquaredSum + headDim;
  const root = Math.sqrt(sum ** 2 + 8 * meanSquaredSum * headDim);
  return (1 - (root + sum) / (2 * headDim)) / 8;
}

const formulas: Partial<Record<FeatureMapName, Formula>> = {
  positive,
  hyperbolic,
  trigonometric,
  optimal,
  // Independent rows have no corners: the map alone differs from the positive one in nothing.
  simplex: positive,
  // The factors that turn one kernel into the other are the same for every draw.
  gaussian: positive,
  "gaussian-trigonometric": trigonometric,
  rescaled: positive,
  saderf: optimal,
};

/**
 * Relative variance of one kernel entry, Var[φ(x)·φ(y)] / (φ(x)·φ(y))² for ONE row of the projection. Of M independent
 * rows it is the M-th part; orthogonal and simplex rows have less.
 *
 * Grows with the exponential of squared norms: for q, k ~ N(0, I) of 64 dimensions it is of the order e^16, and no M
 * helps.
 *
 * @returns Infinity beyond float64 (‖x + y‖² above 709); undefined for maps without a formula
 * @throws GraphError for optimal features without headDim and meanSquaredSum
 * @example
 * const variance = predictedRelativeVariance(featureMaps.positive, { squaredSum: 4, squaredDifference: 1 }); // 53.6
 * Source: Lemma 2, arXiv:2009.14794; Theorem 3.2 of Likhosherstov et al., Chefs' Random Tables, 2022.
 */
export function predictedRelativeVariance(map: FeatureMap, pair: KernelPair): number | undefined {
  const entry = Object.entries(featureMaps).find(([, known]) => known === map);
  // The table's own key; a map of the same name that is another map has no formula.
  return entry === undefined ? undefined : formulas[entry[0] as FeatureMapName]?.(pair);
}
