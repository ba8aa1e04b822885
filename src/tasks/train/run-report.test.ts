/** What a run's page and progress say of the data and the model: units, numbers of one, the mechanism. */

import { describe, expect, it } from "vitest";

import { byteVocabulary, imageVocabulary, type EncodedSequence } from "../../data/index.ts";
import { modelConfig, type ModelOptions } from "../../model/config.ts";
import { wordsOf } from "../../runs/data/words.ts";
import type { DataKind } from "../../runs/data/source.ts";
import { describeData, type RunDataset } from "../../runs/dataset.ts";
import { describeModel, summarise } from "./run-report.ts";

function sequences(count: number, length: number): readonly EncodedSequence[] {
  return Array.from({ length: count }, (_, index) => ({ id: String(index), tokenIds: new Int32Array(length) }));
}

function datasetOf(kind: DataKind, train: number, length: number): RunDataset {
  const vocabulary = kind === "images" ? imageVocabulary({ width: 2, height: 3, channels: 1 }) : byteVocabulary;
  const task = "language-modeling";
  const splits = { train: sequences(train, length), valid: [], test: [], ood: [] };
  const words = wordsOf(kind, task, vocabulary);
  return { name: "own", vocabulary, splits, kind, task, labelled: undefined, words };
}

function modelOf(options: Partial<ModelOptions>) {
  return { model: modelConfig({ vocabSize: 7, modelDim: 8, numLayers: 2, numHeads: 2, ...options }) };
}

describe("a run in words", () => {
  it.each([
    ["text", 1, 1234, "of bytes, trained on 1,234 bytes of own."],
    ["images", 1, 6, "of intensities, trained on 1 image of own."],
    ["images", 17, 6, "of intensities, trained on 17 images of own."],
    ["table", 1, 5, "of bytes, trained on 1 sequence of own."],
  ] as const)("%s, %d of %d tokens", (kind, count, length, expected) => {
    const { model } = modelOf({ mechanism: "exact" });
    const told = summarise({ model }, datasetOf(kind, count, length));
    expect(told).toBe(
      `A causal language model ${expected} Attention: exact softmax attention, quadratic in the length.`,
    );
  });

  it("names each mechanism of the layers once", () => {
    const { model } = modelOf({ numLayers: 3, mechanism: ["exact", { name: "local", window: 4 }, "exact"] });
    expect(summarise({ model }, datasetOf("text", 1, 5))).toMatch(
      /Attention: exact softmax attention, quadratic in the length; exact attention within a sliding window\.$/,
    );
  });

  it("counts images as images", () => {
    expect(describeData(datasetOf("images", 17, 6))).toBe("own: 17 train images; images of 2 × 3 × 1");
  });

  it("has one layer, and two heads", () => {
    expect(describeModel(modelOf({ numLayers: 1, mechanism: "exact" }))).toBe(
      "1 layer, width 8, 2 heads, attention exact",
    );
    expect(describeModel(modelOf({ numHeads: 1, mechanism: "exact" }))).toMatch(/^2 layers, width 8, 1 head,/);
  });
});
