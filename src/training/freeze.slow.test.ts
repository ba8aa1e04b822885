/**
 * Frozen weights stay as they are to the bit, the others get the gradients that they would get anyway; early stopping
 * ends with the best.
 */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { present, randomBatch, relativeError, tinyConfig, tinyTensors } from "../../tests/model/harness.ts";
import { batchOf } from "../../tests/model/kinds.ts";
import { masksOf } from "../../tests/model/step.ts";
import type { NdArray } from "../graph/ndarray.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Named } from "../model/parameters.ts";
import { decodeSafetensors, encodeSafetensors } from "../storage/safetensors.ts";
import type { BatchSource } from "../data/batch.ts";
import { createExecution, type ExecutionOptions } from "./choose-execution.ts";
import { trainingConfig, type TrainingOptions } from "./config.ts";
import type { EvaluationResult } from "./evaluate.ts";
import { trainableNames, type Freeze } from "./freeze.ts";
import { estimateMemory } from "./memory.ts";
import { stateFrom, train, type TrainingState, type TrainOptions } from "./trainer.ts";

const TOLERANCE = {
  /** The same sums in float32, in a graph of other outputs. */
  gradient: 2e-5,
  /** A gradient that is 0 but for rounding is compared with 1. */
  floor: 1e-3,
} as const;

const dropout = 0.25;
const backend = createBackend();
const causal = tinyConfig({ dropout, numLayers: 2, tieEmbeddings: false });
const classifier = tinyConfig({ dropout, numLayers: 2, head: "sequence-classification", numLabels: 3 });
const encoder = tinyConfig({
  dropout,
  numLayers: 2,
  architecture: "encoder",
  head: "regression",
  positions: "learned",
});

const executions: readonly (readonly [ModelConfig, Partial<ExecutionOptions>])[] = [
  [causal, {}],
  [causal, { segmentLength: 4 }],
  [{ ...causal, reversible: true }, { gradientCheckpointing: "blocks" }],
  [classifier, { gradientCheckpointing: "blocks" }],
  [encoder, {}],
];

describe.each(executions)("of model %#", (config, options) => {
  const tensors = tinyTensors(config);
  const batch =
    config.head === "language-modeling"
      ? randomBatch(config, 2, 13, { lengths: [13, 7] })
      : batchOf(config, { batchSize: 2, seqLen: 13, lengths: [13, 7] });
  const stepWith = async (freeze: Freeze) => {
    await using execution = createExecution(config, backend, {
      segmentLength: 0,
      gradientCheckpointing: "none",
      labelSmoothing: 0,
      ...options,
      freeze,
    });
    return await execution.step(tensors, batch, masksOf(dropout));
  };

  it("computes the gradients of what is trained alone", async () => {
    const whole = await stepWith("none");
    for (const freeze of ["body", 1] as const) {
      const part = await stepWith(freeze);
      expect(Object.keys(part.gradients).toSorted()).toEqual([...trainableNames(config, freeze)].toSorted());
      expect(relativeError([part.lossNats], [whole.lossNats])).toBeLessThan(TOLERANCE.gradient);
      for (const [name, { data }] of Object.entries(part.gradients)) {
        const expected = present(whole.gradients[name], name).data;
        expect(relativeError(data, expected, TOLERANCE.floor), name).toBeLessThan(TOLERANCE.gradient);
      }
    }
  });
});

const batches: BatchSource = {
  batchAt: (step) => batchOf(classifier, { batchSize: 2, seqLen: step % 2 === 0 ? 7 : 13, seed: step }),
};
/** Other targets than those of training: the loss on them rises sooner or later. */
const validation = [batchOf(classifier, { batchSize: 3, seqLen: 13, seed: 99 })];

function run(options: TrainingOptions, more: Partial<TrainOptions> = {}) {
  const training = trainingConfig({ seed: 7, warmupSteps: 2, learningRate: 0.02, schedule: "constant", ...options });
  return train({
    config: classifier,
    training,
    backend,
    batches,
    validation,
    initial: stateFrom(classifier, tinyTensors(classifier), training.freeze),
    ...more,
  });
}

function expectSameBits(actual: Named<NdArray>, expected: Named<NdArray>): void {
  expect(Object.keys(actual).toSorted()).toEqual(Object.keys(expected).toSorted());
  for (const [name, { data }] of Object.entries(expected)) expect(actual[name]?.data, name).toEqual(data);
}

