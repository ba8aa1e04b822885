/** Estimates of a run's memory follow what each way of execution keeps. */
import { describe, expect, it } from "vitest";
import { tinyConfig } from "../../tests/model/harness.ts";
import type { ModelOptions } from "../model/config.ts";
import { waysToFit } from "./memory-advice.ts";
import { estimateMemory, type MemoryQuestion } from "./memory.ts";

function question(options: Partial<MemoryQuestion["training"]> & { layers?: number; reversible?: boolean } = {}) {
  const { layers = 5, reversible = false, ...training } = options;
  return {
    config: tinyConfig({ modelDim: 32, numLayers: layers, reversible }),
    training: { segmentLength: 0, gradientCheckpointing: "none", labelSmoothing: 0, ...training },
    shapes: [{ batchSize: 4, seqLen: 1024 }],
  } as const satisfies MemoryQuestion;
}

describe("estimateMemory", () => {
  it("is the sum of its parts", () => {
    const { totalBytes, ...parts } = estimateMemory(question());
    expect(totalBytes).toBe(Object.values(parts).reduce((sum, bytes) => sum + bytes, 0));
  });

  it("grows with the layers in one go, and block by block only by one activation a layer", () => {
    const growth = (gradientCheckpointing: "none" | "blocks", reversible = false) => {
      const [some, more] = [7, 17].map((layers) =>
        estimateMemory(question({ gradientCheckpointing, reversible, layers })),
      );
      const of = (name: "engineBytes" | "keptBytes") => (more?.[name] ?? 0) - (some?.[name] ?? 0);
      return { engine: of("engineBytes"), kept: of("keptBytes") };
    };
    const activation = 4 * 1024 * 32 * 4;
    expect(growth("none").engine).toBeGreaterThan(10 * 5 * activation);
    expect(growth("blocks")).toEqual({ engine: 0, kept: 10 * activation });
    expect(growth("blocks", true)).toEqual({ engine: 0, kept: 0 });
  });

  it("is less in parts of a sequence, the more the shorter they are", () => {
    const engine = [0, 512, 128].map((segmentLength) => estimateMemory(question({ segmentLength })).engineBytes);
    expect(engine).toEqual(engine.toSorted((a, b) => b - a));
    expect(engine[2]).toBeLessThan((engine[0] ?? 0) / 3);
  });

  it.each([
    ["an encoder", { architecture: "encoder" }],
    ["a classifier", { architecture: "encoder", head: "sequence-classification", numLabels: 3 }],
    // Each kind of block has graphs of its own.
    [
      "two mechanisms in turn",
      { mechanism: Array.from({ length: 6 }, () => ["favor", "exact"]).flat(), numLayers: 12 },
    ],
  ] as [string, Partial<ModelOptions>][])("is less block by block for %s", (_name, options) => {
    const { training } = question();
    const config = tinyConfig({ modelDim: 32, numLayers: 5, ...options });
    const shapes = [{ batchSize: 4, seqLen: 256, ...(config.head !== "language-modeling" && { targetLen: 1 }) }];
    const bytes = (gradientCheckpointing: "none" | "blocks") =>
      estimateMemory({ config, training: { ...training, gradientCheckpointing }, shapes }).engineBytes;
    expect(bytes("blocks")).toBeLessThan(bytes("none"));
  });

  it("grows with the source of an encoder–decoder, and names no way block by block", () => {
    const config = tinyConfig({ architecture: "encoder-decoder", modelDim: 32 });
    const asked = (sourceLen: number): MemoryQuestion => ({
      ...question(),
      config,
      shapes: [{ batchSize: 4, seqLen: 256, sourceLen }],
    });
    expect(estimateMemory(asked(1024)).engineBytes).toBeGreaterThan(2 * estimateMemory(asked(128)).engineBytes);
    const { totalBytes, engineBytes } = estimateMemory(asked(1024));
    const limit = totalBytes - engineBytes / 4;
    const ways = waysToFit(asked(1024), limit);
    expect(ways.map(({ settings }) => Object.keys(settings))).toEqual([["tokensPerBatch"]]);
  });

  it("is less with the feed-forward layer in chunks, where blocks are computed again", () => {
    const bytes = (feedForwardChunkSize: number) => {
      const config = tinyConfig({ modelDim: 32, mlpDim: 512, feedForwardChunkSize });
      const asked = question({ gradientCheckpointing: "blocks" });
      return estimateMemory({ ...asked, config }).engineBytes;
    };
    expect(bytes(256)).toBeLessThan(0.7 * bytes(0));
  });

  it("counts a graph for every shape of batch, the same shape once", () => {
    const engine = (lengths: readonly number[]) =>
      estimateMemory({ ...question(), shapes: lengths.map((seqLen) => ({ batchSize: 2, seqLen })) }).engineBytes;
    expect(engine([128, 128])).toBe(engine([128]));
    expect(engine([128, 256, 192]) / (engine([128]) + engine([256]) + engine([192]))).toBeCloseTo(1, 1);
  });
});

describe("waysToFit", () => {
  it("names only settings with which the run is estimated to fit", () => {
    const asked = question();
    const limit = estimateMemory(asked).totalBytes * 0.95;
    const ways = waysToFit(asked, limit);
    expect(ways.map(({ settings }) => Object.keys(settings))).toEqual([
      ["gradientCheckpointing"],
      ["segmentLength"],
      ["gradientCheckpointing", "tokensPerBatch"],
    ]);
    for (const { settings, totalBytes } of ways) {
      expect(totalBytes).toBeLessThanOrEqual(limit);
      const { tokensPerBatch = 4096, ...training } = settings;
      const shapes = [{ batchSize: tokensPerBatch / 1024, seqLen: 1024 }];
      const again = estimateMemory({ ...asked, training: { ...asked.training, ...training }, shapes });
      expect(again.totalBytes).toBe(totalBytes);
    }
    expect(waysToFit(asked, 1e6)).toEqual([]);
  });
});
