/** The loop: resumable to the bit, redraws on time, stops when told, refuses to go on with broken numbers. */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { ndarray, type NdArray } from "../graph/ndarray.ts";
import { drawProjections, type Named } from "../model/parameters.ts";
import type { Backend } from "../runtime/backend.ts";
import { decodeSafetensors, encodeSafetensors } from "../storage/safetensors.ts";
import { present, randomBatch, relativeError, tinyConfig, tinyTensors } from "../../tests/model/harness.ts";
import { prepareStep, runOnEngine } from "../../tests/model/step.ts";
import type { BatchSource } from "../data/batch.ts";
import { createExecution } from "./choose-execution.ts";
import { trainingConfig, type TrainingOptions } from "./config.ts";
import { gradientsOf } from "./graphs.ts";
import { adamW, globalNorm, initialMoments } from "./optimizer.ts";
import { initialState, train, TrainingError, type TrainingState, type TrainOptions } from "./trainer.ts";

const TOLERANCE = {
  /** The update is computed in another order of float32 roundings. */
  update: 1e-6,
  /** Six updates, each from gradients that are rounded differently. */
  executions: 2e-5,
} as const;

const config = tinyConfig({ dropout: 0.25, numLayers: 1 });
/** Two shapes in turn, other tokens every step. */
const batches: BatchSource = {
  batchAt: (step) => randomBatch(config, 2, step % 2 === 0 ? 7 : 13, { seed: step, lengths: [7, 5] }),
};

function run(training: TrainingOptions, options: Partial<TrainOptions> = {}) {
  return train({
    config,
    training: trainingConfig({ seed: 7, warmupSteps: 2, checkpointInterval: 1000, ...training }),
    backend: createBackend(),
    batches,
    ...options,
  });
}

/** A state through the files that checkpoints are made of. */
function throughFiles(state: TrainingState): TrainingState {
  const stored = (arrays: Named<NdArray>) => decodeSafetensors(encodeSafetensors(arrays), { name: "test" }).tensors;
  const { step, trainerState } = JSON.parse(JSON.stringify(state)) as TrainingState; // what was a TrainingState before
  return { step, trainerState, model: stored(state.model), optimizer: stored(state.optimizer) };
}

function expectSameBits(actual: Named<NdArray>, expected: Named<NdArray>): void {
  expect(Object.keys(actual).toSorted()).toEqual(Object.keys(expected).toSorted());
  for (const [name, { data }] of Object.entries(expected)) expect(actual[name]?.data, name).toEqual(data);
}

/** The platform's backend, which counts what it compiles and what is freed again. */
function countingBackend(): { readonly backend: Backend; readonly counts: { compiled: number; disposed: number } } {
  const inner = createBackend();
  const counts = { compiled: 0, disposed: 0 };
  const compile: Backend["compile"] = async (graph) => {
    const executable = await inner.compile(graph);
    counts.compiled++;
    const dispose = async () => {
      counts.disposed++;
      await executable.dispose();
    };
    return { ...executable, dispose, [Symbol.asyncDispose]: dispose };
  };
  return { backend: { device: inner.device, compile }, counts };
}

