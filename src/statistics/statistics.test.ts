/** Moments, quantiles and intervals, against textbook definitions, tables, and their own coverage. */
import { describe, expect, test } from "vitest";

import { createRandom } from "../random/index.ts";
import {
  bootstrapInterval,
  createMoments,
  mean,
  meanInterval,
  median,
  quantile,
  roundTo,
  standardError,
  variance,
  withinStandardErrors,
} from "./index.ts";

const TOLERANCE = 1e-12;

function normals(count: number, ...path: readonly (number | string)[]): number[] {
  const random = createRandom(31, ...path);
  return Array.from({ length: count }, () => random.normal());
}

describe("moments", () => {
  test("are those of the definition, in two passes", () => {
    const values = normals(101, "definition").map((value) => 3 + 2 * value);
    const average = values.reduce((sum, value) => sum + value, 0) / values.length;
    const spread = values.reduce((sum, value) => sum + (value - average) ** 2, 0) / (values.length - 1);
    expect(Math.abs(mean(values) - average)).toBeLessThan(TOLERANCE);
    expect(Math.abs(variance(values) - spread)).toBeLessThan(TOLERANCE);
    expect(Math.abs(standardError(values) - Math.sqrt(spread / values.length))).toBeLessThan(TOLERANCE);
  });

  test("keep the variance of numbers far from zero, where a difference of large sums loses it", () => {
    const moments = createMoments();
    for (const value of [1, 2, 3, 4]) moments.add(1e9 + value);
    expect(moments.count()).toBe(4);
    expect(moments.mean()).toBe(1e9 + 2.5);
    expect(moments.variance()).toBeCloseTo(5 / 3, 6);
  });

  test("are NaN where there are too few numbers", () => {
    const moments = createMoments();
    expect(moments.mean()).toBeNaN();
    moments.add(7);
    expect(moments.mean()).toBe(7);
    expect(moments.variance()).toBeNaN();
    expect(moments.standardError()).toBeNaN();
  });
});

describe("quantile", () => {
  test("interpolates between neighbours, whatever their order", () => {
    const values = [30, 10, 20, 40];
    expect(quantile(values, 0)).toBe(10);
    expect(quantile(values, 1)).toBe(40);
    expect(quantile(values, 0.25)).toBe(17.5);
    expect(median(values)).toBe(25);
    expect(median([3, 1, 2])).toBe(2);
    expect(values).toEqual([30, 10, 20, 40]);
  });

  test("takes an infinity for what it is, and nothing for NaN", () => {
    expect(median([1, 2, Number.POSITIVE_INFINITY])).toBe(2);
    expect(quantile([1, Number.POSITIVE_INFINITY], 1)).toBe(Number.POSITIVE_INFINITY);
    expect(median([])).toBeNaN();
  });

  test("of a list that holds NaN is NaN", () => {
    expect(median([3, Number.NaN, 1, 2])).toBeNaN();
    expect(quantile([Number.NaN, 1], 0)).toBeNaN();
    expect(median([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY])).toBe(Number.POSITIVE_INFINITY);
  });

  test("refuses a share that is none", () => {
    expect(() => quantile([1], 1.5)).toThrow("quantile: share must be in [0, 1], got 1.5; the median is 0.5.");
  });
});

test("withinStandardErrors counts the bound in, and NaN out", () => {
  expect(withinStandardErrors(1.5, 1, 0.125, 4)).toBe(true);
  expect(withinStandardErrors(0.5, 1, 0.125, 4)).toBe(true);
  expect(withinStandardErrors(1.501, 1, 0.125, 4)).toBe(false);
  expect(withinStandardErrors(Number.NaN, 1, 0.125, 4)).toBe(false);
});

describe("intervals at 95 %", () => {
  test("of a mean use Student's t", () => {
    // Standard error 1/√3, t = 4.303 for two degrees of freedom.
    const { low, high } = meanInterval([1, 2, 3]);
    expect(low).toBeCloseTo(2 - 4.303 / Math.sqrt(3), 10);
    expect(high).toBeCloseTo(2 + 4.303 / Math.sqrt(3), 10);
    const many = meanInterval(normals(1000, "many"));
    expect(many.high - many.low).toBeCloseTo((2 * 2) / Math.sqrt(1000), 2);
    expect(() => meanInterval([1])).toThrow(/at least two values are needed, got 1/);
  });

  test.each([3, 7, 41])("of a mean of %d values hold it 19 times in 20", (count) => {
    const repeats = 2000;
    let held = 0;
    for (let repeat = 0; repeat < repeats; repeat++) {
      const { low, high } = meanInterval(normals(count, "mean", count, repeat));
      if (low <= 0 && high >= 0) held += 1;
    }
    // Four standard errors of a share of 0.95; t is exact or errs on the wide side by half a per cent.
    expect(Math.abs(held / repeats - 0.95)).toBeLessThan(4 * Math.sqrt((0.95 * 0.05) / repeats) + 0.005);
  });

  test("of a ratio of variances by bootstrap hold it about 19 times in 20", () => {
    const ratio = (pairs: readonly (readonly [number, number])[]) =>
      variance(pairs.map(([a]) => a)) / variance(pairs.map(([, b]) => b));
    const repeats = 100;
    let held = 0;
    for (let repeat = 0; repeat < repeats; repeat++) {
      const [first, second] = [normals(60, "first", repeat), normals(60, "second", repeat)];
      const pairs = first.map((value, index) => [2 * value, second[index] ?? 0] as const);
      const { low, high } = bootstrapInterval(pairs, ratio, { random: createRandom(37, repeat), resamples: 100 });
      expect(low).toBeLessThan(high);
      if (low <= 4 && high >= 4) held += 1;
    }
    // Four standard errors of a share, and the few per cent by which the percentile interval of 60 samples is too
    // narrow.
    expect(held / repeats).toBeGreaterThan(0.95 - 4 * Math.sqrt((0.95 * 0.05) / repeats) - 0.03);
  });

  test("by bootstrap are NaN where the statistic is not defined on some draw", () => {
    const undefinedSometimes = (values: readonly number[]) => (values.includes(1) ? values.length : Number.NaN);
    expect(bootstrapInterval([1, 2, 3], undefinedSometimes, { random: createRandom(43), resamples: 100 })).toEqual({
      low: Number.NaN,
      high: Number.NaN,
    });
  });

  test("by bootstrap need a sample, and are the same from the same seed", () => {
    const random = () => createRandom(41);
    const values = normals(13, "seed");
    expect(bootstrapInterval(values, mean, { random: random() })).toEqual(
      bootstrapInterval(values, mean, { random: random() }),
    );
    expect(() => bootstrapInterval([], mean, { random: random() })).toThrow(/at least one sample is needed, got none/);
  });
});

test("roundTo keeps significant digits", () => {
  expect(roundTo(0.123456)).toBe(0.1235);
  expect(roundTo(123456, 2)).toBe(120000);
  expect(roundTo(0)).toBe(0);
});
