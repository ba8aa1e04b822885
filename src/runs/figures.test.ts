/** Figures of each task beside those of its baseline. */

import { describe, expect, it } from "vitest";

import type { SplitFigures } from "./evaluation.ts";
import { formatFigures, formatInterval, listFigures } from "./figures.ts";

const words = { unit: "byte", units: "bytes", predicted: "the next byte" };
const text: SplitFigures = {
  task: "language-modeling",
  split: "test",
  tokens: 34_238,
  accuracy: 0.5,
  perplexity: 4,
  lossNats: Math.log(4),
  bitsPerByte: 2,
  unigram: { accuracy: 0.25, perplexity: 16 },
};

describe("listFigures", () => {
  it("gives the baseline in the unit of the model", () => {
    expect(
      listFigures(text, words).map(({ name, model, baseline, isBetter }) => [name, model, baseline, isBetter]),
    ).toEqual([
      ["bits per byte", 2, 4, true],
      ["perplexity", 4, 16, true],
      ["accuracy", 0.5, 0.25, true],
      ["loss, nats", Math.log(4), Math.log(16), true],
    ]);
  });

  it("gives those of tokens behind the mask beside those of all chosen ones", () => {
    const behindMask = {
      tokens: 9,
      accuracy: 0.3,
      perplexity: 8,
      lossNats: Math.log(8),
      unigram: text.unigram ?? null,
    };
    const { bitsPerByte: _, ...masked } = { ...text, task: "masked" as const, behindMask };
    expect(
      listFigures(masked, words)
        .slice(3)
        .map(({ name, title, model, baseline }) => [name, title, model, baseline]),
    ).toEqual([
      ["behind the mask: perplexity", "Perplexity of bytes behind the mask (lower is better)", 8, 16],
      ["behind the mask: accuracy", "Accuracy of bytes behind the mask", 0.3, 0.25],
    ]);
  });

  it("marks nothing as better without a baseline", () => {
    const figures = listFigures({ ...text, unigram: null }, words);
    expect(figures.map(({ baseline, isBetter }) => [baseline, isBetter])).toEqual(
      figures.map(() => [Number.NaN, false]),
    );
  });

  it("compares a regression with the mean of the training labels, as it was measured", () => {
    const figures = listFigures(
      {
        task: "regression",
        split: "test",
        tokens: 7,
        meanSquaredError: 2,
        rSquared: -1,
        pearson: 0.5,
        mean: { meanSquaredError: 1, rSquared: -0.25 },
      },
      words,
    );
    expect(figures.map(({ name, baseline, isBetter }) => [name, baseline, isBetter])).toEqual([
      ["squared error", 1, false],
      ["R²", -0.25, false],
      ["correlation", Number.NaN, false],
    ]);
  });
});

/** The figures of a table of labels. */
const labelled: SplitFigures = {
  task: "classification",
  split: "test",
  tokens: 20,
  accuracy: 0.9,
  perplexity: 2,
  lossNats: Math.log(2),
  majority: { accuracy: 0.5, perplexity: 4 },
  measured: [
    { name: "accuracy", title: "Accuracy", value: 0.9, interval: { low: 0.8, high: 0.95 }, baseline: 0.5 },
    { name: "macro-F1", title: "Macro-F1", value: 0.85, interval: { low: 0.7, high: 0.925 }, baseline: null },
  ],
};

describe("figures with intervals", () => {
  it("have them beside figures of the same name, and stand below the others where there are none", () => {
    const figures = listFigures(labelled, { unit: "sequence", units: "sequences", predicted: "the class" });
    expect(figures.map(({ name, interval }) => [name, interval])).toEqual([
      ["perplexity", undefined],
      ["accuracy", { low: 0.8, high: 0.95 }],
      ["loss, nats", undefined],
      ["macro-F1", { low: 0.7, high: 0.925 }],
    ]);
    const [, accuracy, , f1] = figures;
    expect(accuracy && formatInterval(accuracy)).toBe("80.0 % to 95.0 %");
    expect(f1).toMatchObject({ model: 0.85, baseline: Number.NaN, isBetter: false });
  });

  it("make a column of their own", () => {
    const lines = formatFigures([labelled], words).split("\n");
    expect(lines[0]).toMatch(/difference\s+95 % interval$/);
    expect(lines.at(-1)).toMatch(/macro-F1\s+0\.850\s+–\s+–\s+0\.700 to 0\.925$/);
  });
});

describe("formatFigures", () => {
  it("names the baseline, counts in the unit, and signs differences", () => {
    expect(
      formatFigures([text], words)
        .split("\n")
        .map((line) => line.replace(/\s{2,}/g, " | ")),
    ).toEqual([
      "split | model | unigram | difference",
      "──────────── | ───────────── | ────── | ─────── | ────────────",
      "test | bits per byte | 2.000 | 4.000 | −2.000",
      "34,238 bytes | perplexity | 4.00 | 16.00 | −12.00",
      " | accuracy | 50.0 % | 25.0 % | +25.0 points",
      " | loss, nats | 1.386 | 2.773 | −1.386",
    ]);
  });

  it("shows a split without a baseline, and says that there is no split", () => {
    expect(formatFigures([{ ...text, unigram: null }], words)).toContain("–");
    expect(formatFigures([], words)).toMatch(/^no test split: too little data/);
  });
});
