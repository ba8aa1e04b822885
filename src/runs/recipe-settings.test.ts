/** Settings of the command line: which key is meant, what its value is, and what is refused. */

import { describe, expect, it } from "vitest";

import { applySettings, parseSettings, type Recipe } from "./recipe.ts";

const recipe: Recipe = {
  name: "small",
  model: { modelDim: 11 },
  training: { steps: 13, seed: 5 },
  data: {},
  origin: "recipe small.jsonc",
};

describe("parseSettings", () => {
  it.each([
    ["training.steps=100", { section: "training", key: "steps", value: 100 }],
    ["steps=100", { section: "training", key: "steps", value: 100 }],
    ["modelDim = 64", { section: "model", key: "modelDim", value: 64 }],
    ["learningRate=2e-3", { section: "training", key: "learningRate", value: 0.002 }],
    ["tieEmbeddings=false", { section: "model", key: "tieEmbeddings", value: false }],
    ["schedule=constant", { section: "training", key: "schedule", value: "constant" }],
    ['positions="learned"', { section: "model", key: "positions", value: "learned" }],
    ["data.path=a=b.fasta", { section: "data", key: "path", value: "a=b.fasta" }],
    ["splitBy=", { section: "data", key: "splitBy", value: "" }],
  ])("reads %s", (text, setting) => {
    expect(parseSettings(text)).toEqual([setting]);
  });

  it.each([
    ["steps=5,warmupSteps=2", ["steps", 5], ["warmupSteps", 2]],
    ["model.numHeads=2, mechanism=local(window=16),favor", ["numHeads", 2], ["mechanism", "local(window=16),favor"]],
    ['mechanism=["local","favor"],steps=3', ["mechanism", ["local", "favor"]], ["steps", 3]],
    ['patches={"size":4},steps=3', ["patches", { size: 4 }], ["steps", 3]],
    // No key follows the comma, so it belongs to the value.
    ["data.path=a,b=c.csv", ["path", "a,b=c.csv"]],
    ["steps=5,warmupStep=2", ["steps", "5,warmupStep=2"]],
  ] as const)("reads %s", (text, ...settings) => {
    expect(parseSettings(text).map(({ key, value }) => [key, value])).toEqual(settings);
  });

  it.each([
    ["steps", "--set must be given as key=value, got 'steps'; write for example --set training.steps=100"],
    ["=3", "--set must be given as key=value, got '=3'; write for example --set training.steps=100"],
    ["stepz=3", "--set: 'stepz' is not a key; did you mean 'steps'?"],
    ["model.num_heads=3", "--set: 'model.num_heads' is not a key; did you mean 'model.numHeads'?"],
    ["features=3", "--set: 'features' is not a key; did you mean 'numFeatures'?"],
    [
      "data.qqqqqq=3",
      "--set: 'data.qqqqqq' is not a key; the keys are data.source, data.path, data.kind, data.task, data.splitBy, data.families, data.minLength, data.maxLength, data.tags, data.minTagged, data.tagDropout, data.concatenate, data.sampling, data.maskRate, data.masking, data.tokenizer, data.imageSize, data.channels, data.sequenceColumn, data.labelColumn",
    ],
    ["vocabSize=3", "--set: 'vocabSize' cannot be set, it follows from the vocabulary of the data; leave it out"],
    [
      "model.numLabels=3",
      "--set: 'model.numLabels' cannot be set, it follows from the labels of the data; leave it out",
    ],
  ])("refuses %s", (text, message) => {
    expect(() => parseSettings(text)).toThrow(message);
  });
});

describe("applySettings", () => {
  it("changes what is set and nothing else, the last one counting", () => {
    const changed = applySettings(recipe, ["steps=17", "numHeads=3", "steps=19"].flatMap(parseSettings));
    expect(changed).toEqual({ ...recipe, model: { modelDim: 11, numHeads: 3 }, training: { steps: 19, seed: 5 } });
    expect(recipe.training).toEqual({ steps: 13, seed: 5 });
  });

  it("puts other data in the place of the recipe's, however these are named", () => {
    const text: Recipe = { ...recipe, data: { source: "pride-and-prejudice", tokenizer: "characters" } };
    expect(applySettings(text, parseSettings("data.path=a.txt")).data).toEqual({
      path: "a.txt",
      tokenizer: "characters",
    });
    const file: Recipe = { ...recipe, data: { path: "a.seq", kind: "proteins" } };
    expect(applySettings(file, parseSettings("source=fashion-mini")).data).toEqual({ source: "fashion-mini" });
  });

  it("refuses a value that the data cannot have", () => {
    expect(() => applySettings(recipe, parseSettings("splitBy=colour"))).toThrow(
      /^recipe small\.jsonc: data: splitBy must be one of header, hash, family, similarity, contiguous, got "colour"; leave/,
    );
  });
});
