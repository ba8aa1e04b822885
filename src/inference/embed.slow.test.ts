import { describe, expect, it } from "vitest";

import { createBackend } from "#engine";
import { proteinVocabulary } from "../data/index.ts";
import { ndarray } from "../graph/ndarray.ts";
import { modelConfig, type ModelOptions } from "../model/config.ts";
import { hiddenStates } from "../model/performer.ts";
import { input } from "../ops/source.ts";
import { createReferenceBackend } from "../runtime/reference.ts";
import { initialState } from "../training/index.ts";
import { embedSequences, embedWindows, type EmbedOptions, type SequenceEmbedding } from "./embed.ts";
import { constantModel } from "./step-graph.ts";

const vocabulary = proteinVocabulary;
const backend = createBackend();

function modelOf(options: Partial<ModelOptions>) {
  const config = modelConfig({
    modelDim: 12,
    numLayers: 1,
    numHeads: 2,
    mlpDim: 7,
    numFeatures: 5,
    vocabSize: vocabulary.size,
    ...options,
  });
  return { config, tensors: initialState(config, 3).model };
}

const decoder = modelOf({ architecture: "decoder" });
const encoder = modelOf({ architecture: "encoder" });
// Its head is not asked.
const classifier = modelOf({ architecture: "encoder", head: "sequence-classification", numLabels: 3 });

const models = { "a decoder": decoder, "an encoder": encoder, "a classifier": classifier } as const;

// Lengths of two buckets, out of order.
const sequences = ["MKV", "ACDEFGHIKLMNPQRSTVWY".repeat(4), "W", "MKVLATACDEF"].map((residues, index) => ({
  id: `p${index}`,
  tokenIds: vocabulary.encode(residues),
}));

type Given = Partial<Omit<EmbedOptions, "config" | "tensors">>;

async function embed(model: ReturnType<typeof modelOf>, options: Given = {}): Promise<SequenceEmbedding[]> {
  const results: SequenceEmbedding[] = [];
  for await (const each of embedSequences({ ...model, vocabulary, backend, sequences, ...options })) results.push(each);
  return results;
}

/** `[L][D]` of one sequence alone, special tokens included, in float64. */
async function statesOf({ config, tensors }: ReturnType<typeof modelOf>, tokenIds: Int32Array): Promise<number[][]> {
  const own = [vocabulary.bosId, ...tokenIds, ...(config.architecture === "encoder" ? [vocabulary.eosId] : [])];
  const ids = input("tokenIds", [1, own.length], "int32");
  const graph = await createReferenceBackend().compile({
    outputs: { y: hiddenStates(constantModel(config, tensors), ids) },
  });
  const { y } = await graph.run({ tokenIds: ndarray(Int32Array.from(own), [1, own.length]) });
  const width = config.modelDim;
  return own.map((_, at) => Array.from(y?.data ?? [], Number).slice(at * width, (at + 1) * width));
}

/** What each pooling means, from states with `<bos>` in front. */
const expected = {
  mean: (states: number[][], length: number) =>
    (states[0] ?? []).map(
      (_, at) => states.slice(1, 1 + length).reduce((sum, row) => sum + (row[at] ?? 0), 0) / length,
    ),
  cls: (states: number[][]) => states[0] ?? [],
  last: (states: number[][], length: number) => states[length] ?? [],
  residues: (states: number[][], length: number) => states.slice(1, 1 + length).flat(),
};

function expectNear(actual: Float32Array, wanted: readonly number[]): void {
  expect(actual).toHaveLength(wanted.length);
  const worst = wanted.reduce((most, value, at) => Math.max(most, Math.abs(value - (actual[at] ?? Number.NaN))), 0);
  expect(worst).toBeLessThan(2e-5);
}

describe("embeddings", () => {
  it.each([
    ["a decoder", "mean"],
    ["a decoder", "last"],
    ["a decoder", "residues"],
    ["an encoder", "mean"],
    ["an encoder", "cls"],
    ["an encoder", "residues"],
    ["a classifier", "mean"],
  ] as const)("of %s with pooling %s are the states of each sequence alone", async (name, pooling) => {
    const model = models[name];
    const found = await embed(model, { pooling });
    expect(found.map(({ id }) => id)).toEqual(["p0", "p1", "p2", "p3"]);
    for (const [index, { embedding, length }] of found.entries()) {
      const { tokenIds } = sequences[index] ?? { tokenIds: new Int32Array(0) };
      expect(length).toBe(tokenIds.length);
      expect(embedding.shape).toEqual(pooling === "residues" ? [length, 12] : [12]);
      expectNear(embedding.data, expected[pooling](await statesOf(model, tokenIds), length));
    }
  });

  it("have length 1 when normalized, and the same direction", async () => {
    const plain = await embed(encoder, { pooling: "residues" });
    const [, found] = await embed(encoder, { pooling: "residues", normalize: true });
    const [row, wanted] = [found, plain[1]].map((each) => each?.embedding.data.subarray(24, 36) ?? new Float32Array(0));
    const length = Math.hypot(...(wanted ?? []));
    expectNear(
      row ?? new Float32Array(0),
      Array.from(wanted ?? [], (value) => value / length),
    );
  });

  it("come out bit by bit the same when begun anew with a window", async () => {
    const windows: SequenceEmbedding[][] = [];
    const many = Array.from({ length: 1030 }, (_, index) => ({
      id: `q${index}`,
      tokenIds: vocabulary.encode("MKVLA".slice(0, 1 + (index % 5))),
    }));
    for await (const window of embedWindows({ ...encoder, vocabulary, backend, sequences: many })) windows.push(window);
    expect(windows.map(({ length }) => length)).toEqual([1024, 6]);
    expect(await embed(encoder, { sequences: many.slice(1024) })).toEqual(windows[1]);
  });

  it("tell how many residues are done", async () => {
    const told: number[] = [];
    await embed(decoder, { onProgress: (residues) => told.push(residues) });
    expect(told.at(-1)).toBe(3 + 80 + 1 + 11);
  });
});
