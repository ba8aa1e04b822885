/** What storing weights in fewer bits costs: bounds for a small model against its float32 twin. */

import { describe, expect, it } from "vitest";
import { getSplit } from "../../data/index.ts";
import { modelConfig } from "../../model/index.ts";
import { createBackend } from "../../runtime/node.ts";
import { initialState } from "../../training/index.ts";
import { loadData } from "../../runs/dataset.ts";
import { evaluateStored, formatStored } from "./evaluate-stored.ts";
import type { RunConfig } from "../../runs/run-config.ts";

const model = modelConfig({ vocabSize: 29, modelDim: 64, numLayers: 2, numHeads: 2, numFeatures: 48, maxSeqLen: 256 });

describe.each([
  // Half precision keeps 11 bits: what is left of that in a mean over hundreds of tokens is next to nothing.
  ["float16", 1e-3, 0.55],
  // Blocks of 32 with 8 bits keep about 3 digits. The embedding stays, and each block has a scale.
  ["int8", 5e-3, 0.35],
] as const)("weights in %s", (dtype, perplexityShare, bytesShare) => {
  it("change the perplexity by a share that is named, and take fewer bytes", async () => {
    const dataset = await loadData({ kind: "proteins", source: "proteins" });
    const few = { ...dataset, splits: { ...dataset.splits, test: getSplit(dataset, "test").slice(0, 4) } };
    // evaluateSplit reads of a run's configuration only these.
    const config = { model, training: { tokensPerBatch: 1024, bucketStep: 64 }, data: {} } as RunConfig;
    const figures = await evaluateStored({
      config,
      tensors: initialState(model, 3).model,
      dataset: few,
      split: "test",
      backend: createBackend(),
      dtype,
      progress: () => ({ update: () => undefined, log: () => undefined, stop: () => undefined }),
    });
    expect(figures.dtype).toBe(dtype);
    const { cost } = figures;
    if (figures.task === "regression" || cost === undefined || !("perplexityDifference" in cost)) {
      throw new Error("a language model has a perplexity");
    }
    expect(Math.abs(cost.perplexityDifference) / figures.perplexity).toBeLessThan(perplexityShare);
    expect(cost.perplexityDifference).toBeCloseTo(figures.perplexity - cost.float32.perplexity, 9);
    expect(cost.weightBytes / cost.float32WeightBytes).toBeLessThan(bytesShare);
    expect(formatStored(figures)).toMatch(new RegExp(`^${dtype}: perplexity .*; accuracy .* points\\); weights .* MB`));
  });
});

it("of a masked model tells how it does on what stands behind the mask", async () => {
  const dataset = await loadData({ kind: "proteins", source: "proteins", task: "masked" });
  const few = { ...dataset, splits: { ...dataset.splits, test: getSplit(dataset, "test").slice(0, 8) } };
  const encoder = modelConfig({ ...model, architecture: "encoder" });
  // evaluateSplit reads of a run's configuration only these.
  const config = {
    model: encoder,
    training: { tokensPerBatch: 1024, bucketStep: 64, seed: 0 },
    data: { maskRate: 0.5 },
  } as RunConfig;
  let [done, total] = [0, 0];
  const figures = await evaluateStored({
    config,
    tensors: initialState(encoder, 3).model,
    dataset: few,
    split: "test",
    backend: createBackend(),
    dtype: "float32",
    progress: (count) => {
      total = count;
      return { update: (value) => (done = value), log: () => undefined, stop: () => undefined };
    },
  });
  if (figures.task === "regression" || figures.behindMask === undefined)
    throw new Error("tokens behind the mask have figures");
  const { behindMask, tokens, lossNats } = figures;
  // What training hides changes nothing here.
  const residues = few.splits.test.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
  expect(tokens / residues).toBeCloseTo(0.15, 2);
  // Four in five but for chance.
  expect(behindMask.tokens / tokens).toBeGreaterThan(0.7);
  expect(behindMask.tokens / tokens).toBeLessThan(0.9);
  expect(behindMask.perplexity).toBeCloseTo(Math.exp(behindMask.lossNats), 9);
  expect(behindMask.lossNats).not.toBe(lossNats);
  expect(behindMask.unigram?.perplexity).toBeGreaterThan(10);
  expect(done).toBe(total);
});
