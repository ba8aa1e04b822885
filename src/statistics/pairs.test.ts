/** Pairs of numbers: against sums in exact arithmetic, far from zero, in parts, and where nothing can be said. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  mean,
  meanSquaredError,
  mergePairMoments,
  NO_PAIRS,
  pairMoments,
  pearson,
  pearsonOf,
  rSquared,
  rSquaredOf,
  slope,
  variance,
  type PairMoments,
} from "./index.ts";

const TOLERANCE = {
  /** Correlations of numbers near 10⁶: float64 has steps of 1e-10 there, and the numbers differ by 1 or more. */
  shifted: 1e-9,
  /** Relative error of a figure against exact arithmetic. */
  exact: 1e-12,
} as const;

/** Whole numbers that differ, as x and y, so that exact sums can be taken of them. */
const wholePairs = fc
  .array(fc.tuple(fc.integer({ min: -1000, max: 1000 }), fc.integer({ min: -1000, max: 1000 })), {
    minLength: 3,
    maxLength: 53,
  })
  .map((pairs) => ({ xs: pairs.map(([x]) => x), ys: pairs.map(([, y]) => y) }))
  .filter(({ xs, ys }) => new Set(xs).size > 1 && new Set(ys).size > 1);

/** n·Σ xy − Σ x · Σ y, without any rounding. */
function exactProducts(xs: readonly number[], ys: readonly number[]): bigint {
  const sum = (values: readonly bigint[]) => values.reduce((total, value) => total + value, 0n);
  const [a, b] = [xs.map(BigInt), ys.map(BigInt)];
  return BigInt(xs.length) * sum(a.map((value, index) => value * (b[index] ?? 0n))) - sum(a) * sum(b);
}

function exactPearson(xs: readonly number[], ys: readonly number[]): number {
  return Number(exactProducts(xs, ys)) / Math.sqrt(Number(exactProducts(xs, xs)) * Number(exactProducts(ys, ys)));
}

function exactRSquared(xs: readonly number[], ys: readonly number[]): number {
  const errors = xs.reduce((total, x, index) => total + BigInt(x - (ys[index] ?? 0)) ** 2n, 0n);
  return 1 - Number(BigInt(xs.length) * errors) / Number(exactProducts(xs, xs));
}

const shifted = (values: readonly number[], by: number) => values.map((value) => value + by);

function relativeError(found: number, wanted: number): number {
  return Math.abs(found - wanted) / Math.max(1, Math.abs(wanted));
}

