/** Measured gaps between independent and orthogonal projections beside the bound of the theorem. */

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
