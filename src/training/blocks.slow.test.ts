/** Steps block by block have the losses and gradients of steps in one go. */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { toFloat64, type NdArray } from "../graph/ndarray.ts";
import type { ModelOptions } from "../model/config.ts";
import type { Named } from "../model/parameters.ts";
import { present, randomBatch, relativeError, tinyConfig, tinyTensors } from "../../tests/model/harness.ts";
import { batchOf, blockOptions, encoderKinds, ofImages, pooledDecoderKinds } from "../../tests/model/kinds.ts";
import { masksOf } from "../../tests/model/step.ts";
import type { Backend } from "../runtime/backend.ts";
import { createBlockExecution } from "./blocks.ts";
import type { Execution } from "./execution.ts";
import { createWholeExecution } from "./whole.ts";

const TOLERANCE = {
  /** The same sums in float32, cut into other graphs. */
  loss: 1e-6,
  gradient: 2e-5,
  /** What a block reads is computed from what it leaves, which rounds once more a layer. */
  reversibleGradient: 5e-5,
  /** Sums over chunks in another order. */
  forms: 1e-4,
  /** A gradient that is 0 but for rounding (biases of keys) is compared with the largest of all. */
  shareOfLargest: 0.01,
} as const;

const backend = createBackend();
const batchSize = 2;
/** Not a multiple of the chunk of causal attention, which is 64. */
const seqLen = 71;
const dropout = 0.25;

const models = [
  { mechanism: "favor", positions: "rotary" },
  { mechanism: "favor", positions: "learned", tieEmbeddings: false },
  { mechanism: "favor-relu", positions: "learned" },
  { mechanism: "favor-hyperbolic", positions: "rotary", projectionPerHead: true },
  { mechanism: "exact", positions: "rotary" },
] as const satisfies Partial<ModelOptions>[];

/** Largest difference of any gradient, each relative to its own size. */
function gradientError(actual: Named<NdArray>, expected: Named<NdArray>): number {
  const largest = Object.values(expected).reduce(
    (most, array) => toFloat64(array).reduce((size, entry) => Math.max(size, Math.abs(entry)), most),
    0,
  );
  const floor = TOLERANCE.shareOfLargest * largest;
  const errors = Object.entries(expected).map(([name, { data }]) =>
    relativeError(present(actual[name], name).data, data, floor),
  );
  return Math.max(...errors);
}

/** A backend that tells of each run what went in and what came out. */
function watched(onRun: (feeds: readonly ArrayBufferLike[], results: Named<NdArray>) => void): Backend {
  return {
    device: backend.device,
    compile: async (graph) => {
      const executable = await backend.compile(graph);
      return {
        ...executable,
        run: async (feeds) => {
          const results = await executable.run(feeds);
          onRun(
            Object.values(feeds).map((feed) => (ArrayBuffer.isView(feed) ? feed.buffer : feed.data.buffer)),
            results,
          );
          return results;
        },
      };
    },
  };
}

describe.each(models.flatMap((model) => [false, true].map((reversible) => ({ ...model, reversible }))))(
  "%j",
  (options) => {
    const config = tinyConfig({ ...options, numLayers: 3, maxSeqLen: seqLen, dropout });
    const tensors = tinyTensors(config);
    const batch = randomBatch(config, batchSize, seqLen, { lengths: [seqLen, 43] });
    const settings = { dropout, labelSmoothing: 0.1 };

    it("gives the loss and gradients of one go, dropout included", async () => {
      await using whole = createWholeExecution(config, backend, settings);
      await using blocks = createBlockExecution(config, backend, settings);
      const expected = await whole.step(tensors, batch, masksOf(dropout));
      const actual = await blocks.step(tensors, batch, masksOf(dropout));
      expect(actual.weightSum).toBe(seqLen + 43);
      expect(Math.abs(actual.lossNats - expected.lossNats)).toBeLessThan(TOLERANCE.loss);
      expect(Object.keys(actual.gradients).toSorted()).toEqual(Object.keys(expected.gradients).toSorted());
      const limit = options.reversible ? TOLERANCE.reversibleGradient : TOLERANCE.gradient;
      expect(gradientError(actual.gradients, expected.gradients)).toBeLessThan(limit);
    });

    it("is evaluated as in one go", async () => {
      await using whole = createWholeExecution(config, backend, settings);
      await using blocks = createBlockExecution(config, backend, settings);
      const expected = await whole.evaluate(tensors, batch);
      const actual = await blocks.evaluate(tensors, batch);
      expect(actual).toMatchObject({ correctSum: expected.correctSum, weightSum: expected.weightSum });
      expect(relativeError([present(actual.lossSum)], [present(expected.lossSum)])).toBeLessThan(TOLERANCE.loss);
    });
  },
);

const others: readonly (readonly [string, Partial<ModelOptions>])[] = [
  ...Object.entries({ ...encoderKinds, ...pooledDecoderKinds }),
  ...Object.entries({
    ...blockOptions,
    "a reversible encoder": { architecture: "encoder", reversible: true },
    "a classifier of images": ofImages,
  } as const),
];

