// The statistics that decide a claim: means with their uncertainty, quantiles, intervals. All in float64.

import type { Random } from "../random/index.ts";

/** Mean and variance of a stream of numbers that is not kept. */
export interface Moments {
  readonly add: (value: number) => void;
  readonly count: () => number;
  /** NaN before the first number. */
  readonly mean: () => number;
  /** Of the population that the numbers were drawn from: divided by count − 1. NaN below two numbers. */
  readonly variance: () => number;
  /** Of the mean: √(variance / count). */
  readonly standardError: () => number;
}

/** Lower and upper end, both inside. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * Collects mean and variance in one pass.
 *
 * meanₙ = meanₙ₋₁ + (x − meanₙ₋₁)/n, squaresₙ = squaresₙ₋₁ + (x − meanₙ₋₁)(x − meanₙ); no large sums cancel.
 *
 * Source: Welford, Technometrics 4 (1962).
 */
export function createMoments(): Moments {
  // Count, mean, squares. A typed array, because captured variables would box every number, at several times the cost.
  const state = new Float64Array(3);
  const count = () => state[0] ?? 0;
  const runningMean = () => state[1] ?? 0;
  const spread = () => (count() < 2 ? Number.NaN : (state[2] ?? 0) / (count() - 1));
  return {
    add: (value) => {
      const n = (state[0] ?? 0) + 1;
      const before = value - (state[1] ?? 0);
      const after = (state[1] ?? 0) + before / n;
      state[0] = n;
      state[1] = after;
      state[2] = (state[2] ?? 0) + before * (value - after);
    },
    count,
    mean: () => (count() === 0 ? Number.NaN : runningMean()),
    variance: spread,
    standardError: () => Math.sqrt(spread() / count()),
  };
}

function momentsOf(values: readonly number[]): Moments {
  const moments = createMoments();
  for (const value of values) moments.add(value);
  return moments;
}

export function mean(values: readonly number[]): number {
  return momentsOf(values).mean();
}

/** Of the population that the values were drawn from: divided by their number − 1. */
export function variance(values: readonly number[]): number {
  return momentsOf(values).variance();
}

/** Of the mean of independent values: √(variance / n). */
export function standardError(values: readonly number[]): number {
  return momentsOf(values).standardError();
}

/**
 * The value below which the given share of the values lies, linear between neighbours.
 *
 * @param share in [0, 1]; 0 is the smallest value, 1 the largest
 * @returns NaN for no values
 * @throws RangeError when the share is outside [0, 1]
 */
export function quantile(values: readonly number[], share: number): number {
  if (!(share >= 0 && share <= 1)) {
    throw new RangeError(`quantile: share must be in [0, 1], got ${share}; the median is 0.5.`);
  }
  return quantileOfSorted(
    values.toSorted((a, b) => a - b),
    share,
  );
}

/** The middle value; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function quantileOfSorted(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const lower = sorted[below] ?? Number.NaN;
  const upper = sorted[below + 1] ?? lower;
  // Nothing is added on a place itself, so that an infinity beside it does no harm.
  return place === below ? lower : lower + (place - below) * (upper - lower);
}

/**
 * Whether a measured mean agrees with a true value: |mean − truth| ≤ count · standardError.
 *
 * @param count how many standard errors; 4 leaves 6 wrong alarms in 100,000 comparisons of normal means
 */
export function withinStandardErrors(measured: number, truth: number, error: number, count: number): boolean {
  return Math.abs(measured - truth) <= count * error;
}

/** Student's t that leaves 2.5 % above it, for 1, 2, … degrees of freedom; later ones are within 2 % of the normal 1.96. */
const T_975 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
] as const;
/** Student's t for 31 to 60 degrees of freedom is at most this; beyond them 2. Both err on the wide side. */
const T_975_FROM_31 = 2.04;
const T_975_FROM_61 = 2;

/**
 * The 95 % confidence interval of a mean from a few independent values, such as one a seed: mean ± t · standardError.
 *
 * @throws RangeError below two values, which say nothing about their spread
 */
export function meanInterval(values: readonly number[]): Interval {
  const degrees = values.length - 1;
  if (degrees < 1) {
    throw new RangeError(`meanInterval: at least two values are needed, got ${values.length}; run more seeds.`);
  }
  const t = T_975[degrees - 1] ?? (degrees <= 60 ? T_975_FROM_31 : T_975_FROM_61);
  const moments = momentsOf(values);
  const half = t * moments.standardError();
  return { low: moments.mean() - half, high: moments.mean() + half };
}

/**
 * A two-sided confidence interval of any statistic of independent samples, by redrawing them with replacement: for ratios of
 * variances and whatever else has no formula. The samples may be pairs, which keeps what belongs together together.
 *
 * @param samples independent of one another; some thirty or more, fewer give intervals that are too narrow
 * @param statistic what is asked of a set of samples, such as variance(…)/variance(…)
 * @param options.level default 0.95
 * @param options.resamples default 2000, where the ends move by a few per cent of the width
 * @throws RangeError for an empty list
 * Source: the percentile interval, Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
 */
export function bootstrapInterval<T>(
  samples: readonly T[],
  statistic: (samples: readonly T[]) => number,
  options: { readonly random: Random; readonly level?: number; readonly resamples?: number },
): Interval {
  const { random, level = 0.95, resamples = 2000 } = options;
  if (samples.length === 0) {
    throw new RangeError("bootstrapInterval: at least one sample is needed, got none; draw some first.");
  }
  const redraw = () =>
    samples.flatMap(() => {
      const index = random.integer(samples.length);
      return samples.slice(index, index + 1);
    });
  const values = Array.from({ length: resamples }, () => statistic(redraw())).toSorted((a, b) => a - b);
  return { low: quantileOfSorted(values, (1 - level) / 2), high: quantileOfSorted(values, (1 + level) / 2) };
}

/** 0.123456 → 0.1235: figures as they are written down, to a number of significant digits, 4 unless told. */
export function roundTo(value: number, digits = 4): number {
  return Number(value.toPrecision(digits));
}

/** Slope of the line through points by least squares, Σ (x − x̄)(y − ȳ) / Σ (x − x̄)²: of logarithms, the exponent of a power law. */
export function slope(xs: readonly number[], ys: readonly number[]): number {
  const [meanX, meanY] = [mean(xs), mean(ys)];
  let [together, squares] = [0, 0];
  xs.forEach((x, index) => {
    together += (x - meanX) * ((ys[index] ?? meanY) - meanY);
    squares += (x - meanX) ** 2;
  });
  return together / squares;
}