describe("a run", () => {
  const settings = { steps: 12, redrawInterval: 3 };

  it("resumed after 5 of 12 steps from a stored checkpoint is bit-identical to one that was not interrupted", async () => {
    const losses: number[] = [];
    const whole = await run(settings, { onStep: ({ lossNats }) => void losses.push(lossNats) });
    const checkpoints: TrainingState[] = [];
    const resumedLosses: number[] = [];
    const stop = new AbortController();
    const first = await run(settings, {
      signal: stop.signal,
      onStep: ({ step, lossNats }) => {
        resumedLosses.push(lossNats);
        if (step === 5) stop.abort();
      },
      onCheckpoint: (state) => void checkpoints.push(throughFiles(state)),
    });
    expect(first.interrupted).toBe(true);
    expect(checkpoints).toHaveLength(1);
    const rest = await run(settings, {
      initial: present(checkpoints[0]),
      onStep: ({ lossNats }) => void resumedLosses.push(lossNats),
    });
    expect(rest.interrupted).toBe(false);
    expect(resumedLosses).toEqual(losses);
    expect(rest.state.step).toBe(12);
    expect(rest.state.trainerState.tokens).toBe(whole.state.trainerState.tokens);
    expectSameBits(rest.state.model, whole.state.model);
    expectSameBits(rest.state.optimizer, whole.state.optimizer);
  });

  it("passes checkpoints that later steps leave as they are", async () => {
    const checkpoints: TrainingState[] = [];
    const { state } = await run(
      { ...settings, checkpointInterval: 4 },
      { onCheckpoint: (checkpoint) => void checkpoints.push(checkpoint) },
    );
    expect(checkpoints.map(({ step }) => step)).toEqual([4, 8, 12]);
    const name = "tokenEmbedding.weight";
    expect(checkpoints[0]?.model[name]?.data).not.toEqual(checkpoints[1]?.model[name]?.data);
    expectSameBits(present(checkpoints[2]).model, state.model);
  });

  it("leaves the state that it starts from as it is", async () => {
    const initial = initialState(config, 7);
    await run(settings, { initial });
    expectSameBits(initial.model, initialState(config, 7).model);
    expectSameBits(initial.optimizer, initialState(config, 7).optimizer);
  });

  it("redraws the projections exactly at multiples of redrawInterval", async () => {
    const name = "blocks.0.attention.projection";
    const seen: NdArray["data"][] = [];
    await run(
      { ...settings, steps: 8, checkpointInterval: 1 },
      { onCheckpoint: ({ model }) => void seen.push(present(model[name]).data) },
    );
    // Step s, counted from 0, runs with redraw floor(s / 3).
    const expected = [0, 0, 0, 1, 1, 1, 2, 2].map((redraw) => drawProjections(config, 7, redraw)[name]?.data);
    expect(seen).toEqual(expected);
  });

  it("redraws, stores and resumes a projection of every head", async () => {
    const perHead = tinyConfig({ numLayers: 1, projection: "hadamard", projectionPerHead: true });
    const name = "blocks.0.attention.projection";
    const seen: NdArray[] = [];
    const onCheckpoint = (state: TrainingState) => void seen.push(present(throughFiles(state).model[name]));
    await run({ steps: 4, redrawInterval: 3, checkpointInterval: 1 }, { config: perHead, onCheckpoint });
    const [first, second] = [0, 1].map((redraw) => present(drawProjections(perHead, 7, redraw)[name]));
    expect(first?.shape).toEqual([2, 7, 6]);
    expect(seen).toEqual([first, first, first, second]);
  });

  it("keeps its projections with a redrawInterval of 0", async () => {
    const { state } = await run({ ...settings, redrawInterval: 0 });
    expectSameBits({ ...state.model, ...drawProjections(config, 7, 0) }, state.model);
  });

  it("ends at once when it was told so before it began, and still passes a checkpoint", async () => {
    let checkpoints = 0;
    const outcome = await run(settings, { signal: AbortSignal.abort(), onCheckpoint: () => void checkpoints++ });
    expect(outcome).toMatchObject({ interrupted: true, state: { step: 0 } });
    expect(checkpoints).toBe(1);
  });

  it("hears a signal that comes from a timer between two steps", async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 0);
    const { interrupted, state } = await run({ ...settings, steps: 1000 }, { signal: stop.signal });
    expect(interrupted).toBe(true);
    expect(state.step).toBeLessThan(1000);
  });

  it("reports every step: counted from 1, predicted tokens without padding", async () => {
    const steps: number[] = [];
    let tokens = 0;
    await run(
      { ...settings, steps: 3 },
      {
        onStep: (progress) => {
          steps.push(progress.step);
          ({ tokens } = progress);
          expect(progress.totalSteps).toBe(3);
          expect(progress.gradientNorm).toBeGreaterThan(0);
        },
      },
    );
    expect(steps).toEqual([1, 2, 3]);
    expect(tokens).toBe(3 * (7 + 5));
  });

  it("evaluates every evalInterval steps and at the end", async () => {
    const steps: number[] = [];
    await run(
      { ...settings, steps: 5, evalInterval: 2 },
      {
        validation: [randomBatch(config, 2, 7)],
        onEvaluation: (step, { tokens }) => {
          steps.push(step);
          expect(tokens).toBe(14);
        },
      },
    );
    expect(steps).toEqual([2, 4, 5]);
  });

  it("compiles each shape of batch once, for training and for evaluation, and frees them all", async () => {
    const counting = countingBackend();
    const validation = [randomBatch(config, 2, 7)];
    await run(
      { ...settings, evalInterval: 2 },
      { backend: counting.backend, validation, onEvaluation: () => undefined },
    );
    expect(counting.counts).toEqual({ compiled: 3, disposed: 3 });
  });
});

