/** Measured errors of both features beside their formulas. */

import type { Place } from "./formulas.ts";

/** A place's simulation beside its formulas. */
export interface Comparison {
  readonly place: Place;
  readonly degrees: number;
  readonly formula: number;
  readonly measured: number;
  /** Standard error of `measured`, propagated from those of the two errors whose ratio it is. */
  readonly standardError: number;
  readonly positive: number;
  readonly trigonometric: number;
}
