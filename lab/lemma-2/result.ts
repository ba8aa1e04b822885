/** Measured mean squared errors beside the formulas of the lemma. */

import type { PairShape } from "../vector-pairs.ts";
import type { LemmaMap } from "./formulas.ts";

/** A measured mean squared error beside its formula. */
export interface Comparison {
  readonly map: LemmaMap;
  readonly pair: PairShape;
  readonly numFeatures: number;
  readonly formula: number;
  readonly measured: number;
  readonly ratio: number;
  /** Standard error of `ratio`. */
  readonly standardError: number;
}