describe("figures of pairs", () => {
  it("equal exact arithmetic", () => {
    fc.assert(
      fc.property(wholePairs, ({ xs, ys }) => {
        expect(relativeError(pearson(xs, ys), exactPearson(xs, ys))).toBeLessThan(TOLERANCE.exact);
        expect(relativeError(rSquared(xs, ys), exactRSquared(xs, ys))).toBeLessThan(TOLERANCE.exact);
        const wanted = Number(exactProducts(xs, xs)) / (xs.length * (xs.length - 1));
        expect(relativeError(variance(xs), wanted)).toBeLessThan(TOLERANCE.exact);
      }),
    );
  });

  it("do not change when all numbers are a million further from zero", () => {
    fc.assert(
      fc.property(wholePairs, fc.double({ min: -1e6, max: 1e6, noNaN: true }), ({ xs, ys }, by) => {
        expect(Math.abs(pearson(shifted(xs, by), ys) - pearson(xs, ys))).toBeLessThan(TOLERANCE.shifted);
        expect(Math.abs(pearson(xs, shifted(ys, by)) - pearson(xs, ys))).toBeLessThan(TOLERANCE.shifted);
        const [far, near] = [rSquared(shifted(xs, by), shifted(ys, by)), rSquared(xs, ys)];
        expect(relativeError(far, near)).toBeLessThan(TOLERANCE.shifted);
      }),
    );
  });

  it("stay within what they can be, and change sign with one side", () => {
    fc.assert(
      fc.property(wholePairs, fc.double({ min: 1e-3, max: 1e6, noNaN: true }), ({ xs, ys }, offset) => {
        const [x, y] = [shifted(xs, offset), shifted(ys, -offset)];
        expect(Math.abs(pearson(x, y))).toBeLessThanOrEqual(1);
        expect(rSquared(x, y)).toBeLessThanOrEqual(1);
        expect(pearson(x, x)).toBeCloseTo(1, 15);
        expect(rSquared(x, x)).toBe(1);
        const negative = y.map((value) => -value);
        expect(Math.abs(pearson(x, y) + pearson(x, negative))).toBeLessThan(TOLERANCE.exact);
      }),
    );
  });

  it("are those of the whole when parts are merged, however it is cut", () => {
    const cuts = fc.tuple(fc.nat(53), fc.nat(53));
    fc.assert(
      fc.property(wholePairs, cuts, fc.constantFrom(0, 1e6), ({ xs, ys }, [a, b], offset) => {
        const [x, y] = [shifted(xs, offset), shifted(ys, offset)];
        const [first, second] = [Math.min(a, b), Math.max(a, b)];
        const merged = [
          [0, first],
          [first, second],
          [second, x.length],
        ]
          .map(([from, to]) => pairMoments(x.slice(from, to), y.slice(from, to)))
          .reduce(mergePairMoments, NO_PAIRS);
        const whole: PairMoments = pairMoments(x, y);
        expect(merged.count).toBe(whole.count);
        expect(Math.abs(pearsonOf(merged) - pearsonOf(whole))).toBeLessThan(TOLERANCE.shifted);
        expect(relativeError(rSquaredOf(merged), rSquaredOf(whole))).toBeLessThan(TOLERANCE.shifted);
        expect(merged.squaredErrors).toBeCloseTo(whole.squaredErrors, 4);
      }),
    );
  });

  it("of the targets' own mean are R² 0, and of any other constant below 0", () => {
    const targets = [330.25, 331.5, 329, 332.75];
    const constant = (value: number) => targets.map(() => value);
    expect(rSquared(targets, constant(mean(targets)))).toBeCloseTo(0, 15);
    // The squared distance to the mean, 0.875, beside the variance.
    expect(rSquared(targets, constant(330))).toBeCloseTo(-(0.875 ** 2) / ((variance(targets) * 3) / 4), 12);
  });

  it("are not defined where one side does not vary, whatever its rounding", () => {
    for (const value of [0.1, 1 / 3, 20005.89, 1e6 + 0.1]) {
      const constant = Array.from({ length: 1009 }, () => value);
      const other = constant.map((_, index) => index);
      expect(mean(constant)).toBe(value);
      expect(variance(constant)).toBe(0);
      expect([pearson(constant, other), pearson(other, constant), rSquared(constant, other)]).toEqual([
        Number.NaN,
        Number.NaN,
        Number.NaN,
      ]);
      expect(slope(constant, other)).toBeNaN();
      expect(rSquared(other, constant)).toBeLessThan(0);
    }
    expect([pearson([3], [4]), rSquared([3], [4]), meanSquaredError([3], [4])]).toEqual([Number.NaN, Number.NaN, 1]);
    expect([pearson([], []), rSquared([], []), meanSquaredError([], [])]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
  });

  it("tell a million and one from a million", () => {
    const targets = [1e6 - 1, 1e6 + 1, 1e6 - 1, 1e6 + 1];
    const predictions = [1e6 - 0.5, 1e6 + 0.5, 1e6 - 1, 1e6 + 1];
    expect(rSquared(targets, predictions)).toBe(1 - 0.5 / 4);
    expect(pearson(targets, predictions)).toBeCloseTo(3 / Math.sqrt(4 * 2.5), 12);
  });

  it("refuse what is no finite number, and lists of different lengths", () => {
    expect(() => pearson([1, Number.NaN], [1, 2])).toThrow(/the numbers must be finite, got \(NaN, 2\) at index 1/);
    expect(() => rSquared([1, 2], [1, Number.POSITIVE_INFINITY])).toThrow(/got \(2, Infinity\) at index 1/);
    expect(() => slope([1, 2], [1])).toThrow(/there must be a y for each x, got 2 and 1/);
  });
});
