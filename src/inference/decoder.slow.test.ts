/** Decoding token by token gives what one pass over the whole sequence gives. */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { logits } from "../model/performer.ts";
import type { ModelConfig } from "../model/config.ts";
import { input } from "../ops/source.ts";
import { modelInputs } from "../model/inputs.ts";
import { present, randomBatch, relativeError, tinyConfig, tinyTensors } from "../../tests/model/harness.ts";
import { blockOptions } from "../../tests/model/kinds.ts";
import { createDecoder } from "./decoder.ts";

const TOLERANCE = {
  /** Float32 through two layers, with sums over the past in another order. */
  logits: 2e-5,
} as const;

const batchSize = 3;

async function parallelLogits(config: ModelConfig, inputIds: Int32Array): Promise<Float32Array> {
  const ids = input("ids", [batchSize, inputIds.length / batchSize], "int32");
  await using run = await createBackend().compile({ outputs: { y: logits(modelInputs(config), ids) } });
  const { y } = await run.run({ ids: inputIds, ...tinyTensors(config) });
  return present(y).data as Float32Array; // declared float32
}

const kinds = (["favor", "favor-relu", "exact"] as const).flatMap((mechanism) =>
  (["rotary", "learned"] as const).map((positions) => ({ mechanism, positions })),
);

const projections = [
  { mechanism: "favor-hyperbolic", projectionPerHead: true },
  { mechanism: "favor-exp", projection: "givens" },
  { mechanism: "favor-elu", projection: "none" },
] as const;

describe.each([...kinds, ...projections, ...Object.values(blockOptions)])("the decoder of %j", (kind) => {
  // Past a chunk of 64 for the recurrent state, past one graph of 64 positions for reading again.
  const seqLen = 71;
  const config = tinyConfig({ ...kind, maxSeqLen: seqLen });

  it("equals the parallel forward pass token by token, for a batch of 3", async () => {
    const { inputIds } = randomBatch(config, batchSize, seqLen);
    const expected = await parallelLogits(config, inputIds);
    const { vocabSize } = config;
    await using decoder = await createDecoder(config, tinyTensors(config), createBackend(), batchSize);
    for (let position = 0; position < seqLen; position++) {
      expect(decoder.position).toBe(position);
      const tokens = Int32Array.from({ length: batchSize }, (_, row) => present(inputIds[row * seqLen + position]));
      const actual = await decoder.next(tokens);
      const rows = Array.from({ length: batchSize }, (_, row) =>
        Array.from(expected.subarray((row * seqLen + position) * vocabSize, (row * seqLen + position + 1) * vocabSize)),
      );
      expect(relativeError(actual, rows.flat()), `position ${position}`).toBeLessThan(TOLERANCE.logits);
    }
  });
});

describe("a decoder", () => {
  it.each(["favor", "exact"] as const)("of %s refuses learned positions beyond maxSeqLen", async (mechanism) => {
    const config = tinyConfig({ mechanism, positions: "learned", maxSeqLen: 3 });
    await using decoder = await createDecoder(config, tinyTensors(config), createBackend(), 1);
    for (const token of [1, 5, 7]) await decoder.next(Int32Array.of(token));
    await expect(decoder.next(Int32Array.of(4))).rejects.toThrow(
      /learned positions must stay below maxSeqLen 3, got position 3; ask for fewer tokens/,
    );
  });

  it("refuses a batch of none, and tokens that are not one a sequence", async () => {
    const config = tinyConfig();
    const create = (batchSize: number) => createDecoder(config, tinyTensors(config), createBackend(), batchSize);
    await expect(create(0)).rejects.toThrow(
      expect.objectContaining({ name: "RuntimeError", message: expect.stringMatching(/got 0; decode at least one$/) }),
    );
    await using decoder = await create(2);
    await expect(decoder.next(Int32Array.of(1))).rejects.toThrow(/tokens must be one for each of 2 sequences, got 1/);
  });

  it("with rotary positions goes on beyond maxSeqLen", async () => {
    const config = tinyConfig({ maxSeqLen: 3 });
    await using decoder = await createDecoder(config, tinyTensors(config), createBackend(), 1);
    let last = new Float32Array(0);
    for (let position = 0; position < 7; position++) last = Float32Array.from(await decoder.next(Int32Array.of(5)));
    expect(last.every(Number.isFinite)).toBe(true);
  });

  it.each(["favor", "favor-relu", "exact"] as const)("of %s forks: both go on as if alone", async (mechanism) => {
    const config = tinyConfig({ mechanism });
    const tensors = tinyTensors(config);
    const readAll = async (tokens: readonly number[]) => {
      await using decoder = await createDecoder(config, tensors, createBackend(), 1);
      let last: number[] = [];
      for (const token of tokens) last = Array.from(await decoder.next(Int32Array.of(token)));
      return last;
    };
    const decoder = await createDecoder(config, tensors, createBackend(), 1);
    for (const token of [1, 5, 7]) await decoder.next(Int32Array.of(token));
    const fork = decoder.fork();
    const own = Array.from(await decoder.next(Int32Array.of(4)));
    await decoder[Symbol.asyncDispose]();
    expect(fork.position).toBe(3);
    const forked = Array.from(await fork.next(Int32Array.of(6)));
    await fork[Symbol.asyncDispose]();
    expect(own).toEqual(await readAll([1, 5, 7, 4]));
    expect(forked).toEqual(await readAll([1, 5, 7, 6]));
  });
});
