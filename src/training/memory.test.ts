/** Sizes far beyond any memory are estimated from shapes alone: nothing of their size is drawn or built. */
import { describe, expect, it, vi } from "vitest";
import { mechanisms } from "../attention/mechanisms.ts";
import { modelConfig, type ModelOptions } from "../model/config.ts";
import { projectionShapes } from "../model/parameters.ts";
import { estimateMemory } from "./memory.ts";

/** One head of 2 numbers, so that the graphs are small. */
const small = { vocabSize: 11, modelDim: 2, numHeads: 1, numLayers: 1, mlpDim: 3, numFeatures: 2 } as const;
/** An array of so many rows cannot be had. */
const tooLong = 2 ** 44;

function bytesOf(options: Partial<ModelOptions>, seqLen: number, segmentLength = 0): number {
  const config = modelConfig({ ...small, maxSeqLen: seqLen, ...options });
  const training = { segmentLength, gradientCheckpointing: "none", labelSmoothing: 0 } as const;
  return estimateMemory({ config, training, shapes: [{ batchSize: 1, seqLen }] }).totalBytes;
}

describe("estimateMemory", () => {
  it.each(["rotary", "learned", "axial", "sinusoidal"] as const)(
    "tells of %s positions without their table",
    (positions) => {
      expect(bytesOf({ positions }, tooLong)).toBeGreaterThan(4 * tooLong);
    },
  );

  it.each(["exact", "cosformer", "local"] as const)("tells of '%s' without its masks and tables", (name) => {
    const mechanism = name === "cosformer" ? { name, maxLength: tooLong } : name;
    expect(bytesOf({ mechanism }, tooLong)).toBeGreaterThan(4 * tooLong);
  });

  it("draws no projection to learn its shape", () => {
    const drawing = vi.spyOn(mechanisms.favor, "initialise");
    try {
      expect(bytesOf({ modelDim: 4000, numHeads: 2 }, 64)).toBeGreaterThan(1e9);
      expect(drawing).not.toHaveBeenCalled();
    } finally {
      drawing.mockRestore();
    }
  });

  it("makes no state of a sequence in parts", () => {
    const numFeatures = 2 ** 31 / 4 / 2;
    expect(bytesOf({ numFeatures }, 128, 64)).toBeGreaterThan(4 * 2 * numFeatures);
    expect(projectionShapes(modelConfig({ ...small, numFeatures }))).toEqual({
      "blocks.0.attention.projection": [numFeatures, 2],
    });
  });
});
