/** Configurations: what is refused and how, and what is filled in. */
import { describe, expect, it } from "vitest";
import { modelConfig, type ModelOptions } from "./config.ts";

const refused: readonly (readonly [name: string, options: Record<string, unknown>, message: RegExp])[] = [
  [
    "heads that do not divide the width, with the nearest number that does",
    { modelDim: 128, numHeads: 3 },
    /^model: numHeads must divide modelDim 128, got 3; use 2, or a modelDim that is a multiple of it$/,
  ],
  [
    "no random features",
    { numFeatures: 0 },
    /^model: numFeatures must be above 0, got 0; leave it out for its default$/,
  ],
  [
    "more random features than an array holds",
    { numFeatures: 1e9 },
    /^model: numFeatures must be at most 2097152, or the projections do not fit an array, got 1000000000; leave/,
  ],
  ["half a layer", { numLayers: 1.5 }, /^model: numLayers must be a whole number, got 1\.5; leave/],
  [
    "rotary positions with an odd headDim",
    { modelDim: 21, numHeads: 3 },
    /^model: rotary positions must have an even headDim .*, got 7; change numHeads or use positions 'learned'$/,
  ],
  [
    "an unknown key, with the nearest name",
    { numHead: 2 },
    /^model: 'numHead' is not a key; did you mean 'numHeads'\?$/,
  ],
  [
    "an unknown key that is near to none, with all names",
    { colour: 2 },
    /'colour' is not a key; the keys are vocabSize, /,
  ],
  ["a dropout that leaves nothing", { dropout: 1 }, /^model: dropout must be below 1, got 1; leave/],
  [
    "an unknown mechanism, with the ones there are",
    { mechanism: "flash" },
    /mechanism must be one of favor, favor-.*\bexact\b.*, got "flash"/,
  ],
  [
    "a mechanism that must see the whole sequence",
    { mechanism: "favor-optimal" },
    /^model: mechanism must be causal, got 'favor-optimal', which needs statistics of the whole sequence; use 'favor'/,
  ],
  [
    "an unknown projection, with the nearest name",
    { projection: "orthogonl" },
    /projection must be one of orthogonal, .*, none, got "orthogonl"; did you mean 'orthogonal'\?/,
  ],
  [
    "a vocabulary that is not given",
    { vocabSize: undefined },
    /^model: vocabSize must be a number, got nothing; give it$/,
  ],
];

describe("modelConfig", () => {
  it.each(refused)("refuses %s", (_name, options, message) => {
    // As untyped callers would: from a file.
    const given = { vocabSize: 29, ...options } as ModelOptions;
    expect(() => modelConfig(given)).toThrow(expect.objectContaining({ name: "ConfigError" }));
    expect(() => modelConfig(given)).toThrow(message);
  });

  it("names every key that is wrong, a line each", () => {
    expect(() => modelConfig({ vocabSize: 29, numLayers: 0, numHeads: -1 })).toThrow(/numLayers.*\n.*numHeads/);
  });

  it("fills in the documented defaults", () => {
    expect(modelConfig({ vocabSize: 29 })).toEqual({
      vocabSize: 29,
      modelDim: 256,
      numLayers: 4,
      numHeads: 4,
      mlpDim: 1024,
      maxSeqLen: 1024,
      positions: "rotary",
      mechanism: "favor",
      numFeatures: 266,
      projectionPerHead: false,
      reversible: false,
      dropout: 0.1,
      tieEmbeddings: true,
      layerNormEpsilon: 1e-5,
    });
  });

  it("derives the feed-forward width and the features from the sizes it is given", () => {
    expect(modelConfig({ vocabSize: 29, modelDim: 96, numHeads: 3 })).toMatchObject({
      mlpDim: 384,
      numFeatures: Math.round(32 * Math.log(32)),
    });
  });

  it("has as many features as a head is wide without a projection", () => {
    const options = { vocabSize: 29, modelDim: 96, numHeads: 3, mechanism: "favor-elu", numFeatures: 7 } as const;
    expect(modelConfig({ ...options, projection: "none" }).numFeatures).toBe(32);
  });

  it("allows an odd headDim with learned positions", () => {
    const config = modelConfig({ vocabSize: 29, modelDim: 21, numHeads: 3, positions: "learned" });
    expect(config.modelDim / config.numHeads).toBe(7);
  });

  it("gives back a configuration that it is given, as a saved model does", () => {
    const config = modelConfig({ vocabSize: 29, modelDim: 96, numHeads: 3, mlpDim: 101, numFeatures: 13 });
    expect(modelConfig(config)).toEqual(config);
  });
});
