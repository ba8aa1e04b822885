/** What a feature map is: a function φ with φ(q)·φ(k) ≈ kernel(q, k), which makes attention linear. */
import { customGradient } from "../../../autodiff/custom-gradient.ts";
import { GraphError } from "../../../graph/errors.ts";
import type { Tensor } from "../../../graph/tensor.ts";
import { exp, mul, sub } from "../../../ops/elementwise.ts";
import { swapLastAxes } from "../../../ops/layout.ts";
import { matmul } from "../../../ops/matmul.ts";
import { max } from "../../../ops/maximum-along.ts";
import { softmax } from "../../../ops/normalize.ts";
import { full, stopGradient } from "../../../ops/source.ts";
import type { ProjectionName, RowLengths } from "../../../random/index.ts";

/** φ(x) = exp(logits − shift). The form that uses them chooses the constant that keeps it finite. */
export interface ExponentialFeatures {
  readonly kind: "exponential";
  /** `[…, M]`. */
  readonly logits: Tensor;
  /** `[…, 1]`. */
  readonly shift: Tensor;
}

/** φ(x) = features · exp(logScale): features of moderate size, under a scale that may be beyond float32. */
export interface ScaledFeatures {
  readonly kind: "scaled";
  /** `[…, M]`. */
  readonly features: Tensor;
  /** `[…, 1]`. */
  readonly logScale: Tensor;
}

/** Features that need no scale. */
export interface PlainFeatures {
  readonly kind: "plain";
  /** `[…, M]`. */
  readonly features: Tensor;
}

export type Features = ExponentialFeatures | ScaledFeatures | PlainFeatures;

/** Queries `[B, H, L, D]`, keys `[B, H, S, D]` and the projection `[M, D]` or `[H, M, D]`. */
export interface MapInputs {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly projection: Tensor;
}

/** Which positions are real: 1, or 0 for padding; default all. */
export interface SequenceMasks {
  /** `[B, L]`. */
  readonly queryMask?: Tensor | undefined;
  /** `[B, S]`. */
  readonly keyMask?: Tensor | undefined;
}

/** Numbers about the data by name, each `[B, H, 1, width]`, or `[1, H, 1, width]` when frozen. */
export type Statistics = Readonly<Record<string, Tensor>>;

/**
 * What a map must know about whole sequences before it can choose its features. Such a map cannot be causal by itself, because
 * the statistics look ahead; with frozen ones it can.
 */
export interface SequenceStatistics {
  /** The width of every number for heads of width D. */
  readonly widths: (headDim: number) => Readonly<Record<string, number>>;
  readonly measure: (q: Tensor, k: Tensor, masks: SequenceMasks) => Statistics;
  /** What stands in for q, k and the projection once the statistics are known; widths may differ from D. */
  readonly adapt: (inputs: MapInputs, statistics: Statistics) => MapInputs;
}

export interface FeatureMap {
  readonly name: string;
  /** One sentence for tables and help texts. */
  readonly summary: string;
  readonly kind: Features["kind"];
  /**
   * What φ(q)·φ(k) estimates without bias when every row of the projection is N(0, I): with x = q·D^(-1/4), y = k·D^(-1/4)
   * `softmax` is exp(x·y), `gaussian` is exp(−‖x − y‖²/2). `own` is a kernel without such a name.
   */
  readonly kernel: "softmax" | "gaussian" | "own";
  /** No feature is ever negative, so that denominators cannot vanish. */
  readonly positive: boolean;
  /** Features that one row of the projection gives. */
  readonly featuresPerRow: 1 | 2;
  /** The projection that the map is meant for. */
  readonly projection: ProjectionName;
  readonly rowLengths: RowLengths;
  readonly statistics?: SequenceStatistics;
  /**
   * φ(x)·√rows, so that φ(q)·φ(k) estimates the kernel as a mean over rows once divided by `normaliser`.
   *
   * @param x `[…, D]`, not yet divided by D^¼
   * @param projection `[M, D]`, or with axes before that broadcast against those of x
   */
  readonly features: (x: Tensor, projection: Tensor) => Features;
  /**
   * An upper bound of log φ(x)√rows for any x, for exponential features that have one: `[1, 1]`, or `[H, 1, 1]` for heads with
   * projections of their own. Attention then needs no running maximum (`common-scale.ts`).
   */
  readonly logBound?: ((projection: Tensor) => Tensor) | undefined;
  /** What a sum over all features is divided by to be an estimate: the number of rows, twice that for the hyperbolic map. */
  readonly normaliser: (rows: number) => number;
}

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
 * φ(q) up to a positive factor for each query, which the normalisation of attention takes out again. Exponential features become
 * a softmax over the features: the largest is at least 1/M whatever the norm.
 */
export function queryFeatures(map: FeatureMap, q: Tensor, projection: Tensor): Tensor {
  const features = checked(map, map.features(q, projection));
  return features.kind === "exponential" ? softmaxUpToFactor(features.logits) : features.features;
}

/** Refuses a map whose function does not keep what its description says. */
export function checked(map: FeatureMap, features: Features): Features {
  if (features.kind === map.kind) return features;
  throw new GraphError(
    `favorAttention: the features of map '${map.name}' must be of the kind that it names, '${map.kind}', got '${features.kind}'; ` +
      "correct its field 'kind'",
  );
}

/** A number as a column like another one: the engine adds or multiplies equal shapes faster than a column and a scalar. */
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
