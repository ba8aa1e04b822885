/** Which weights a run trains: the names, and what is refused. */
import { describe, expect, it } from "vitest";
import { tinyConfig } from "../../tests/model/harness.ts";
import { parameterShapes } from "../model/parameters.ts";
import { createExecution } from "./choose-execution.ts";
import { trainingConfig, type TrainingOptions } from "./config.ts";
import { trainableNames } from "./freeze.ts";
import { estimateMemory } from "./memory.ts";
import { stateFrom } from "./trainer.ts";

const classifier = tinyConfig({ head: "sequence-classification", numLabels: 3, positions: "learned" });
const all = Object.keys(parameterShapes(classifier));

describe("trainableNames", () => {
  it("are all weights unless something is frozen", () => {
    expect(trainableNames(classifier)).toEqual(all);
  });

  it("are those of the output layer alone where the body is frozen", () => {
    expect(trainableNames(classifier, "body")).toEqual(["classifier.weight", "classifier.bias"]);
    expect(trainableNames(tinyConfig({ tieEmbeddings: false }), "body")).toEqual(["head.weight"]);
    const pointer = tinyConfig({ architecture: "encoder-decoder", head: "pointer" });
    expect(trainableNames(pointer, "body").every((name) => name.startsWith("pointer."))).toBe(true);
  });

  it("leave out the embeddings and so many layers", () => {
    const names = trainableNames(classifier, 1);
    expect(names).toEqual(all.filter((name) => !/^(tokenEmbedding|positionEmbedding|blocks\.0)\./.test(name)));
    expect(names).toContain("blocks.1.mlp.up.weight");
    expect(trainableNames(classifier, 2)).toEqual([
      "finalNorm.weight",
      "finalNorm.bias",
      "classifier.weight",
      "classifier.bias",
    ]);
  });

  it.each([
    [
      tinyConfig(),
      "body",
      /^training: freeze 'body' must leave an output layer to train, got head 'language-modeling'/,
    ],
    [classifier, 3, /^training: freeze must be at most numLayers 2, got 3; 'body' freezes all but the output layer$/],
    [
      tinyConfig({ architecture: "encoder-decoder" }),
      1,
      /one stack of blocks, got architecture 'encoder-decoder' and 1/,
    ],
  ] as const)("refuse case %#", (config, freeze, message) => {
    expect(() => trainableNames(config, freeze)).toThrow(message);
  });

  it("are asked for before anything is compiled", () => {
    const backend = { device: "reference", compile: () => Promise.reject(new Error("compiled")) } as const;
    expect(() => createExecution(tinyConfig(), backend, trainingConfig({ freeze: "body" }))).toThrow(/freeze 'body'/);
  });
});

describe("a frozen body", () => {
  it("has no moments", () => {
    const { optimizer } = stateFrom(
      classifier,
      { "classifier.bias": { shape: [3], dtype: "float32", data: new Float32Array(3) } },
      "body",
    );
    expect(Object.keys(optimizer)).toEqual(["first.classifier.bias", "second.classifier.bias"]);
  });

  it("takes less memory, and patience takes a copy of what is trained", () => {
    const bytes = (training: TrainingOptions) =>
      estimateMemory({
        config: classifier,
        training: trainingConfig(training),
        shapes: [],
      });
    const weights = all.reduce((sum, name) => sum + size(parameterShapes(classifier)[name]?.shape ?? []), 0);
    const head = 3 * classifier.modelDim + 3;
    expect(bytes({}).stateBytes - bytes({ freeze: "body" }).stateBytes).toBe(4 * 2 * (weights - head));
    expect(bytes({ patience: 3 }).stateBytes).toBeGreaterThan(bytes({}).stateBytes + 4 * weights);
  });
});

describe("trainingConfig", () => {
  it.each([
    [{ freeze: 0 }, /^training: freeze /],
    [{ freeze: "head" }, /^training: freeze /],
    [{ freeze: 1.5 }, /^training: freeze /],
    [{ patience: -1 }, /^training: patience must be at least 0, got -1/],
  ])("refuses %j", (options, message) => {
    // As untyped callers would: from a file.
    expect(() => trainingConfig(options as TrainingOptions)).toThrow(message);
  });
});

function size(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}
