// What was measured at one place, beside its formulas.

import type { Place } from "./formulas.ts";

/** A place's simulation beside its formulas. */
export interface Comparison {
  readonly place: Place;
  readonly degrees: number;
  readonly formula: number;
  readonly measured: number;
  /** Of the measured r, from those of both errors. */
  readonly standardError: number;
  readonly positive: number;
  readonly trigonometric: number;
}
