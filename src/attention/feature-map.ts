/** The interface of feature maps: functions φ with φ(q)·φ(k) ≈ kernel(q, k), which make attention linear. */
import type { Tensor } from "../graph/tensor.ts";
import type { ProjectionName, RowLengths } from "../random/index.ts";

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
 * What a map must know about whole sequences before it can choose its features. Such a map cannot be causal by itself,
 * because the statistics look ahead; with frozen ones it can.
 */
export interface SequenceStatistics {
  /** The width of every number for heads of width D. */
  readonly widths: (headDim: number) => Readonly<Record<string, number>>;
  readonly measure: (q: Tensor, k: Tensor, masks: SequenceMasks) => Statistics;
  /** Replaces q, k and the projection once the statistics are known; widths may differ from D. */
  readonly adapt: (inputs: MapInputs, statistics: Statistics) => MapInputs;
}

export interface FeatureMap {
  readonly name: string;
  /** One sentence for tables and help texts. */
  readonly summary: string;
  readonly kind: Features["kind"];
  /**
   * What φ(q)·φ(k) estimates without bias when every row of the projection is N(0, I): with x = q·D^(-1/4), y =
   * k·D^(-1/4) `softmax` is exp(x·y), `gaussian` is exp(−‖x − y‖²/2). `own` is a kernel without such a name.
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
   * An upper bound of log φ(x)√rows for any x, for exponential features that have one: `[1, 1]`, or `[H, 1, 1]` for
   * heads with projections of their own. Attention then needs no running maximum (`common-scale.ts`).
   */
  readonly logBound?: ((projection: Tensor) => Tensor) | undefined;
  /**
   * What a sum over all features is divided by to be an estimate: the number of rows, twice that for the hyperbolic
   * map.
   */
  readonly normaliser: (rows: number) => number;
}
