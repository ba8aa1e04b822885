/** Positive random features: exponentials of projections, for the softmax and the Gaussian kernel. */
import type { Tensor } from "../../../graph/tensor.ts";
import { mul, neg } from "../../../ops/elementwise.ts";
import { concat } from "../../../ops/slicing.ts";
import { max } from "../../../ops/maximum-along.ts";
import { sumSquares } from "../../../ops/sum-squares.ts";
import type { FeatureMap } from "../../feature-map.ts";
import { column, project, usual } from "./features.ts";

/** factor · ‖x‖² with x = q·D^(-1/4): `[…, D]` → `[…, 1]`. */
export function scaledSquares(q: Tensor, factor: number): Tensor {
  const squares = sumSquares(q, { axes: [-1], keepDims: true });
  return mul(squares, column(squares, factor / Math.sqrt(q.shape.at(-1) ?? 1)));
}

/** max ‖ω‖² · factor over the rows of `[…, M, D]`: `[…, 1, 1]`. */
function longestRow(projection: Tensor, factor: number): Tensor {
  const squares = sumSquares(projection, { axes: [-1], keepDims: true });
  return mul(max(squares, { axes: [-2], keepDims: true }), factor);
}

/**
 * Positive random features of the softmax kernel: E[φ(q)·φ(k)] = exp(q·k/√D).
 *
 * φ(x) = exp(ωx − ‖x‖²/2) / √M with x = q·D^(-1/4)
 *
 * Source: Lemma 1, arXiv:2009.14794.
 */
export const positiveFeatures: FeatureMap = {
  ...usual,
  name: "positive",
  summary: "positive features of the softmax kernel, the paper's default",
  kind: "exponential",
  kernel: "softmax",
  features: (x, projection) => ({
    kind: "exponential",
    logits: project(x, projection),
    shift: scaledSquares(x, 0.5),
  }),
  // ωx − ‖x‖²/2 is largest at x = ω.
  logBound: (projection) => longestRow(projection, 1 / 2),
};

/**
 * Hyperbolic features of the softmax kernel: positive features of ω and of −ω together, of half their variance or less.
 *
 * φ(x) = exp(−‖x‖²/2) [exp(ωx), exp(−ωx)] / √(2M)
 *
 * Source: Lemma 1 (its second estimator) and Lemma 2, arXiv:2009.14794.
 */
export const hyperbolicFeatures: FeatureMap = {
  ...positiveFeatures,
  name: "hyperbolic",
  summary: "exp(ωx) and exp(−ωx): at most half the variance of positive features, for twice as many",
  featuresPerRow: 2,
  normaliser: (rows) => 2 * rows,
  // One product with both signs of every row; inside a Scan the rows are joined once, outside.
  features: (x, projection) => positiveFeatures.features(x, concat([projection, neg(projection)], -2)),
};

/**
 * Features of the regularized softmax kernel: rows of length √D exactly. A lower bound of the softmax kernel, tight as
 * D grows.
 *
 * Source: section 3 (SMREG) and Theorem 3, arXiv:2009.14794.
 */
export const regularizedFeatures: FeatureMap = {
  ...positiveFeatures,
  name: "regularized",
  summary: "positive features with rows of length √headDim (SMREG): a lower bound of the softmax kernel",
  kernel: "own",
  rowLengths: "sqrt",
};

/**
 * Positive features with simplex projections: rows of a block point to the corners of a simplex, as far apart as can
 * be.
 *
 * Source: Reid, Choromanski, Likhosherstov, Weller, Simplex Random Features, ICML 2023.
 */
export const simplexFeatures: FeatureMap = {
  ...positiveFeatures,
  name: "simplex",
  summary: "positive features with rows towards the corners of a simplex (SimRFs)",
  projection: "simplex",
};

/**
 * Positive features of the Gaussian kernel: E[φ(q)·φ(k)] = exp(−‖x − y‖²/2) = exp(x·y) exp(−‖x‖²/2) exp(−‖y‖²/2).
 *
 * φ(x) = exp(ωx − ‖x‖²) / √M
 *
 * A query's factor cancels in attention; a key's does not: long keys count less.
 */
export const gaussianFeatures: FeatureMap = {
  ...positiveFeatures,
  name: "gaussian",
  summary: "positive features of the Gaussian kernel exp(−‖x − y‖²/2)",
  kernel: "gaussian",
  features: (x, projection) => ({ kind: "exponential", logits: project(x, projection), shift: scaledSquares(x, 1) }),
  logBound: (projection) => longestRow(projection, 1 / 4),
};
