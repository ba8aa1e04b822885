/** Means, variances and standard errors in float64: of lists in two passes, of streams by Welford's update. */

/** Mean and variance of a stream of numbers that is not kept. */
export interface Moments {
  readonly add: (value: number) => void;
  readonly count: () => number;
  /** NaN before the first number. */
  readonly mean: () => number;
  /** Estimate for the population that the numbers were drawn from: divided by count − 1. NaN below two numbers. */
  readonly variance: () => number;
  /** Standard error of the mean: √(variance / count). */
  readonly standardError: () => number;
}

/** Moments of many streams at once, a stream for each index. */
export interface MomentsTable {
  readonly add: (index: number, value: number) => void;
  readonly count: (index: number) => number;
  readonly mean: (index: number) => number;
  readonly variance: (index: number) => number;
}

/**
 * Collects the mean and variance of `size` streams in one pass.
 *
 * meanₙ = meanₙ₋₁ + (x − meanₙ₋₁)/n, squaresₙ = squaresₙ₋₁ + (x − meanₙ₋₁)(x − meanₙ); no large sums cancel.
 *
 * Source: Welford, Technometrics 4 (1962).
 */
export function createMomentsTable(size: number): MomentsTable {
  // Typed arrays, because captured variables would box every number, at several times the cost.
  const counts = new Float64Array(size);
  const means = new Float64Array(size);
  const squares = new Float64Array(size);
  const count = (index: number) => counts[index] ?? 0;
  return {
    add: (index, value) => {
      const n = count(index) + 1;
      const before = value - (means[index] ?? 0);
      const after = (means[index] ?? 0) + before / n;
      counts[index] = n;
      means[index] = after;
      squares[index] = (squares[index] ?? 0) + before * (value - after);
    },
    count,
    mean: (index) => (count(index) === 0 ? Number.NaN : (means[index] ?? Number.NaN)),
    variance: (index) => (count(index) < 2 ? Number.NaN : (squares[index] ?? Number.NaN) / (count(index) - 1)),
  };
}

/** Collects the mean and variance of one stream in one pass; see `createMomentsTable`. */
export function createMoments(): Moments {
  const table = createMomentsTable(1);
  return {
    add: (value) => table.add(0, value),
    count: () => table.count(0),
    mean: () => table.mean(0),
    variance: () => table.variance(0),
    standardError: () => Math.sqrt(table.variance(0) / table.count(0)),
  };
}

/**
 * The arithmetic mean: first Σ x / n, then corrected by the mean of what is left, Σ (x − that) / n. The mean of equal
 * numbers is that number, exactly.
 *
 * @returns NaN for no values, and where one of them is NaN
 */
export function mean(values: ArrayLike<number>): number {
  const rough = sumOf(values, 0) / values.length;
  // An infinity has nothing left.
  return Number.isFinite(rough) ? rough + sumOf(values, rough) / values.length : rough;
}

/** Variance of the population that the values were drawn from: Σ (x − x̄)² / (n − 1). NaN below two values. */
export function variance(values: ArrayLike<number>): number {
  return values.length < 2 ? Number.NaN : squaredDeviations(values) / (values.length - 1);
}

/** Variance of the values themselves, taken for the whole population: Σ (x − x̄)² / n. NaN for no values. */
export function populationVariance(values: ArrayLike<number>): number {
  return squaredDeviations(values) / values.length;
}

/** Standard error of the mean of independent values: √(variance / n). NaN below two values. */
export function standardError(values: ArrayLike<number>): number {
  return Math.sqrt(variance(values) / values.length);
}

/** Σ (x − x̄)². */
function squaredDeviations(values: ArrayLike<number>): number {
  const centre = mean(values);
  let squares = 0;
  for (let index = 0; index < values.length; index++) squares += ((values[index] ?? Number.NaN) - centre) ** 2;
  return squares;
}

/** Σ (x − from). */
function sumOf(values: ArrayLike<number>, from: number): number {
  let sum = 0;
  for (let index = 0; index < values.length; index++) sum += (values[index] ?? Number.NaN) - from;
  return sum;
}