/** A state through the files that checkpoints are made of. */
function throughFiles({ step, trainerState, model, optimizer }: TrainingState): TrainingState {
  const stored = (arrays: Named<NdArray>) => decodeSafetensors(encodeSafetensors(arrays), { name: "test" }).tensors;
  const state = JSON.parse(JSON.stringify(trainerState)) as TrainingState["trainerState"]; // what was one before
  return { step, trainerState: state, model: stored(model), optimizer: stored(optimizer) };
}

describe("a run with frozen weights", () => {
  it.each(["body", 2] as const)(
    "leaves them as they are to the bit with freeze %j, and trains all others",
    async (freeze) => {
      const before = tinyTensors(classifier);
      const { state } = await run({ steps: 5, freeze, redrawInterval: 0 });
      const trained = trainableNames(classifier, freeze);
      for (const [name, { data }] of Object.entries(state.model)) {
        if (trained.includes(name)) expect(data, name).not.toEqual(before[name]?.data);
        else expect(data, name).toEqual(before[name]?.data);
      }
      expect(Object.keys(state.optimizer)).toHaveLength(2 * trained.length);
    },
  );
});

it("takes less memory the more is frozen", () => {
  const engineBytes = (freeze: Freeze) =>
    estimateMemory({
      config: classifier,
      training: trainingConfig({ freeze }),
      shapes: [{ batchSize: 2, seqLen: 13, targetLen: 1 }],
    }).engineBytes;
  expect(engineBytes("body")).toBeLessThan(engineBytes(1));
  expect(engineBytes(1)).toBeLessThan(engineBytes("none"));
});

describe("a run with patience", () => {
  const settings = { steps: 200, patience: 3, evalInterval: 2, checkpointInterval: 3, redrawInterval: 5 } as const;

  it("ends after so many evaluations without a lower loss, with the weights of the lowest", async () => {
    const told: { step: number; result: EvaluationResult; model: Record<string, NdArray> }[] = [];
    const checkpoints: TrainingState[] = [];
    const everyStep = { ...settings, checkpointInterval: 1 };
    const { state, interrupted } = await run(everyStep, {
      onEvaluation: (step, result) => void told.push({ step, result, model: {} }),
      onCheckpoint: (checkpoint) => void checkpoints.push(checkpoint),
    });
    const losses = told.map(({ result }) => result.lossNats);
    const lowest = losses.indexOf(Math.min(...losses));
    expect(interrupted).toBe(false);
    expect(state.step).toBeLessThan(settings.steps);
    expect(losses).toHaveLength(lowest + 1 + settings.patience);
    const step = present(told[lowest]).step;
    expect(state.trainerState.best).toEqual({ step, lossNats: Math.min(...losses), evaluationsSince: 3 });
    expectSameBits(state.model, present(checkpoints.find((each) => each.step === step)).model);
    expectSameBits(present(checkpoints.at(-1)).model, state.model);
    // The same where the steps are over before patience is.
    const atLastStep = await run({ ...settings, patience: 1000, steps: state.step });
    expectSameBits(atLastStep.state.model, state.model);
  });

  it("resumed from any stored checkpoint ends in the same bits, as does one resumed at its end", async () => {
    const checkpoints: TrainingState[] = [];
    const { state: whole } = await run(settings, { onCheckpoint: (each) => void checkpoints.push(throughFiles(each)) });
    expect(checkpoints.length).toBeGreaterThan(2);
    for (const initial of [...checkpoints.slice(0, 1), ...checkpoints.slice(-2)]) {
      const { state, interrupted } = await run(settings, { initial });
      expect(interrupted).toBe(false);
      expect(state.trainerState.best).toEqual(whole.trainerState.best);
      expect(state.step).toBe(whole.step);
      expectSameBits(state.model, whole.model);
      expectSameBits(state.optimizer, whole.optimizer);
    }
  });

  it("is refused without validation, and with a stored state that lacks the best weights", async () => {
    await expect(run(settings, { validation: [] })).rejects.toThrow(
      /^train: patience must come with validation data, got 3 and none/,
    );
    const state = stateFrom(classifier, tinyTensors(classifier));
    const initial = {
      ...state,
      trainerState: { ...state.trainerState, best: { step: 2, lossNats: 1, evaluationsSince: 0 } },
    };
    await expect(run(settings, { initial })).rejects.toThrow(/must hold 'best\.tokenEmbedding\.weight'/);
  });
});
