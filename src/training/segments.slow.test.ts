/** Long sequences in parts have the losses and gradients of the whole. */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { toFloat64 } from "../graph/ndarray.ts";
import type { ModelOptions } from "../model/config.ts";
import { present, randomBatch, relativeError, tinyConfig, tinyTensors } from "../../tests/model/harness.ts";
import { createEvaluator } from "./evaluate.ts";
import { gradientsOf, stepOutputs } from "./graphs.ts";
import { createSegmentedExecution } from "./segments.ts";
import { trainingConfig } from "./config.ts";
import { initialState, train } from "./trainer.ts";

const TOLERANCE = {
  /** Sums over time in another order, in float32. */
  loss: 1e-5,
  gradient: 2e-4,
} as const;

const backend = createBackend();
const batchSize = 2;
/** Neither a multiple of the parts nor of the chunk of causal attention, which is 64. */
const seqLen = 149;

describe.each([
  { mechanism: "favor", positions: "rotary" },
  { mechanism: "favor-relu", positions: "learned", maxSeqLen: seqLen },
  { mechanism: "favor-hyperbolic", positions: "rotary", projectionPerHead: true },
  { mechanism: "favor", positions: "rotary", reversible: true },
  {
    mechanism: ["favor", "favor-relu"],
    positions: "axial",
    maxSeqLen: seqLen,
    tokenShift: true,
    normPlacement: "post",
    embeddingNorm: true,
  },
] as const satisfies Partial<ModelOptions>[])("%j", (options) => {
  const config = tinyConfig(options);
  const tensors = tinyTensors(config);
  const batch = randomBatch(config, batchSize, seqLen, { lengths: [seqLen, 101] });

  it.each([1, 37, 64, 148])("in parts of %d tokens gives the loss and gradients of one go", async (segmentLength) => {
    const settings = { dropout: 0, labelSmoothing: 0.1, form: "scan" } as const;
    await using whole = await backend.compile({ outputs: stepOutputs(config, { batchSize, seqLen }, settings) });
    const expected = await whole.run({
      ...tensors,
      "batch.inputIds": batch.inputIds,
      "batch.targetIds": batch.targetIds,
      "batch.weights": batch.weights,
    });
    await using parts = createSegmentedExecution(config, backend, { ...settings, segmentLength });
    const { lossNats, weightSum, gradients } = await parts.step(tensors, batch, () => ({}));
    expect(weightSum).toBe(seqLen + 101);
    expect(Math.abs(lossNats - Number(expected["loss"]?.data[0]))).toBeLessThan(TOLERANCE.loss);
    const ofWhole = gradientsOf(expected);
    expect(Object.keys(gradients).toSorted()).toEqual(Object.keys(ofWhole).toSorted());
    // A gradient that is 0 but for rounding (biases of keys) is compared with the largest of all.
    const entries = Object.values(ofWhole).flatMap((array) => [...toFloat64(array)]);
    const largest = Math.max(...entries.map((entry) => Math.abs(entry)));
    for (const [name, array] of Object.entries(ofWhole)) {
      const floor = [...toFloat64(array), 0.01 * largest];
      const actual = [...toFloat64(present(gradients[name])), 0.01 * largest];
      expect(relativeError(actual, floor), name).toBeLessThan(TOLERANCE.gradient);
    }
  });

  it("is evaluated as in one go", async () => {
    await using whole = createEvaluator(config, backend);
    await using parts = createEvaluator(config, backend, { segmentLength: 37 });
    const expected = await whole.evaluate(tensors, [batch]);
    const actual = await parts.evaluate(tensors, [batch]);
    expect(actual.tokens).toBe(expected.tokens);
    expect(actual.accuracy).toBe(expected.accuracy);
    expect(Math.abs(actual.lossNats - expected.lossNats)).toBeLessThan(TOLERANCE.loss);
  });
});

describe("training in parts", () => {
  it("learns what training in one go learns, dropout included in either", async () => {
    const config = tinyConfig({ dropout: 0 });
    const batches = { batchAt: (step: number) => randomBatch(config, 1, 83, { seed: step }) };
    const losses = async (segmentLength: number) => {
      const seen: number[] = [];
      await train({
        config,
        training: trainingConfig({ steps: 4, seed: 3, segmentLength }),
        backend,
        batches,
        onStep: ({ lossNats }) => void seen.push(lossNats),
      });
      return seen;
    };
    const [whole, parts] = [await losses(0), await losses(29)];
    expect(relativeError(parts, whole)).toBeLessThan(TOLERANCE.loss);
  });

  it("draws dropout masks for each part, the same forward and backward and after a resume", async () => {
    const config = tinyConfig({ dropout: 0.25 });
    const batches = { batchAt: (step: number) => randomBatch(config, 1, 83, { seed: step }) };
    const training = trainingConfig({ steps: 3, seed: 3, segmentLength: 29 });
    const run = () => train({ config, training, backend, batches, initial: initialState(config, 3) });
    const [first, second] = [await run(), await run()];
    expect(first.state.model).toEqual(second.state.model);
  });

  it.each([
    [{ mechanism: "exact" }, /segmentLength must come with a mechanism that carries a state .* got mechanism 'exact'/],
    [{ mechanism: ["favor", "exact"] }, /got mechanism 'exact'/],
    [{ architecture: "encoder" }, /segmentLength must come with architecture 'decoder', got 'encoder', whose tokens/],
  ] as const)("refuses %j", (options, message) => {
    const settings = { segmentLength: 8, dropout: 0, labelSmoothing: 0 };
    expect(() => createSegmentedExecution(tinyConfig(options), backend, settings)).toThrow(message);
  });
});
