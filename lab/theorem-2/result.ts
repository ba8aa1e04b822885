// A gap that was measured, beside the bound and the exact value.

import type { PairShape } from "../vector-pairs.ts";

/** A measured gap beside the bound and the exact value. */
export interface Comparison {
  readonly pair: PairShape;
  readonly numFeatures: number;
  readonly mseIid: number;
  readonly mseOrthogonal: number;
  readonly gap: number;
  readonly gapError: number;
  readonly bound: number;
  readonly exact: number;
}
