import { describe, expect, it } from "vitest";

import { proteinVocabulary } from "../data/index.ts";
import { modelConfig, type ModelOptions } from "../model/config.ts";
import { createReferenceBackend } from "../runtime/reference.ts";
import { initialState } from "../training/index.ts";
import { embedSequences, type EmbedOptions } from "./embed.ts";

const vocabulary = proteinVocabulary;

function modelOf(options: Partial<ModelOptions>) {
  const config = modelConfig({ modelDim: 4, numLayers: 1, numHeads: 1, vocabSize: vocabulary.size, ...options });
  return { config, tensors: initialState(config, 3).model };
}

const models = {
  decoder: modelOf({ architecture: "decoder" }),
  encoder: modelOf({ architecture: "encoder" }),
  learned: modelOf({ architecture: "encoder", positions: "learned", maxSeqLen: 8 }),
  "encoder–decoder": modelOf({ architecture: "encoder-decoder" }),
} as const;

async function embed(
  model: keyof typeof models,
  options: Pick<EmbedOptions, "pooling"> & { readonly residues?: string },
) {
  const { residues = "MKVLATA", ...rest } = options;
  const sequences = [{ id: "p1", tokenIds: vocabulary.encode(residues) }];
  const found = embedSequences({ ...models[model], vocabulary, backend: createReferenceBackend(), sequences, ...rest });
  return (await found.next()).value;
}

describe("embeddings refuse", () => {
  it.each([
    ["cls", "decoder", /'cls' must come with an encoder, got a decoder.*; use 'last' or 'mean'/],
    ["last", "encoder", /'last' must come with a decoder, got an encoder.*; use 'cls' or 'mean'/],
    ["max", "decoder", /must be one of mean, cls, last, residues, got 'max'; leave it out for mean/],
    ["mean", "encoder–decoder", /must be a decoder or an encoder, got 'encoder-decoder'; use a model of one stack/],
  ] as const)("pooling %s of a model that is %s", async (pooling, model, message) => {
    await expect(embed(model, { pooling: pooling as "mean" })).rejects.toThrow(message);
  });

  it("sequences beyond the positions of the model, and those without residues", async () => {
    await expect(embed("learned", {})).rejects.toThrow(/^p1: with learned positions, .* at most 6 tokens/);
    await expect(embed("encoder", { residues: "" })).rejects.toThrow(/^p1: a sequence must have at least one token/);
  });
});
