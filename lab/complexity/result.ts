/** What was measured of a mechanism in one direction. */

export interface Series {
  readonly name: string;
  readonly causal: boolean;
  /** The mechanism's own claim, such as "O(L·m)". */
  readonly complexity: string;
  readonly lengths: readonly number[];
  readonly medianMs: readonly number[];
  /** p of time ∝ Lᵖ, by least squares on logarithms. */
  readonly exponent: number;
}
