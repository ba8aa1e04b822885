/**
 * Every mechanism of the table in every shape of model that it does not refuse: trained, block by block, and decoded
 * token by token.
 */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { mechanisms, type MechanismName } from "../../src/attention/mechanisms.ts";
import { createDecoder } from "../../src/inference/decoder.ts";
import { createSequenceToSequenceDecoder } from "../../src/inference/sequence-to-sequence-decoder.ts";
import { ConfigError } from "../../src/graph/errors.ts";
import type { ModelConfig, ModelOptions } from "../../src/model/config.ts";
import { modelInputs } from "../../src/model/inputs.ts";
import { predictions } from "../../src/model/predictions.ts";
import { input } from "../../src/ops/source.ts";
import { feedsFor } from "../../src/runtime/backend.ts";
import type { Batch } from "../../src/data/batch.ts";
import { createBlockExecution } from "../../src/training/blocks.ts";
import { createWholeExecution } from "../../src/training/whole.ts";
import { present, relativeError, tinyConfig, tinyTensors } from "./harness.ts";
import { batchOf } from "./kinds.ts";
import { masksOf } from "./step.ts";

const TOLERANCE = {
  /** Float32 through a layer, with sums over the past in another order. */
  logits: 1e-4,
  loss: 1e-5,
} as const;

const backend = createBackend();
// What chooses among others by the length of a sequence is another mechanism while the sequence grows.
const names = (Object.keys(mechanisms) as MechanismName[]).filter((name) => !("choose" in mechanisms[name])); // the keys of the table
const seqLen = 32;
const batchSize = 2;

/** The configuration, or undefined where the mechanism says itself that it cannot be used so. */
function configOf(options: Partial<ModelOptions>): ModelConfig | undefined {
  try {
    return tinyConfig({ maxSeqLen: seqLen, numLayers: 1, ...options });
  } catch (error) {
    if (error instanceof ConfigError && /^model: .+, got .+; .+/.test(error.message)) return undefined;
    throw error;
  }
}

async function parallelLogits(config: ModelConfig, batch: Batch): Promise<Float32Array> {
  const { inputIds, sourceIds, sourceLen = 1 } = batch;
  const ids = {
    inputIds: input("inputIds", [batchSize, seqLen], "int32"),
    sourceIds: input("sourceIds", [batchSize, sourceLen], "int32"),
  };
  await using run = await backend.compile({ outputs: { y: predictions(modelInputs(config), ids) } });
  const feeds = { ...tinyTensors(config), inputIds, sourceIds };
  return present((await run.run(feedsFor(run, feeds)))["y"]).data as Float32Array; // declared float32
}

async function decoded(
  config: ModelConfig,
  { inputIds }: Batch,
  decoder: { readonly next: (tokens: Int32Array) => Promise<Float32Array> },
): Promise<Float32Array> {
  const { vocabSize } = config;
  const all = new Float32Array(batchSize * seqLen * vocabSize);
  for (let position = 0; position < seqLen; position++) {
    const tokens = Int32Array.from({ length: batchSize }, (_, row) => present(inputIds[row * seqLen + position]));
    const logits = await decoder.next(tokens);
    for (let row = 0; row < batchSize; row++) {
      all.set(logits.subarray(row * vocabSize, (row + 1) * vocabSize), (row * seqLen + position) * vocabSize);
    }
  }
  return all;
}

describe.each(names)("a model with %s", (mechanism) => {
  it.each(["decoder", "encoder"] as const)(
    "as %s takes the same step block by block as in one go",
    async (architecture) => {
      const config = configOf({ mechanism, architecture });
      if (config === undefined) return;
      const batch = batchOf(config, {
        batchSize,
        seqLen,
        ...(architecture === "encoder" && { lengths: [seqLen, 20] }),
      });
      const settings = { dropout: 0, labelSmoothing: 0 };
      await using whole = createWholeExecution(config, backend, settings);
      await using blocks = createBlockExecution(config, backend, settings);
      const expected = await whole.step(tinyTensors(config), batch, masksOf(0));
      const actual = await blocks.step(tinyTensors(config), batch, masksOf(0));
      expect(Number.isFinite(expected.lossNats)).toBe(true);
      expect(relativeError([actual.lossNats], [expected.lossNats])).toBeLessThan(TOLERANCE.loss);
      for (const [name, { data }] of Object.entries(expected.gradients)) {
        expect(relativeError(actual.gradients[name]?.data, data, 1e-3), name).toBeLessThan(1e-3);
      }
    },
  );

  it("decodes token by token what it is as a whole", async () => {
    const config = configOf({ mechanism });
    if (config === undefined) return;
    const batch = batchOf(config, { batchSize, seqLen });
    const expected = await parallelLogits(config, batch);
    await using decoder = await createDecoder(config, tinyTensors(config), backend, batchSize);
    expect(relativeError(await decoded(config, batch, decoder), expected)).toBeLessThan(TOLERANCE.logits);
  });

  it("attends to an encoder token by token as at once", async () => {
    const options = { mechanism: "exact", decoderMechanism: "favor" } as const;
    const config = configOf({ architecture: "encoder-decoder", ...options, crossMechanism: mechanism });
    if (config === undefined) return;
    const batch = batchOf(config, { batchSize, seqLen, sourceLen: seqLen });
    const expected = await parallelLogits(config, batch);
    const sources = [0, 1].map((row) => present(batch.sourceIds).subarray(row * seqLen, (row + 1) * seqLen));
    await using decoder = await createSequenceToSequenceDecoder(config, tinyTensors(config), backend, sources);
    expect(relativeError(await decoded(config, batch, decoder), expected)).toBeLessThan(TOLERANCE.logits);
  });
});