describe.each(others)("a step block by block of %s", (_name, options) => {
  it("has the loss, the gradients and the evaluation of one in go", async () => {
    const length = options.maxSeqLen ?? 11;
    const config = tinyConfig({ ...options, dropout, maxSeqLen: length });
    const tensors = tinyTensors(config);
    const batch = batchOf(config, { batchSize, seqLen: length, lengths: [length, length - 3] });
    const settings = { dropout, labelSmoothing: 0 };
    await using whole = createWholeExecution(config, backend, settings);
    await using blocks = createBlockExecution(config, backend, settings);
    const expected = await whole.step(tensors, batch, masksOf(dropout));
    const actual = await blocks.step(tensors, batch, masksOf(dropout));
    expect(relativeError([actual.lossNats], [expected.lossNats])).toBeLessThan(TOLERANCE.loss);
    expect(Object.keys(actual.gradients).toSorted()).toEqual(Object.keys(expected.gradients).toSorted());
    expect(gradientError(actual.gradients, expected.gradients)).toBeLessThan(TOLERANCE.reversibleGradient);
    const evaluate = async ({ evaluate: sumsOf }: Execution) => {
      const { pairs, ...sums } = await sumsOf(tensors, batch);
      return { ...sums, ...pairs };
    };
    const [sums, expectedSums] = [await evaluate(blocks), await evaluate(whole)];
    expect(Object.keys(sums)).toEqual(Object.keys(expectedSums));
    expect(relativeError(Object.values(sums), Object.values(expectedSums))).toBeLessThan(TOLERANCE.gradient);
  });
});

describe("block by block", () => {
  const settings = { dropout: 0, labelSmoothing: 0 };

  it.each([
    { reversible: false, kept: "what every block reads", expected: [true, true, true, true, true] },
    { reversible: true, kept: "nothing but what the last block leaves", expected: [false, false, false, false, false] },
  ])("keeps $kept when reversible is $reversible", async ({ reversible, expected }) => {
    const config = tinyConfig({ reversible, numLayers: 5 });
    const streams: ArrayBufferLike[][] = [];
    const read: boolean[] = [];
    const blocks = createBlockExecution(
      config,
      watched((feeds, results) => {
        const forward = ["stream.", "next."].flatMap((prefix) =>
          Object.entries(results).flatMap(([name, { data }]) => (name.startsWith(prefix) ? [data.buffer] : [])),
        );
        const isForward = !Object.keys(results).some((name) => name.startsWith("gradient:"));
        if (isForward) streams.push(forward);
        // Backward through the blocks: does the run read a stream of the way forward, the last one aside?
        else if ("gradient:blocks.0.mlp.up.weight" in results) {
          read.push(streams.slice(0, -1).some((stream) => stream.some((buffer) => feeds.includes(buffer))));
        }
      }),
      settings,
    );
    await using _ = blocks;
    await blocks.step(tinyTensors(config), randomBatch(config, batchSize, 13), () => ({}));
    // The embedding's stream, and one behind every block.
    expect(streams).toHaveLength(6);
    expect(read).toEqual(expected);
  });

  it("holds the logits of some rows at a time, which changes nothing", async () => {
    // Of so large a vocabulary at most 1,024 rows are taken at a time: 516 and 515.
    const config = tinyConfig({ vocabSize: 8191, numLayers: 1, maxSeqLen: 1031, tieEmbeddings: false });
    const tensors = tinyTensors(config);
    const batch = randomBatch(config, 1, 1031, { lengths: [1029] });
    await using whole = createWholeExecution(config, backend, settings);
    await using blocks = createBlockExecution(config, backend, settings);
    const expected = await whole.step(tensors, batch, () => ({}));
    const actual = await blocks.step(tensors, batch, () => ({}));
    expect(relativeError([actual.lossNats], [expected.lossNats])).toBeLessThan(TOLERANCE.loss);
    expect(gradientError(actual.gradients, expected.gradients)).toBeLessThan(TOLERANCE.gradient);
  });

  it("has the same gradients in the form of devices without loops", async () => {
    const withoutLoops: Backend = { device: "webgpu", compile: backend.compile };
    for (const reversible of [false, true]) {
      const config = tinyConfig({ reversible, dropout, maxSeqLen: seqLen });
      const batch = randomBatch(config, batchSize, seqLen);
      await using scanned = createBlockExecution(config, backend, { dropout, labelSmoothing: 0 });
      await using parallel = createBlockExecution(config, withoutLoops, { dropout, labelSmoothing: 0 });
      const [expected, actual] = [
        await scanned.step(tinyTensors(config), batch, masksOf(dropout)),
        await parallel.step(tinyTensors(config), batch, masksOf(dropout)),
      ];
      expect(gradientError(actual.gradients, expected.gradients)).toBeLessThan(TOLERANCE.forms);
    }
  });
});
