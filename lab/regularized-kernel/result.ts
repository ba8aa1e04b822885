// What was measured at one width of a head, beside the series.

/** The mean of estimates over the softmax kernel, beside the series. */
export interface Comparison {
  readonly headDim: number;
  readonly projection: "iid" | "orthogonal";
  readonly sumNorm: number;
  readonly ratio: number;
  /** Of the ratio. */
  readonly standardError: number;
  readonly exact: number;
}

/** The series, for one headDim after the other. */
export interface Curve {
  readonly sumNorm: number;
  readonly ratios: readonly { readonly headDim: number; readonly ratio: number }[];
}
