/** The training loop: loss and gradients by the engine, AdamW on typed arrays, everything else by the step number alone. */
import type { NdArray } from "../graph/ndarray.ts";
import type { ModelConfig } from "../model/config.ts";
import { drawProjections, initialParameters, parameterShapes, type Named } from "../model/parameters.ts";
import { checkTensors } from "../model/tensors.ts";
import { createRandom, fillKeepMask } from "../random/index.ts";
import type { Backend, Executable } from "../runtime/backend.ts";
import type { Batch, BatchSource } from "./batch.ts";
import type { TrainingConfig } from "./config.ts";
import { createExecution } from "./choose-execution.ts";
import { evaluatorWith, type EvaluationResult } from "./evaluate.ts";
import type { Execution, MaskPlace } from "./execution.ts";
import { dropoutInputs } from "./graphs.ts";
import { adamW, globalNorm, initialMoments, type Moments } from "./optimizer.ts";
import { learningRateAt } from "./schedule.ts";

/** Everything a run needs to go on as if it had never stopped. */
export interface TrainingState {
  /** Updates done. */
  readonly step: number;
  /** Weights and projections. */
  readonly model: Record<string, NdArray>;
  /** Moments, as `first.<name>` and `second.<name>`. */
  readonly optimizer: Record<string, NdArray>;
  readonly trainerState: { readonly tokens: number; readonly elapsedSeconds: number };
}

export interface TrainingProgress {
  /** Updates done, this one included. */
  readonly step: number;
  readonly totalSteps: number;
  readonly lossNats: number;
  readonly learningRate: number;
  /** Global norm before clipping. */
  readonly gradientNorm: number;
  /** Predicted tokens since the run began. */
  readonly tokens: number;
  /** Over the last steps. */
  readonly tokensPerSecond: number;
  /** Of training alone, without evaluations and checkpoints, earlier sittings included. */
  readonly elapsedSeconds: number;
}

export interface TrainOptions {
  readonly config: ModelConfig;
  readonly training: TrainingConfig;
  readonly backend: Backend;
  /** Compiled graphs to use, and to leave as they are at the end. Default: the run's own, of `training`. */
  readonly execution?: Execution;
  readonly batches: BatchSource;
  /** Validation batches; none: no evaluation. */
  readonly validation?: readonly Batch[];
  /** Where to go on from. Default: fresh weights from `training.seed`. */
  readonly initial?: TrainingState;
  /** Ends the run after the step in progress, with a checkpoint. */
  readonly signal?: AbortSignal;
  readonly onStep?: (progress: TrainingProgress) => void | Promise<void>;
  readonly onEvaluation?: (step: number, result: EvaluationResult) => void | Promise<void>;
  readonly onCheckpoint?: (state: TrainingState) => void | Promise<void>;
}

export interface TrainingOutcome {
  readonly state: TrainingState;
  readonly interrupted: boolean;
}

/** A run that cannot go on; what was saved before is untouched. */
export class TrainingError extends Error {
  override readonly name = "TrainingError";
}

/** The state before the first update. */
export function initialState(config: ModelConfig, seed: number): TrainingState {
  const parameters = initialParameters(config, seed);
  return {
    step: 0,
    model: { ...parameters, ...drawProjections(config, seed, 0) },
    optimizer: flattenMoments(initialMoments(parameters)),
    trainerState: { tokens: 0, elapsedSeconds: 0 },
  };
}

/**
 * Trains a model.
 *
 * Weights, projections, batches and dropout masks of a step depend on the seed and the step number only, so a run that is
 * resumed from a state is bit-identical to one that never stopped (same machine, same thread count).
 *
 * @throws TrainingError when the loss is no longer finite
 * @throws ConfigError when the initial state does not belong to the configuration
 */
export async function train(options: TrainOptions): Promise<TrainingOutcome> {
  if (options.execution !== undefined) return trainWith(options.execution, options);
  await using execution = createExecution(options.config, options.backend, options.training);
  return await trainWith(execution, options);
}

