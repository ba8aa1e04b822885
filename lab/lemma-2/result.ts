// What was measured of a pair, a feature map and a number of features, beside the formula.

import type { PairShape } from "../vector-pairs.ts";
import type { LemmaMap } from "./formulas.ts";

/** A cell beside its formula. */
export interface Comparison {
  readonly map: LemmaMap;
  readonly pair: PairShape;
  readonly numFeatures: number;
  readonly formula: number;
  readonly measured: number;
  readonly ratio: number;
  /** Of the ratio. */
  readonly standardError: number;
}
