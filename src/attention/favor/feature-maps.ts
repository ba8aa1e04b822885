/** Feature maps φ with φ(q)·φ(k) ≈ kernel(q, k): what makes attention linear. */
import { customGradient } from "../../autodiff/custom-gradient.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { add, mul, relu } from "../../ops/elementwise.ts";
import { swapLastAxes } from "../../ops/layout.ts";
import { matmul } from "../../ops/matmul.ts";
import { softmax } from "../../ops/normalize.ts";
import { sumSquares } from "../../ops/sum-squares.ts";
import { column } from "./normalized.ts";

/** Keys of an exponential map: φ(k) = exp(logits − shift). The form that uses them chooses the constant that keeps it finite. */
export interface ExponentialKeys {
  readonly kind: "exponential";
  /** `[B, H, S, M]`. */
  readonly logits: Tensor;
  /** `[B, H, S, 1]`. */
  readonly shift: Tensor;
}

/** Keys of a map whose features need no constant. */
export interface PlainKeys {
  readonly kind: "plain";
  /** `[B, H, S, M]`. */
  readonly features: Tensor;
}

export interface FeatureMap {
  readonly name: string;
  readonly kind: (ExponentialKeys | PlainKeys)["kind"];
  /** φ(q) up to a positive factor for each query, which cancels in the normalisation: `[B, H, L, D]` → `[B, H, L, M]`. */
  readonly query: (q: Tensor, projection: Tensor) => Tensor;
  /** φ(k) up to one factor for all keys. */
  readonly key: (k: Tensor, projection: Tensor) => ExponentialKeys | PlainKeys;
}

/** ω·x for every row ω of the projection, with x = q·D^(-1/4): `[…, D]` → `[…, M]`. */
function project(x: Tensor, projection: Tensor): Tensor {
  const headDim = x.shape.at(-1) ?? 1;
  // The scale goes into the small matrix; inside a Scan that product is computed once, outside.
  return matmul(x, swapLastAxes(mul(projection, headDim ** -0.25)));
}

/**
 * Softmax over the last axis for a use in which a factor for each row cancels. There Σ_m φ_m dφ_m = 0, the derivative by
 * that factor, so dlogits = φ·dφ without the term of the normaliser, which would cost three passes over the features.
 */
function softmaxUpToFactor(logits: Tensor): Tensor {
  return customGradient(
    { logits },
    ({ logits }) => ({ features: softmax(logits) }),
    ({ features: dFeatures }, _, { features }) => ({ logits: dFeatures && mul(dFeatures, features) }),
  ).features;
}

/**
 * Positive random features of the softmax kernel: E[φ(q)·φ(k)] = exp(q·k/√D).
 *
 * φ(x) = exp(ωx − ‖x‖²/2) / √M with x = q·D^(-1/4)
 *
 * A query's own factor exp(max − ‖x‖²/2) cancels, so its features are a softmax over ωx: the largest is at least 1/M whatever
 * the norm. Keys are returned as logits ωx and shift ‖x‖²/2.
 *
 * Source: Lemma 1, arXiv:2009.14794.
 */
export const positiveFeatures: FeatureMap = {
  name: "positive",
  kind: "exponential",
  query: (q, projection) => softmaxUpToFactor(project(q, projection)),
  key: (k, projection) => {
    const squares = sumSquares(k, { axes: [-1], keepDims: true });
    const scale = column(squares, 0.5 / Math.sqrt(k.shape.at(-1) ?? 1));
    return { kind: "exponential", logits: project(k, projection), shift: mul(squares, scale) };
  },
};

/**
 * Generalized features with ReLU ('Performer-ReLU'): φ(x) = max(ωx, 0) + kernelEpsilon.
 *
 * @param kernelEpsilon keeps denominators positive; default 1e-3, as published
 * Source: section 2.2 and appendix D, arXiv:2009.14794.
 */
export function reluFeatures(kernelEpsilon = 1e-3): FeatureMap {
  const features = (x: Tensor, projection: Tensor) => add(relu(project(x, projection)), kernelEpsilon);
  return {
    name: "relu",
    kind: "plain",
    query: features,
    key: (k, projection) => ({ kind: "plain", features: features(k, projection) }),
  };
}
