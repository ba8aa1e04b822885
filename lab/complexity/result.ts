// What was measured of a mechanism in one direction, over lengths.

export interface Series {
  readonly name: string;
  readonly causal: boolean;
  /** As the mechanism states it. */
  readonly complexity: string;
  readonly lengths: readonly number[];
  readonly medianMs: readonly number[];
  /** p of time ∝ Lᵖ, by least squares on logarithms. */
  readonly exponent: number;
}
