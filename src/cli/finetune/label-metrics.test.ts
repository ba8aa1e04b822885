// Measures of labels against figures that were worked out by hand or by other means, and what they are where nothing is told.

import { describe, expect, it } from "vitest";

import {
  accuracy,
  macroF1,
  matthews,
  measureLabels,
  meanSquaredError,
  pearson,
  rSquared,
  spearman,
} from "./label-metrics.ts";

const pairs = (labels: readonly number[], predictions: readonly number[]) =>
  labels.map((label, index) => ({ label, prediction: predictions[index] ?? Number.NaN }));

/** Two of class 0 right, one taken for 1; one of class 1 right, one taken for 2; none of class 2 met. */
const classes = pairs([0, 0, 0, 1, 1], [0, 0, 1, 1, 2]);

describe("classes", () => {
  it("are counted", () => {
    expect(accuracy(classes)).toBeCloseTo(3 / 5, 12);
    // F1 of 0: 2·2/(3+2); of 1: 2·1/(2+2); of 2, which is predicted alone: 0.
    expect(macroF1(classes)).toBeCloseTo((4 / 5 + 1 / 2 + 0) / 3, 12);
  });

  it("of two kinds have the correlation that their numbers have", () => {
    const two = pairs([1, 1, 1, 0, 0, 0, 0], [1, 1, 0, 0, 0, 1, 0]);
    expect(matthews(two)).toBeCloseTo(pearson(two), 12);
    expect(matthews(pairs([0, 1], [1, 0]))).toBe(-1);
    expect(matthews(pairs([0, 1], [1, 1]))).toBe(0);
  });
});

describe("numbers", () => {
  const numbers = pairs([1, 2, 3, 4], [1.5, 1.5, 3, 5]);

  it("are compared", () => {
    expect(meanSquaredError(numbers)).toBeCloseTo((0.25 + 0.25 + 0 + 1) / 4, 12);
    expect(rSquared(numbers)).toBeCloseTo(1 - 1.5 / 5, 12);
    // Covariance 6 over the root of squared deviations 5 and 8.25.
    expect(pearson(numbers)).toBeCloseTo(6 / Math.sqrt(5 * 8.25), 12);
    // Ranks of the predictions: 0.5, 0.5, 2, 3.
    expect(spearman(numbers)).toBeCloseTo(4.5 / Math.sqrt(5 * 4.5), 12);
  });

  it("in the same order have rank correlation 1, whatever their distances", () => {
    expect(spearman(pairs([1, 2, 3, 40], [-5, 0, 0.1, 7]))).toBeCloseTo(1, 12);
    expect(spearman(pairs([1, 2, 3, 40], [7, 3, 2, 1]))).toBeCloseTo(-1, 12);
  });
});

describe("measureLabels", () => {
  it("gives intervals around the values, the same every time, and the blind prediction beside them", () => {
    const many = Array.from({ length: 60 }, (_, index) => ({
      label: index % 2,
      prediction: index % 5 === 0 ? 1 : index % 2,
    }));
    const measured = measureLabels(many, 0, 2);
    expect(measured.map(({ name }) => name)).toEqual(["accuracy", "macro-F1", "Matthews"]);
    expect(measured).toEqual(measureLabels(many, 0, 2));
    for (const { value, interval } of measured) {
      expect(interval.low).toBeLessThan(value);
      expect(interval.high).toBeGreaterThan(value);
    }
    expect(measured.map(({ baseline }) => baseline)).toEqual([0.5, 1 / 3, 0]);
    // The share of 54 in 60 has standard error √(0.9·0.1/60) = 0.039.
    const [first] = measured;
    expect(first?.value).toBe(0.9);
    expect((first?.interval.high ?? 0) - (first?.interval.low ?? 0)).toBeGreaterThan(2 * 0.039);
    expect((first?.interval.high ?? 0) - (first?.interval.low ?? 0)).toBeLessThan(6 * 0.039);
  });

  it("leaves out what the blind prediction does not have", () => {
    const numbers = pairs([1, 2, 3, 4, 5], [1, 2, 3, 4, 6]);
    const measured = measureLabels(numbers, 3, 0);
    expect(measured.map(({ name, baseline }) => [name, baseline])).toEqual([
      ["squared error", 2],
      ["R²", 0],
      ["correlation", null],
      ["Spearman", null],
    ]);
    expect(measureLabels(pairs([0, 1, 2], [0, 1, 2]), 0, 3).map(({ name }) => name)).toEqual(["accuracy", "macro-F1"]);
  });
});
