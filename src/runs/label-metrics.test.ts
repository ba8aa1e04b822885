/**
 * Measures of labels against figures that were worked out by hand or by other means, and what they are where nothing is
 * told.
 */

import { describe, expect, it } from "vitest";

import { pearson } from "../statistics/index.ts";
import { accuracy, macroF1, matthews, measureLabels } from "./label-metrics.ts";

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
    const [labels, predictions] = [
      [1, 1, 1, 0, 0, 0, 0],
      [1, 1, 0, 0, 0, 1, 0],
    ];
    expect(matthews(pairs(labels, predictions))).toBeCloseTo(pearson(labels, predictions), 12);
    expect(matthews(pairs([0, 1], [1, 0]))).toBe(-1);
    expect(matthews(pairs([0, 1], [1, 1]))).toBe(0);
  });
});

describe("numbers", () => {
  it("are compared, beside the blind prediction with its own figures", () => {
    const measured = measureLabels(pairs([1, 2, 3, 4], [1.5, 1.5, 3, 5]), 4, 0);
    expect(measured.map(({ name }) => name)).toEqual(["squared error", "R²", "correlation", "Spearman"]);
    const [error, explained, correlation, ofRanks] = measured.map(({ value }) => value);
    expect(error).toBeCloseTo((0.25 + 0.25 + 0 + 1) / 4, 12);
    expect(explained).toBeCloseTo(1 - 1.5 / 5, 12);
    // Covariance 6 over the root of squared deviations 5 and 8.25.
    expect(correlation).toBeCloseTo(6 / Math.sqrt(5 * 8.25), 12);
    // Ranks of the predictions: 0.5, 0.5, 2, 3.
    expect(ofRanks).toBeCloseTo(4.5 / Math.sqrt(5 * 4.5), 12);
    // Errors 3, 2, 1, 0 of always telling 4.
    expect(measured.map(({ baseline }) => baseline)).toEqual([14 / 4, 1 - 14 / 5, null, null]);
  });

  it("that do not vary, or stand alone, have no R² and no correlation", () => {
    for (const same of [pairs([0.1, 0.1, 0.1], [0.1, 0.2, 0.4]), pairs([20005.89], [20004])]) {
      const [error, ...others] = measureLabels(same, 0.1, 0);
      expect(error?.value).toBeGreaterThan(0);
      for (const { value, interval, baseline } of others) {
        expect([value, interval.low, interval.high, baseline]).toEqual([Number.NaN, Number.NaN, Number.NaN, null]);
      }
    }
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