describe.each([
  { way: "in one go", model: {}, settings: {}, graphs: 2 + 1 },
  // Embedding and block forward and backward, and the output layer; evaluation shares those without dropout.
  { way: "block by block", model: {}, settings: { gradientCheckpointing: "blocks" }, graphs: 2 * 5 + 1 },
  { way: "reversibly", model: { reversible: true }, settings: { gradientCheckpointing: "blocks" }, graphs: 2 * 5 + 1 },
  {
    way: "block by block with dropout",
    model: { dropout: 0.25 },
    settings: { gradientCheckpointing: "blocks" },
    graphs: 2 * 5 + 3,
  },
  // 7 tokens go in parts of 5 and 2, 13 in parts of 5, 5 and 3: one forward graph, three backward, two for evaluation.
  { way: "in parts", model: {}, settings: { segmentLength: 5 }, graphs: 1 + 3 + 2 },
] as const)("training $way", ({ model, settings, graphs }) => {
  const own = tinyConfig({ dropout: 0, numLayers: 3, ...model });
  const losses = async (training: TrainingOptions, options: Partial<TrainOptions> = {}) => {
    const seen: number[] = [];
    await run(
      { steps: 6, evalInterval: 2, checkpointInterval: 3, ...training },
      {
        config: own,
        validation: [randomBatch(own, 2, 7)],
        onEvaluation: () => undefined,
        onStep: ({ lossNats }) => void seen.push(lossNats),
        ...options,
      },
    );
    return seen;
  };

  it(`compiles ${graphs} graphs in a run with evaluations and checkpoints, none of them twice, and frees them`, async () => {
    const counting = countingBackend();
    await losses(settings, { backend: counting.backend });
    expect(counting.counts).toEqual({ compiled: graphs, disposed: graphs });
  });

  it("leaves graphs that it is given to whoever gave them", async () => {
    const counting = countingBackend();
    const training = trainingConfig(settings);
    await using execution = createExecution(own, counting.backend, training);
    await losses(settings, { execution });
    await losses(settings, { execution });
    expect(counting.counts).toEqual({ compiled: graphs, disposed: 0 });
  });

  it("learns what training in one go learns", async () => {
    expect(relativeError(await losses(settings), await losses({}))).toBeLessThan(TOLERANCE.executions);
  });
});

describe("one step", () => {
  const plain = tinyConfig();
  const batch = randomBatch(plain, 2, 7);
  const training = { steps: 1, warmupSteps: 0, learningRate: 0.01, seed: 7 };
  const initial = { ...initialState(plain, 7), model: tinyTensors(plain) };

  it.each([
    ["as it is when it is shorter than clipNorm", 1e6, 1],
    ["without clipping for a clipNorm of 0", 0, 1],
    ["shortened to clipNorm when it is longer", 0.05, "norm"],
  ] as const)("uses the gradient %s", async (_name, clipNorm, scale) => {
    const results = await runOnEngine(prepareStep(plain, batch, { dropout: 0, labelSmoothing: 0, form: "scan" }));
    const gradients = gradientsOf(results);
    const norm = globalNorm(gradients);
    expect(norm).toBeGreaterThan(0.05);
    const { state } = await train({
      config: plain,
      training: trainingConfig({ ...training, clipNorm }),
      backend: createBackend(),
      batches: { batchAt: () => batch },
      initial,
    });
    const parameters = Object.fromEntries(
      Object.keys(gradients).map((name) => {
        const array = present(initial.model[name]);
        return [name, { ...array, data: array.data.slice() }];
      }),
    );
    const moments = initialMoments(parameters);
    const settings = { ...trainingConfig(training), learningRate: 0.01 };
    adamW(parameters, gradients, moments, 1, scale === "norm" ? 0.05 / norm : scale, settings);
    for (const [name, { data }] of Object.entries(parameters)) {
      expect(relativeError(state.model[name]?.data, data), name).toBeLessThan(TOLERANCE.update);
      const first = present(moments.first[name]).data;
      expect(relativeError(state.optimizer[`first.${name}`]?.data, first), name).toBeLessThan(TOLERANCE.update);
    }
  });
});

describe("a run that cannot go on", () => {
  it("ends in a TrainingError when the loss is not finite, without a checkpoint of broken weights", async () => {
    const initial = initialState(config, 7);
    const broken = new Float32Array(config.modelDim).fill(Number.NaN);
    initial.model["finalNorm.weight"] = ndarray(broken, [config.modelDim]);
    let checkpoints = 0;
    const failing = run({ steps: 3 }, { initial, onCheckpoint: () => void checkpoints++ });
    await expect(failing).rejects.toThrow(TrainingError);
    await expect(failing).rejects.toThrow(/loss must stay finite, got loss NaN .* at step 1; lower learningRate/);
    expect(checkpoints).toBe(0);
  });

  it("frees its graphs when it fails", async () => {
    const counting = countingBackend();
    const onStep = () => {
      throw new Error("the listener fails");
    };
    await expect(run({ steps: 3 }, { backend: counting.backend, onStep })).rejects.toThrow("the listener fails");
    expect(counting.counts).toEqual({ compiled: 1, disposed: 1 });
  });

  it("refuses a state of another architecture", async () => {
    const other = initialState(tinyConfig({ mlpDim: 19 }), 7);
    await expect(run({ steps: 3 }, { initial: other })).rejects.toThrow(
      /^train: tensor 'blocks\.0\.mlp\.up\.weight' must be float32\[17, 12\], got float32\[19, 12\]/,
    );
  });

  it("refuses an optimizer state that lacks a moment", async () => {
    const { optimizer, ...rest } = initialState(config, 7);
    const { "second.finalNorm.bias": _missing, ...others } = optimizer;
    await expect(run({ steps: 3 }, { initial: { ...rest, optimizer: others } })).rejects.toThrow(
      /^train: the optimizer state must hold 'second\.finalNorm\.bias', got nothing/,
    );
  });
});
