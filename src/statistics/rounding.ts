/** Figures as they are written down. */

/** Rounds to a number of significant digits, 4 unless told: 0.123456 → 0.1235. */
export function roundTo(value: number, digits = 4): number {
  return Number(value.toPrecision(digits));
}
