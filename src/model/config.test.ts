/** Configurations: what is refused and how, and what is filled in. */
import { describe, expect, it } from "vitest";
import { modelConfig, type ModelOptions } from "./config.ts";
import { modelPresets } from "./presets.ts";

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
    /^model: mechanism must be one of the table, got 'flash'; the mechanisms are favor, favor-.*\bexact\b/,
  ],
  [
    "a mechanism that must see the whole sequence",
    { mechanism: "favor-optimal" },
    /^model: mechanism must be causal, got 'favor-optimal', which needs statistics of the whole sequence; use 'favor'/,
  ],
  [
    "windows between the stacks, with the key that names another mechanism there",
    { architecture: "encoder-decoder", mechanism: "local" },
    /^model: queries and keys must be of one sequence.*got cross-attention \('local' in decoder\.blocks\.0\.cross\); give crossMechanism 'favor' or 'exact', and 'local' stays in the stacks$/,
  ],
  [
    "a bidirectional mechanism in the decoder, with the key that names another one there",
    { architecture: "encoder-decoder", mechanism: "linformer" },
    /\('linformer' in decoder\.blocks\.0\.attention\); give decoderMechanism 'favor' or 'exact', and 'linformer' stays in the encoder$/,
  ],
  [
    "statistics in the decoder, with the key that names another mechanism there",
    { architecture: "encoder-decoder", mechanism: "favor-optimal" },
    /got 'favor-optimal'.*; give decoderMechanism 'favor' or 'exact'/,
  ],
  [
    "a key of one's own in its own place, with the way out of the mechanism",
    { architecture: "encoder-decoder", crossMechanism: "local" },
    /got cross-attention \('local' in decoder\.blocks\.0\.cross\); use 'exact' or 'favor' there$/,
  ],
  [
    "edges beyond the longest sequence, with the first of them",
    {
      maxSeqLen: 8,
      mechanism: {
        name: "graph",
        edges: [
          [0, 7],
          [3, 8],
          [9, 1],
        ],
      },
    },
    /^model: edges must have positions below the longest sequence, 8, got \[3, 8\], edge 1, counted from 0 .*; leave it out, or make maxSeqLen larger$/,
  ],
  [
    "options of a mechanism without its name",
    { mechanism: { window: 16 } },
    /^model: mechanism must have a name beside its options, got window without one; add name: 'local'/,
  ],
  [
    "an unknown projection, with the nearest name",
    { projection: "orthogonl" },
    /projection must be one of orthogonal, .*, none, got "orthogonl"; did you mean 'orthogonal'\?/,
  ],
  [
    "a head that the architecture does not have, with the one that does",
    { head: "token-classification", numLabels: 2 },
    /^model: head of architecture 'decoder' must be one of language-modeling, sequence-classification, regression, none, got 'token-classification'; for that head use architecture 'encoder'$/,
  ],
  [
    "the first token of a decoder, which sees no other, for a whole sequence",
    { head: "regression", pooling: "first" },
    /^model: pooling of architecture 'decoder' must be 'mean' or 'last', got 'first', a token that has seen no other; use 'mean'$/,
  ],
  [
    "a classification without classes",
    { architecture: "encoder", head: "token-classification" },
    /^model: numLabels must be 2 or more for head 'token-classification', got nothing; give it$/,
  ],
  [
    "a scale of labels without labels that are numbers",
    { labelMean: 50 },
    /^model: labelMean and labelDeviation must come with head 'regression', got 'language-modeling'; leave them out$/,
  ],
  ["classes without a head for them", { numLabels: 2 }, /^model: numLabels must come with a head that has labels/],
  [
    "options of a decoder beside an encoder without one",
    { crossMechanism: "exact" },
    /^model: crossMechanism must come with architecture 'encoder-decoder', got 'decoder'; leave it out$/,
  ],
  [
    "a reversible model with norms behind the branches",
    { reversible: true, normPlacement: "post" },
    /^model: a reversible model must have its norms inside the branches, got normPlacement 'post', .*; use 'pre' or 'rezero'$/,
  ],
  [
    "a reversible encoder–decoder",
    { reversible: true, architecture: "encoder-decoder" },
    /^model: reversible must come with one stack of blocks, got architecture 'encoder-decoder'; /,
  ],
  ["padding outside the vocabulary", { padId: 29 }, /^model: padId must be below vocabSize 29, got 29; /],
  [
    "a grid that is too small",
    { positions: "axial", axialShape: [16, 16], maxSeqLen: 257 },
    /^model: axialShape must have a place for each of maxSeqLen 257 positions, got 16 × 16; use 16 × 17$/,
  ],
  ["a grid without axial positions", { axialShape: [16, 16] }, /^model: axialShape must come with positions 'axial'/],
  [
    "a list of mechanisms that is not one a layer",
    { mechanism: ["favor", "exact"], numLayers: 3 },
    /^model: mechanism, as a list, must hold one for each of the 3 layers, got 2; list them all, or name one for all$/,
  ],
  [
    "a mechanism of one layer that must see the whole sequence",
    { mechanism: ["favor", "favor-optimal"], numLayers: 2 },
    /^model: mechanism must be causal, got 'favor-optimal'/,
  ],
  [
    "cross-attention that depends on queries to come",
    { architecture: "encoder-decoder", crossMechanism: "favor-optimal" },
    /^model: crossMechanism must know nothing of queries to come, got 'favor-optimal'/,
  ],
  [
    "an option that a mechanism does not have",
    { mechanism: { name: "exact", window: 7 } },
    /^model: mechanism 'exact' has no options, got 'window'; give its name alone$/,
  ],
  ["a mechanism that is a number", { mechanism: 7 }, /^model: mechanism must be valid \(the name of a mechanism/],
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
      architecture: "decoder",
      head: "language-modeling",
      padId: 0,
      pooling: "mean",
      modelDim: 256,
      numLayers: 4,
      numHeads: 4,
      headDim: 64,
      mlpDim: 1024,
      maxSeqLen: 1024,
      positions: "rotary",
      tokenShift: false,
      mechanism: "favor",
      norm: "layernorm",
      normPlacement: "pre",
      embeddingNorm: false,
      activation: "gelu",
      feedForwardChunkSize: 0,
      numFeatures: 266,
      projectionPerHead: false,
      reversible: false,
      dropout: 0.1,
      tieEmbeddings: true,
      headTransform: false,
      headBias: false,
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

  it("lets a mechanism that must see the whole sequence do so in an encoder", () => {
    expect(modelConfig({ vocabSize: 29, architecture: "encoder", mechanism: "favor-optimal" }).mechanism).toBe(
      "favor-optimal",
    );
  });

  it("gives gated feed-forward layers as many weights as others", () => {
    const plain = modelConfig({ vocabSize: 29, modelDim: 96 });
    const gated = modelConfig({ vocabSize: 29, modelDim: 96, activation: "swiglu" });
    expect(3 * gated.mlpDim).toBe(2 * plain.mlpDim);
  });

  it("asks for no divisor where heads have a width of their own", () => {
    expect(modelConfig({ vocabSize: 29, modelDim: 128, numHeads: 3, headDim: 20 })).toMatchObject({ headDim: 20 });
  });

  it.each(Object.entries(modelPresets))("accepts the preset %s as it is", (_name, preset) => {
    expect(modelConfig({ vocabSize: 29, ...preset })).toMatchObject(preset);
  });

  it("gives back a configuration that it is given, as a saved model does", () => {
    const config = modelConfig({ vocabSize: 29, modelDim: 96, numHeads: 3, mlpDim: 101, numFeatures: 13 });
    expect(modelConfig(config)).toEqual(config);
  });
});
