/** Measured means of the regularized estimates, and the series that they are compared with. */

export type Projection = "iid" | "orthogonal";

/** The mean of estimates over the softmax kernel, beside the series. */
export interface Comparison {
  readonly headDim: number;
  readonly projection: Projection;
  readonly sumNorm: number;
  readonly ratio: number;
  /** Standard error of `ratio`. */
  readonly standardError: number;
  readonly exact: number;
}

/** The series, for one headDim after the other. */
export interface Curve {
  readonly sumNorm: number;
  readonly ratios: readonly { readonly headDim: number; readonly ratio: number }[];
}
