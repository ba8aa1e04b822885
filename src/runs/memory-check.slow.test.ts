/** A run that would not fit is refused with what it needs, what there is, and settings with which it fits. */

import { describe, expect, it } from "vitest";

import { modelConfig } from "../model/config.ts";
import { estimateMemory, type MemoryQuestion } from "../training/memory.ts";
import { checkMemory } from "./memory-check.ts";

const model = { vocabSize: 29, modelDim: 64, numHeads: 2, numFeatures: 17, numLayers: 13, dropout: 0 };
const question: MemoryQuestion = {
  config: modelConfig(model),
  training: { segmentLength: 0, gradientCheckpointing: "none", labelSmoothing: 0 },
  shapes: [{ batchSize: 8, seqLen: 2048 }],
};
const { totalBytes } = estimateMemory(question);
const limit = (bytes: number) => ({ bytes, setBy: "this machine" });

describe("checkMemory", () => {
  it("says what a run takes that fits", () => {
    expect(checkMemory(question, limit(totalBytes))).toMatch(/^about \d+(\.\d)? [GM]B of the \d.* of this machine$/);
  });

  it("refuses one that does not, with ways that fit", () => {
    const refuse = () => checkMemory(question, limit(totalBytes * 0.5));
    expect(refuse).toThrow(expect.objectContaining({ name: "UsageError" }));
    expect(refuse).toThrow(
      /^the run must fit in memory, got one that needs about .* of the .* of this machine; set training.gradientCheckpointing to blocks \(about .*\), or training.segmentLength to \d+ \(about .*\), or .*; --ignore-memory/,
    );
  });

  it("names no parts of sequences for a mechanism without a state", () => {
    const exact = { ...question, config: modelConfig({ ...model, mechanism: "exact" }) };
    const refuse = () => checkMemory(exact, limit(estimateMemory(exact).totalBytes * 0.5));
    expect(refuse).toThrow(/gradientCheckpointing to blocks/);
    expect(refuse).not.toThrow(/segmentLength/);
  });

  it("says so when nothing makes it fit", () => {
    expect(() => checkMemory(question, limit(1e6))).toThrow(/needs about .* of the 1 MB of .*; make the model smaller/);
  });
});
