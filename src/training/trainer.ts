/**
 * The training loop: loss and gradients by the engine, AdamW on typed arrays, everything else by the step number alone.
 */
import { ConfigError, problem, PerformerError, type PerformerErrorOptions, type Problem } from "../graph/errors.ts";
import type { NdArray } from "../graph/ndarray.ts";
import type { ModelConfig } from "../model/config.ts";
import { drawProjections, initialParameters, projectionShapes, type Named } from "../model/parameters.ts";
import { checkTensors } from "../model/tensors.ts";
import { createRandom, fillKeepMask } from "../random/index.ts";
import type { Backend, Executable } from "../runtime/backend.ts";
import type { Batch, BatchSource } from "../data/batch.ts";
import type { TrainingConfig } from "./config.ts";
import { createExecution } from "./choose-execution.ts";
import { createBestKeeper, type BestSoFar } from "./early-stopping.ts";
import { evaluatorWith, type EvaluationResult } from "./evaluate.ts";
import type { Execution, MaskPlace } from "./execution.ts";
import { pickNames, trainableNames, type Freeze } from "./freeze.ts";
import { dropoutInputs } from "./graphs.ts";
import { adamW, globalNorm, initialMoments, type Moments } from "./optimizer.ts";
import { learningRateAt } from "./schedule.ts";

/** Everything a run needs to go on as if it had never stopped. */
export interface TrainingState {
  /** Updates done. */
  readonly step: number;
  /** Weights and projections. */
  readonly model: Record<string, NdArray>;
  /**
   * Moments of the weights that are trained, as `first.<name>` and `second.<name>`; with patience the best weights and
   * projections so far, as `best.<name>`.
   */
  readonly optimizer: Record<string, NdArray>;
  readonly trainerState: {
    readonly tokens: number;
    readonly elapsedSeconds: number;
    /** With patience, from the first evaluation on. */
    readonly best?: BestSoFar | undefined;
  };
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
  /** The time of training alone, without evaluations and checkpoints; resumed runs add up. */
  readonly elapsedSeconds: number;
}

export interface TrainOptions {
  /** The model's configuration. */
  readonly config: ModelConfig;
  /** The training configuration; see `trainingConfig`. */
  readonly training: TrainingConfig;
  /** Where graphs run; see `createBackend`. */
  readonly backend: Backend;
  /** Compiled graphs to use, and to leave as they are at the end. Default: the run's own, of `training`. */
  readonly execution?: Execution;
  /** The training batches, by the number of the step. */
  readonly batches: BatchSource;
  /** Names of the weights that are trained. Default: those of `training.freeze`. */
  readonly trained?: readonly string[];
  /** Validation batches; none: no evaluation. */
  readonly validation?: Iterable<Batch> & { readonly length: number };
  /** Where to go on from. Default: fresh weights from `training.seed`. */
  readonly initial?: TrainingState;
  /** Ends the run after the step in progress, with a checkpoint. */
  readonly signal?: AbortSignal;
  /** Called after each step. Default: not called. */
  readonly onStep?: (progress: TrainingProgress) => void | Promise<void>;
  /** Called after each evaluation of the validation data. Default: not called. */
  readonly onEvaluation?: (step: number, result: EvaluationResult) => void | Promise<void>;
  /** Called with a copy of the state at every checkpoint. Default: not called. */
  readonly onCheckpoint?: (state: TrainingState) => void | Promise<void>;
}

export interface TrainingOutcome {
  /** The final state; with `patience`, the weights of the best evaluation. */
  readonly state: TrainingState;
  readonly interrupted: boolean;
}

/** A run that cannot go on; what was saved before is untouched. */
export class TrainingError extends PerformerError {
  override readonly name = "TrainingError";

  constructor(problems: Problem | readonly Problem[], options?: PerformerErrorOptions) {
    super(problems, "ERR_TRAINING", options);
  }
}

/** The state before the first update, with fresh weights. */
export function initialState(config: ModelConfig, seed: number): TrainingState {
  return stateFrom(config, { ...initialParameters(config, seed), ...drawProjections(config, seed, 0) });
}

/**
 * The state before the first update, from given weights.
 *
 * @param model weights and projections
 * @param freeze as in the training's configuration: what is frozen has no moments
 * @param trained names of the weights that are trained; default: those that are not frozen
 */
export function stateFrom(
  config: ModelConfig,
  model: Record<string, NdArray>,
  freeze: Freeze = "none",
  trained = trainableNames(config, freeze),
): TrainingState {
  const moments = initialMoments(pickNames(model, trained));
  return { step: 0, model, optimizer: flattenMoments(moments), trainerState: { tokens: 0, elapsedSeconds: 0 } };
}

/**
 * Trains a model.
 *
 * Weights, projections, batches and dropout masks of a step depend on the seed and the step number only, so a run that
 * is resumed from a state is bit-identical to one that never stopped (same machine, same thread count).
 *
 * @throws TrainingError when the loss is no longer finite
 * @throws ConfigError when the initial state does not belong to the configuration, and for patience without validation
 *   batches
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
  if (training.patience > 0 && validation.length === 0) {
    throw new ConfigError(
      problem`train: patience must come with validation data, got ${training.patience} and none; set it to 0, or hold
      sequences out`,
    );
  }
  const evaluator = evaluatorWith(execution);

  const names = options.trained ?? trainableNames(config, training.freeze);
  const parameters = pickNames(state.model, names);
  const moments = unflattenMoments(state.optimizer, names);
  const known = { best: state.trainerState.best, arrays: state.optimizer };
  const keeper = createBestKeeper(training.patience, known, [...names, ...Object.keys(projectionShapes(config))]);
  const isDone = () => state.step >= steps || keeper.isOver();
  const checkpoint = async () => options.onCheckpoint?.(copyState(state));

  while (!isDone() && signal?.aborted !== true) {
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
        problem`train: the loss must stay finite, got loss ${lossNats} with gradient norm ${gradientNorm} at step
        ${step + 1}; lower learningRate or lengthen warmupSteps, and start again or resume from the last checkpoint`,
        { code: "ERR_DIVERGED" },
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
    state = { ...state, step: step + 1, trainerState: { ...state.trainerState, tokens, elapsedSeconds } };
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
      const result = await evaluator.evaluate(state.model, validation);
      keeper.note(state.step, result.lossNats, state.model);
      const best = keeper.best();
      state = {
        ...state,
        optimizer: { ...flattenMoments(moments), ...keeper.arrays() },
        trainerState: { ...state.trainerState, ...(best && { best }) },
      };
      await options.onEvaluation?.(state.step, result);
    }
    if (!isDone() && state.step % training.checkpointInterval === 0) await checkpoint();
    await pause();
  }
  if (isDone()) state = { ...state, model: { ...state.model, ...keeper.weights() } };
  await checkpoint();
  return { state, interrupted: !isDone() };
}

/** A turn of the event loop, so that signals and timers are heard between steps: the engine blocks while it runs. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/**
 * The masks of a step: drawn here, not in the graph, so that a seed drops the same entries on every device, and by
 * their numbers in the whole model, so that they are the same block by block.
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
            problem`train: the optimizer state must hold '${kind}.${name}', got nothing; it belongs to another model`,
          );
        }
        return [name, array] as const;
      }),
    );
  return { first: ofKind("first"), second: ofKind("second") };
}
