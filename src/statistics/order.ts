/** Statistics of the order of numbers: quantiles, the median, ranks and their correlation. */
import { ArgumentError, problem } from "../graph/errors.ts";
import { pearson } from "./pairs.ts";

/**
 * The value below which the given share of the values lies, linear between neighbours.
 *
 * @param share in [0, 1]; 0 is the smallest value, 1 the largest
 * @returns NaN for no values, and where one of them is NaN
 * @throws ArgumentError when the share is outside [0, 1]
 */
export function quantile(values: ArrayLike<number>, share: number): number {
  if (!(share >= 0 && share <= 1)) {
    throw new ArgumentError(problem`quantile: share must be in [0, 1], got ${share}; the median is 0.5.`);
  }
  // Typed arrays sort by value, NaN last.
  const sorted = Float64Array.from(values).sort();
  if (Number.isNaN(sorted.at(-1))) return Number.NaN;
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const lower = sorted[below] ?? Number.NaN;
  const upper = sorted[below + 1] ?? lower;
  // Between equal values, such as two infinities, there is nothing to add; nor on a place itself, whatever stands
  // beside it.
  return place === below || lower === upper ? lower : lower + (place - below) * (upper - lower);
}

/** The middle value; for an even number of values, the mean of the two in the middle. NaN as `quantile`. */
export function median(values: ArrayLike<number>): number {
  return quantile(values, 0.5);
}

/**
 * The rank of each value, counted from 0; equal values share the mean of their ranks.
 *
 * @throws ArgumentError for NaN, which has no rank
 */
export function ranks(values: ArrayLike<number>): Float64Array {
  const sorted = Float64Array.from(values).sort();
  if (Number.isNaN(sorted.at(-1))) {
    const index = Array.from(values).findIndex(Number.isNaN);
    throw new ArgumentError(problem`ranks: the values must be numbers, got NaN at index ${index}; leave it out.`);
  }
  const firstOf = new Map<number, number>();
  const countOf = new Map<number, number>();
  for (const [index, value] of sorted.entries()) {
    if (!firstOf.has(value)) firstOf.set(value, index);
    countOf.set(value, (countOf.get(value) ?? 0) + 1);
  }
  return Float64Array.from(values, (value) => (firstOf.get(value) ?? 0) + ((countOf.get(value) ?? 1) - 1) / 2);
}

/**
 * Spearman's rank correlation: Pearson's correlation of the ranks.
 *
 * @returns NaN where one side does not vary
 * @throws ArgumentError for NaN, and when the lists differ in length
 */
export function spearman(xs: ArrayLike<number>, ys: ArrayLike<number>): number {
  return pearson(ranks(xs), ranks(ys));
}
