/** The features of queries and keys as a map gives them, kept finite. */
import { customGradient } from "../../../autodiff/custom-gradient.ts";
import { GraphError, problem } from "../../../graph/errors.ts";
import type { Tensor } from "../../../graph/tensor.ts";
import { exp, mul, sub } from "../../../ops/elementwise.ts";
import { swapLastAxes } from "../../../ops/layout.ts";
import { matmul } from "../../../ops/matmul.ts";
import { max } from "../../../ops/maximum-along.ts";
import { softmax } from "../../../ops/normalize.ts";
import { full, stopGradient } from "../../../ops/source.ts";
import type { FeatureMap, Features } from "../../feature-map.ts";

/** Everything of a map that has a usual value. */
export const usual = {
  kernel: "own",
  positive: true,
  featuresPerRow: 1,
  projection: "orthogonal",
  rowLengths: "chi",
  normaliser: (rows: number) => rows,
} as const satisfies Partial<FeatureMap>;

/** Features that a token has under a projection. */
export function featureCount(map: FeatureMap, projection: Tensor): number {
  return map.featuresPerRow * (projection.shape.at(-2) ?? 0);
}

/** ω·x for every row ω of the projection, with x = q·D^(-1/4): `[…, D]` → `[…, M]`. */
export function project(x: Tensor, projection: Tensor): Tensor {
  const headDim = x.shape.at(-1) ?? 1;
  // The scale goes into the small matrix; inside a Scan that product is computed once, outside.
  return matmul(x, swapLastAxes(mul(projection, headDim ** -0.25)));
}

/**
 * Softmax over the last axis for a use in which a factor for each row cancels. There Σ_m φ_m dφ_m = 0, the derivative
 * by that factor, so dlogits = φ·dφ without the term of the normaliser, which would cost three passes over the
 * features.
 */
function softmaxUpToFactor(logits: Tensor): Tensor {
  return customGradient(
    { logits },
    ({ logits }) => ({ features: softmax(logits) }),
    ({ features: dFeatures }, _, { features }) => ({ logits: dFeatures && mul(dFeatures, features) }),
  ).features;
}

/**
 * φ(q) up to a positive factor for each query, which the normalisation of attention takes out again. Exponential
 * features become a softmax over the features: the largest is at least 1/M whatever the norm.
 */
export function queryFeatures(map: FeatureMap, q: Tensor, projection: Tensor): Tensor {
  const features = checked(map, map.features(q, projection));
  return features.kind === "exponential" ? softmaxUpToFactor(features.logits) : features.features;
}

/** Refuses a map whose function does not keep what its description says. */
export function checked(map: FeatureMap, features: Features): Features {
  if (features.kind === map.kind) return features;
  throw new GraphError(
    problem`favorAttention: the features of map '${map.name}' must be of the kind that it names, '${map.kind}', got
    '${features.kind}'; correct its field 'kind'`,
  );
}

/**
 * A number as a column like another one: the engine adds or multiplies equal shapes faster than a column and a scalar.
 */
export function column(like: Tensor, value: number): Tensor {
  return full(like.shape, value);
}

/** Features split so that no norm overflows: φ(x) = features · exp(logScale). */
export interface SplitFeatures {
  /** `[…, M]`. */
  readonly features: Tensor;
  /** `[…, 1]`; undefined for maps whose scales are all 1. */
  readonly logScale: Tensor | undefined;
}

/** Exponential features under their own maximum, so that the largest is 1; all others as they are. */
export function underOwnMaximum(features: Features): SplitFeatures {
  if (features.kind === "plain") return { features: features.features, logScale: undefined };
  if (features.kind === "scaled") return features;
  const largest = stopGradient(max(features.logits, { axes: [-1], keepDims: true }));
  return { features: exp(sub(features.logits, largest)), logScale: sub(largest, features.shift) };
}
