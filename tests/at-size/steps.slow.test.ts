/**
 * A training step of every family of models on batches as users train them, again and again on several threads, beside
 * float64.
 */

import { describe, expect, it } from "vitest";
import { modelConfig, type ModelOptions } from "../../src/model/config.ts";
import { createReferenceBackend } from "../../src/runtime/reference.ts";
import { createNativeBackend } from "../../src/runtime/node.ts";
import { feedsFor } from "../../src/runtime/backend.ts";
import { trainingConfig } from "../../src/training/config.ts";
import { train } from "../../src/training/trainer.ts";
import { createExecution, type ExecutionOptions } from "../../src/training/choose-execution.ts";
import { batchOf } from "../model/kinds.ts";
import { tinyTensors } from "../model/harness.ts";
import { masksOf, prepareStep } from "../model/step.ts";
import { difference, expectSameBits, sameOnAllThreads, THREADS } from "./threads.ts";

const TOLERANCE = {
  /** Over the largest entry of a gradient: float32 through two stacks and back. */
  float64: 3e-4,
  /** Rounding by other blocks of a product, through the model and back. */
  acrossThreads: 2e-5,
  /** A gradient that is exactly 0, as a bias of keys has it, leaves rounding of this size. */
  gradientFloor: 1e-4,
} as const;

const batchSize = 2;
const seqLen = 1031;
const base = {
  vocabSize: 29,
  modelDim: 128,
  numLayers: 1,
  numHeads: 2,
  mlpDim: 257,
  numFeatures: 64,
  maxSeqLen: seqLen,
  dropout: 0,
};
const configOf = (options: Partial<ModelOptions>) => modelConfig({ ...base, ...options });

const families: Readonly<Record<string, Partial<ModelOptions>>> = {
  "a decoder of proteins": {},
  "a decoder of bytes with learned positions": { vocabSize: 259, positions: "learned", mechanism: "favor-relu" },
  "a decoder of words with an output layer of its own": {
    vocabSize: 509,
    tieEmbeddings: false,
    mechanism: "favor-relu",
  },
  "a masked language model": { architecture: "encoder", mechanism: "favor-relu" },
  "a classifier of sequences": { architecture: "encoder", head: "sequence-classification", numLabels: 3 },
  "a tagger of tokens": { architecture: "encoder", head: "token-classification", numLabels: 5 },
  "a regression of a causal model": { head: "regression", numLabels: 2, pooling: "last" },
  "a sequence-to-sequence model": { architecture: "encoder-decoder", mechanism: "favor-relu" },
  "a pointer network": { architecture: "encoder-decoder", head: "pointer", mechanism: "favor-relu" },
  "an encoder with random blocks": { architecture: "encoder", mechanism: "bigbird" },
  "axial positions, token shift and local heads": {
    positions: "axial",
    tokenShift: true,
    mechanism: {
      heads: [
        { name: "local", window: 32, numHeads: 1 },
        { name: "favor", numHeads: 1 },
      ],
    },
  },
};

/**
 * Families that are also held to float64, which takes most of the time: their steps have every op that the others have,
 * and all ops are held to float64 at these sizes one by one.
 */
const inFloat64: readonly string[] = [
  "a decoder of proteins",
  "a decoder of bytes with learned positions",
  "a sequence-to-sequence model",
  "an encoder with random blocks",
];

describe.each(Object.entries(families))("a step of %s", (family, options) => {
  const isInFloat64 = inFloat64.includes(family);
  it(`is the same on all threads${isInFloat64 ? " and in float64" : ""}`, async () => {
    const config = configOf(options);
    const batch = batchOf(config, { batchSize, seqLen, lengths: [seqLen, 701] });
    const { outputs, values } = prepareStep(config, batch, { dropout: 0, labelSmoothing: 0, form: "scan" });
    const found = await sameOnAllThreads(outputs, values, {
      tolerance: TOLERANCE.acrossThreads,
      floor: TOLERANCE.gradientFloor,
    });
    if (!isInFloat64) return;
    await using reference = await createReferenceBackend().compile({ outputs });
    for (const [name, expected] of Object.entries(await reference.run(feedsFor(reference, values)))) {
      expect(difference(found[name], expected, TOLERANCE.gradientFloor), name).toBeLessThanOrEqual(TOLERANCE.float64);
    }
  });
});

const executions: Readonly<
  Record<string, { readonly model?: Partial<ModelOptions>; readonly options?: Partial<ExecutionOptions> }>
> = {
  "in one go, with dropout": { model: { dropout: 0.1 } },
  "block by block": { options: { gradientCheckpointing: "blocks" } },
  "block by block, reversible": { model: { reversible: true }, options: { gradientCheckpointing: "blocks" } },
  "cut along time": { options: { segmentLength: 260 } },
};

describe.each(Object.entries(executions))("a step %s", (_, { model, options }) => {
  it.each(THREADS)("has the same bits in every run on %i threads", async (threads) => {
    const config = configOf({ numLayers: 2, ...model });
    const batch = batchOf(config, { batchSize, seqLen });
    const backend = createNativeBackend({ device: "cpu", threads });
    const settings = { segmentLength: 0, gradientCheckpointing: "none", labelSmoothing: 0, ...options } as const;
    await using execution = createExecution(config, backend, settings);
    const step = () => execution.step(tinyTensors(config), batch, masksOf(config.dropout));
    const first = await step();
    for (let run = 1; run < 4; run++) {
      const again = await step();
      expect(again.lossNats).toBe(first.lossNats);
      expectSameBits(again.gradients, first.gradients);
    }
  });
});

it("trains to the same weights in every run on two threads", async () => {
  const config = configOf({ numLayers: 2, dropout: 0.1 });
  const trained = () =>
    train({
      config,
      training: trainingConfig({ steps: 4, warmupSteps: 2, seed: 7 }),
      backend: createNativeBackend({ device: "cpu", threads: 2 }),
      batches: { batchAt: (step) => batchOf(config, { batchSize: 4, seqLen, seed: step }) },
    });
  const first = await trained();
  for (let run = 1; run < 3; run++) expectSameBits((await trained()).state.model, first.state.model);
});
