/** Encoder–decoders: decoding with a source that is read once gives what one pass over source and target gives. */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { present, relativeError, tinyConfig, tinyTensors } from "../../tests/model/harness.ts";
import { batchOf } from "../../tests/model/kinds.ts";
import type { ModelConfig } from "../model/config.ts";
import { modelInputs } from "../model/inputs.ts";
import { predictions } from "../model/predictions.ts";
import { input } from "../ops/source.ts";
import { feedsFor } from "../runtime/backend.ts";
import type { Batch } from "../data/batch.ts";
import { generateTargets } from "./generate-targets.ts";
import { createSequenceToSequenceDecoder } from "./sequence-to-sequence-decoder.ts";

const TOLERANCE = {
  /** Float32 through four layers, with sums over source and past in another order. */
  logits: 5e-5,
} as const;

const backend = createBackend();
const batchSize = 2;
const seqLen = 9;
const sourceLen = 13;

/** `[B, T, width]` in one pass, without padding of the source beyond the batch's own. */
async function parallelLogits(config: ModelConfig, { inputIds, sourceIds }: Batch): Promise<Float32Array> {
  const ids = {
    inputIds: input("inputIds", [batchSize, seqLen], "int32"),
    sourceIds: input("sourceIds", [batchSize, sourceLen], "int32"),
  };
  await using run = await backend.compile({ outputs: { y: predictions(modelInputs(config), ids) } });
  const feeds = { ...tinyTensors(config), inputIds, sourceIds: present(sourceIds) };
  return present((await run.run(feedsFor(run, feeds)))["y"]).data as Float32Array; // declared float32
}

const cases = [
  {},
  { mechanism: "exact" },
  { mechanism: "favor-relu", crossMechanism: "exact", positions: "learned" },
  { mechanism: "exact", decoderMechanism: "favor", crossMechanism: "favor", positions: "sinusoidal" },
  { mechanism: ["favor-optimal", "exact"], decoderMechanism: "favor-relu", crossMechanism: ["exact", "favor"] },
  { normPlacement: "post", activation: "swiglu", tokenShift: true, numDecoderLayers: 1 },
  { normPlacement: "rezero", positions: "axial", head: "pointer" },
  { mechanism: "exact", head: "pointer", positions: "none", norm: "rmsnorm" },
] as const;

describe.each(cases)("the decoder of an encoder–decoder with %j", (options) => {
  const config = tinyConfig({ maxSeqLen: 19, ...options, architecture: "encoder-decoder" });

  it("equals the parallel forward pass token by token, with sources of several lengths", async () => {
    const lengths = [sourceLen, sourceLen - 4];
    const batch = batchOf(config, { batchSize, seqLen, sourceLen, lengths });
    const expected = await parallelLogits(config, batch);
    const sources = lengths.map((length, row) =>
      present(batch.sourceIds).subarray(row * sourceLen, row * sourceLen + length),
    );
    await using decoder = await createSequenceToSequenceDecoder(config, tinyTensors(config), backend, sources);
    const { width } = decoder;
    for (let position = 0; position < seqLen; position++) {
      expect(decoder.position).toBe(position);
      const tokens = Int32Array.from({ length: batchSize }, (_, row) =>
        present(batch.inputIds[row * seqLen + position]),
      );
      const actual = await decoder.next(tokens);
      for (let row = 0; row < batchSize; row++) {
        // Positions of padding have no probability in either.
        const real = config.head === "pointer" ? present(lengths[row]) : width;
        const from = (row * seqLen + position) * width;
        const error = relativeError(
          actual.subarray(row * width, row * width + real),
          expected.subarray(from, from + real),
        );
        expect(error, `row ${row}, position ${position}`).toBeLessThan(TOLERANCE.logits);
      }
    }
  });
});

describe("an encoder–decoder", () => {
  const config = tinyConfig({ architecture: "encoder-decoder" });
  const tensors = tinyTensors(config);
  const common = { config, tensors, backend, bosId: 1, eosId: 2, maxNewTokens: 6 } as const;

  it("generates the same for a source whatever others are there", async () => {
    const source = [3, 4, 5, 6];
    const [alone] = await generateTargets({ ...common, sources: [source] });
    const [first, second] = await generateTargets({ ...common, sources: [source, [7, 8, 9, 3, 4, 5]] });
    expect(first?.tokenIds).toEqual(alone?.tokenIds);
    expect(second?.logLikelihoodNats).not.toEqual(first?.logLikelihoodNats);
    expect(alone?.tokenIds.length).toBeLessThanOrEqual(6);
    expect(alone?.tokenIds).not.toContain(common.bosId);
  });

  it("points to tokens of its source only", async () => {
    const its = tinyConfig({ architecture: "encoder-decoder", head: "pointer" });
    const source = [9, 4, 7, 2];
    const [target] = await generateTargets({
      ...common,
      config: its,
      tensors: tinyTensors(its),
      sources: [source, [3, 5, 6, 8, 9, 2]],
    });
    expect(target?.positions?.map((position) => source[position])).toEqual(target?.tokenIds);
  });

  it.each([
    ["no sources", [], /^decode: sources must be one or more with a token each, got none; /],
    ["an empty source", [[3], []], /got lengths 1, 0; leave empty ones out$/],
    ["a token outside the vocabulary", [[3, 11]], /^decode: a token must be a whole number from 0 to 10, got 11; /],
  ] as const)("refuses %s", async (_name, sources, message) => {
    await expect(createSequenceToSequenceDecoder(config, tensors, backend, sources)).rejects.toThrow(message);
  });

  it("is not what a decoder alone is", async () => {
    const alone = tinyConfig();
    await expect(createSequenceToSequenceDecoder(alone, tinyTensors(alone), backend, [[3]])).rejects.toThrow(
      /architecture must be 'encoder-decoder', got 'decoder'; use createDecoder/,
    );
  });
});
