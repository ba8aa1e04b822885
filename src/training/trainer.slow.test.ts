/** Training learns: a model can know one batch by heart. */
import { createBackend } from "#engine";
import { expect, it } from "vitest";
import { randomBatch, tinyConfig } from "../../tests/model/harness.ts";
import { batchOf, encoderDecoderKinds, encoderKinds } from "../../tests/model/kinds.ts";
import { modelConfig, type ModelConfig } from "../model/config.ts";
import { createRandom, permutation } from "../random/index.ts";
import type { Batch } from "../data/batch.ts";
import { trainingConfig } from "./config.ts";
import { createEvaluator } from "./evaluate.ts";
import { train } from "./trainer.ts";

const training = { seed: 7, learningRate: 0.01, warmupSteps: 20, clipNorm: 0, redrawInterval: 0 } as const;

/** The loss after training on nothing but one batch. */
async function lossAfter(steps: number, config: ModelConfig, batch: Batch): Promise<number> {
  let lossNats = Number.POSITIVE_INFINITY;
  await train({
    config,
    training: trainingConfig({ ...training, steps }),
    backend: createBackend(),
    batches: { batchAt: () => batch },
    onStep: (progress) => {
      ({ lossNats } = progress);
    },
  });
  return lossNats;
}

it.each(["favor", "favor-relu", "exact"] as const)(
  "overfits one batch with %s to a loss below 0.05",
  async (mechanism) => {
    const config = tinyConfig({ mechanism, modelDim: 32, mlpDim: 64, numFeatures: 24 });
    const batch = randomBatch(config, 2, 13);
    // Rows that began alike and went on differently could not both be known: ln 2 would remain at their first
    // positions.
    batch.inputIds[0] = 4;
    batch.inputIds[13] = 7;
    expect(await lossAfter(300, config, batch)).toBeLessThan(0.05);
  },
);

it.each(Object.entries({ ...encoderKinds, ...encoderDecoderKinds }))(
  "overfits one batch as %s to a loss below 0.05",
  async (_name, kind) => {
    const config = tinyConfig({ ...kind, modelDim: 32, mlpDim: 64, numFeatures: 24, positions: "learned" });
    const batch = batchOf(config, { batchSize: 3, seqLen: 7, lengths: [7, 5, 7] });
    expect(await lossAfter(config.architecture === "encoder" ? 200 : 300, config, batch)).toBeLessThan(0.05);
  },
);

/**
 * Distinct numbers from 3 to 11 as the source, and their places in ascending order as the target, behind a first token
 * of 1.
 */
function sortingBatch(batchSize: number, length: number, seed: number): Batch {
  const rows = Array.from({ length: batchSize }, (_, row) => {
    const source = permutation(createRandom(seed, "sorting", row), 9).slice(0, length);
    const places = Array.from(source.keys()).toSorted((a, b) => (source[a] ?? 0) - (source[b] ?? 0));
    const tokens = Array.from(source, (value) => value + 3);
    return { tokens, places, read: [1, ...places.slice(0, -1).map((place) => tokens[place] ?? 0)] };
  });
  const joined = (of: (row: (typeof rows)[number]) => readonly number[]) => Int32Array.from(rows.flatMap(of));
  return {
    batchSize,
    seqLen: length,
    sourceLen: length,
    inputIds: joined(({ read }) => read),
    targetIds: joined(({ places }) => places),
    sourceIds: joined(({ tokens }) => tokens),
    weights: new Float32Array(batchSize * length).fill(1),
  };
}

it("teaches a pointer network to sort numbers that it has not seen together", async () => {
  const config = modelConfig({
    architecture: "encoder-decoder",
    head: "pointer",
    vocabSize: 12,
    mechanism: "exact",
    dropout: 0,
    modelDim: 32,
    numLayers: 1,
    numHeads: 2,
    mlpDim: 64,
    maxSeqLen: 5,
  });
  const backend = createBackend();
  const { state } = await train({
    config,
    training: trainingConfig({ ...training, steps: 250 }),
    backend,
    batches: { batchAt: (step) => sortingBatch(32, 5, step) },
  });
  await using evaluator = createEvaluator(config, backend);
  const { accuracy } = await evaluator.evaluate(state.model, [sortingBatch(64, 5, -1)]);
  expect(accuracy).toBeGreaterThan(0.9);
});
