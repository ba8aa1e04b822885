/**
 * Trigonometric random features: unbiased like the positive ones, but of either sign, and unstable where kernels are
 * small.
 */
import { cos, sin } from "../../../ops/elementwise.ts";
import { concat } from "../../../ops/slicing.ts";
import type { Tensor } from "../../../graph/tensor.ts";
import type { FeatureMap } from "../../feature-map.ts";
import { project, usual } from "./features.ts";
import { scaledSquares } from "./positive.ts";

function sinesAndCosines(x: Tensor, projection: Tensor): Tensor {
  const angles = project(x, projection);
  return concat([sin(angles), cos(angles)], -1);
}

/**
 * Trigonometric features of the softmax kernel, kept for comparison: E[φ(q)·φ(k)] = exp(q·k/√D).
 *
 * φ(x) = exp(+‖x‖²/2) [sin(ωx), cos(ωx)] / √M
 *
 * Estimates can be negative, and their relative variance grows without bound as the kernel goes to 0: denominators may
 * vanish.
 *
 * Source: section 2.3 and Lemma 2, arXiv:2009.14794; Rahimi and Recht, 2007.
 */
export const trigonometricFeatures: FeatureMap = {
  ...usual,
  name: "trigonometric",
  summary: "sines and cosines for the softmax kernel: unbiased, of either sign, unstable; for comparison",
  kind: "scaled",
  kernel: "softmax",
  positive: false,
  featuresPerRow: 2,
  features: (x, projection) => ({
    kind: "scaled",
    features: sinesAndCosines(x, projection),
    logScale: scaledSquares(x, 0.5),
  }),
};

/**
 * Trigonometric features of the Gaussian kernel: E[φ(q)·φ(k)] = exp(−‖x − y‖²/2), φ(x) = [sin(ωx), cos(ωx)] / √M.
 *
 * Source: Rahimi and Recht, Random features for large-scale kernel machines, 2007.
 */
export const gaussianTrigonometricFeatures: FeatureMap = {
  ...usual,
  name: "gaussian-trigonometric",
  summary: "sines and cosines for the Gaussian kernel (random Fourier features)",
  kind: "plain",
  kernel: "gaussian",
  positive: false,
  featuresPerRow: 2,
  features: (x, projection) => ({ kind: "plain", features: sinesAndCosines(x, projection) }),
};
