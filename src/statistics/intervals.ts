/**
 * Intervals: of a mean by Student's t, of anything by the bootstrap, and whether a measured mean agrees with a true
 * value.
 */
import { ArgumentError, problem } from "../graph/errors.ts";
import { mean, standardError } from "./moments.ts";
import { quantile } from "./order.ts";

/** Lower and upper end, both inside. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** The part of a generator that redraws samples: a whole number from 0 to limit − 1. */
export interface SampleSource {
  readonly integer: (limit: number) => number;
}

/**
 * Whether a measured mean agrees with a true value: |mean − truth| ≤ count · standardError.
 *
 * @param count how many standard errors; 4 leaves 6 wrong alarms in 100,000 comparisons of normal means
 */
export function withinStandardErrors(measured: number, truth: number, error: number, count: number): boolean {
  return Math.abs(measured - truth) <= count * error;
}

/**
 * Student's t that leaves 2.5 % above it, for 1, 2, … degrees of freedom; later ones are within 2 % of the normal 1.96.
 */
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
 * @throws ArgumentError below two values, which say nothing about their spread
 */
export function meanInterval(values: readonly number[]): Interval {
  const degrees = values.length - 1;
  if (degrees < 1) {
    throw new ArgumentError(
      problem`meanInterval: at least two values are needed, got ${values.length}; run more seeds.`,
    );
  }
  const t = T_975[degrees - 1] ?? (degrees <= 60 ? T_975_FROM_31 : T_975_FROM_61);
  const half = t * standardError(values);
  const middle = mean(values);
  return { low: middle - half, high: middle + half };
}

/**
 * A two-sided confidence interval of any statistic of independent samples, by redrawing them with replacement: for
 * ratios of variances and whatever else has no formula. The samples may be pairs, which keeps what belongs together
 * together.
 *
 * @param samples independent of one another; some thirty or more, fewer give intervals that are too narrow
 * @param statistic what is asked of a set of samples, such as variance(…)/variance(…)
 * @param options.level default 0.95
 * @param options.resamples default 2000, where the ends move by a few per cent of the width
 * @returns NaN at both ends where the statistic is NaN on some draw
 * @throws ArgumentError for an empty list
 * Source: the percentile interval, Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
 */
export function bootstrapInterval<T>(
  samples: readonly T[],
  statistic: (samples: readonly T[]) => number,
  options: { readonly random: SampleSource; readonly level?: number; readonly resamples?: number },
): Interval {
  const { random, level = 0.95, resamples = 2000 } = options;
  if (samples.length === 0) {
    throw new ArgumentError(problem`bootstrapInterval: at least one sample is needed, got none; draw some first.`);
  }
  const redraw = () =>
    samples.flatMap(() => {
      const index = random.integer(samples.length);
      return samples.slice(index, index + 1);
    });
  const values = Array.from({ length: resamples }, () => statistic(redraw()));
  return { low: quantile(values, (1 - level) / 2), high: quantile(values, (1 + level) / 2) };
}
