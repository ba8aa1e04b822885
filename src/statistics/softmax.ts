/** Probabilities from logits, in float64. */

/** e^x over its sum, shifted by the maximum, so that it never overflows. */
export function softmax(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits);
  const top = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = values.map((value) => Math.exp(value - top));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / total);
}

/** log Σ e^x; −∞ when all are. */
export function logSumExp(values: Float64Array): number {
  let top = -Number.MAX_VALUE;
  for (const value of values) if (value > top) top = value;
  let total = 0;
  for (const value of values) total += Math.exp(value - top);
  return top + Math.log(total);
}