async function trainWith(execution: Execution, options: TrainOptions): Promise<TrainingOutcome> {
  const { config, training, batches, validation = [], signal } = options;
  const { seed, steps } = training;
  let state = options.initial === undefined ? initialState(config, seed) : copyState(options.initial);
  checkTensors(config, state.model, "train");
  const evaluator = evaluatorWith(execution);

  const names = Object.keys(parameterShapes(config));
  const parameters = pick(state.model, names);
  const moments = unflattenMoments(state.optimizer, names);
  const checkpoint = async () => options.onCheckpoint?.(copyState(state));

  while (state.step < steps && signal?.aborted !== true) {
    const { step } = state;
    if (training.redrawInterval > 0 && step > 0 && step % training.redrawInterval === 0) {
      Object.assign(state.model, drawProjections(config, seed, step / training.redrawInterval));
    }
    const batch = batches.batchAt(step);
    const masks = (executable: Executable, place?: MaskPlace) =>
      dropoutMasks(executable, config.dropout, seed, step, place);
    // Compiled before the clock starts.
    await execution.prepare(batch);
    const started = performance.now();
    const { lossNats, weightSum, gradients } = await execution.step(state.model, batch, masks);
    const gradientNorm = globalNorm(gradients);
    if (!Number.isFinite(lossNats) || !Number.isFinite(gradientNorm)) {
      throw new TrainingError(
        `train: the loss must stay finite, got loss ${lossNats} with gradient norm ${gradientNorm} at step ${step + 1}; ` +
          "lower learningRate or lengthen warmupSteps, and start again or resume from the last checkpoint",
      );
    }
    const clipped = training.clipNorm > 0 && gradientNorm > training.clipNorm;
    const learningRate = learningRateAt(step, training);
    adamW(parameters, gradients, moments, step + 1, clipped ? training.clipNorm / gradientNorm : 1, {
      ...training,
      learningRate,
    });
    const seconds = (performance.now() - started) / 1000;
    const tokens = state.trainerState.tokens + weightSum;
    const elapsedSeconds = state.trainerState.elapsedSeconds + seconds;
    state = { ...state, step: step + 1, trainerState: { tokens, elapsedSeconds } };
    await options.onStep?.({
      step: state.step,
      totalSteps: steps,
      lossNats,
      learningRate,
      gradientNorm,
      tokens,
      tokensPerSecond: weightSum / seconds,
      elapsedSeconds,
    });
    const last = state.step === steps;
    if (validation.length > 0 && (last || state.step % training.evalInterval === 0)) {
      await options.onEvaluation?.(state.step, await evaluator.evaluate(state.model, validation));
    }
    if (!last && state.step % training.checkpointInterval === 0) await checkpoint();
    await pause();
  }
  const interrupted = state.step < steps;
  await checkpoint();
  return { state, interrupted };
}

/** A turn of the event loop, so that signals and timers are heard between steps: the engine blocks while it runs. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/**
 * The masks of a step: drawn here, not in the graph, so that a seed drops the same entries on every device, and by their numbers in
 * the whole model, so that they are the same block by block.
 */
function dropoutMasks(
  executable: Executable,
  rate: number,
  seed: number,
  step: number,
  { part, first = 0 }: MaskPlace = {},
): Record<string, Uint8Array> {
  const path = part === undefined ? [step] : [step, part];
  return Object.fromEntries(
    dropoutInputs(executable).map(({ name, number, size }) => [
      name,
      fillKeepMask(createRandom(seed, "dropout", ...path, `dropout.${first + number}`), new Uint8Array(size), rate),
    ]),
  );
}

/** Updates happen in place: what goes in or out of the loop is a copy. */
function copyState(state: TrainingState): TrainingState {
  const copy = (arrays: Named<NdArray>) =>
    Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, { ...array, data: array.data.slice() }]));
  return { ...state, model: copy(state.model), optimizer: copy(state.optimizer) };
}

function pick(arrays: Named<NdArray>, names: readonly string[]): Record<string, NdArray> {
  return Object.fromEntries(Object.entries(arrays).filter(([name]) => names.includes(name)));
}

function flattenMoments({ first, second }: Moments): Record<string, NdArray> {
  const prefixed = (prefix: string, arrays: Named<NdArray>) =>
    Object.entries(arrays).map(([name, array]) => [`${prefix}.${name}`, array] as const);
  return Object.fromEntries([...prefixed("first", first), ...prefixed("second", second)]);
}

function unflattenMoments(arrays: Named<NdArray>, names: readonly string[]): Moments {
  const ofKind = (kind: string) =>
    Object.fromEntries(
      names.map((name) => {
        const array = arrays[`${kind}.${name}`];
        if (array === undefined) {
          throw new TrainingError(
            `train: the optimizer state must hold '${kind}.${name}', got nothing; it belongs to another model`,
          );
        }
        return [name, array] as const;
      }),
    );
  return { first: ofKind("first"), second: ofKind("second") };
}
