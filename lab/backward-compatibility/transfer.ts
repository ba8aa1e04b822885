/** A Transformer is trained, its weights are moved into Performers, and these are trained on: accuracy by step. */

import { createBackend } from "performer-ts";
import type { MechanismChoice } from "performer-ts/attention";
import { calibrateAttention, convertModel, type ConvertibleModel } from "performer-ts/convert";
import type { ModelConfig } from "performer-ts/model";
import {
  createExecution,
  evaluatorWith,
  initialState,
  stateFrom,
  train,
  trainingConfig,
  type EvaluationResult,
  type Execution,
  type TrainingOptions,
} from "performer-ts/training";
import type { Subject } from "../training-runs/subject.ts";

/** What takes the place of exact attention. */
export interface Arm {
  readonly label: string;
  /** Null leaves exact attention: a control that tells what further training gives by itself. */
  readonly mechanism: MechanismChoice | null;
  /** Whether queries and keys are first written in the basis of `calibrateAttention`. */
  readonly calibrated: boolean;
}

export interface TransferSetting {
  /** With exact attention. */
  readonly config: ModelConfig;
  readonly subject: Pick<Subject, "batches" | "test">;
  readonly seed: number;
  readonly steps: number;
  /**
   * Shares of these steps that fine-tuning may take; each is a run of its own, with its own decay of the learning rate.
   */
  readonly budgets: readonly number[];
  readonly arms: readonly Arm[];
  readonly training: TrainingOptions;
  /** Peak of fine-tuning; that of the original training is in `training`. */
  readonly fineTuningRate: number;
  /** Held-out evaluations of each run, of the original training and of fine-tuning. */
  readonly evaluations: { readonly original: number; readonly fineTuning: number };
  readonly onStep: (what: string) => void;
}

export interface Point {
  readonly step: number;
  /** Share of right predictions of the test split. */
  readonly accuracy: number;
  readonly lossNats: number;
}

export interface Run {
  readonly label: string;
  readonly seed: number;
  /** The steps of the whole run, which decide its learning rates. */
  readonly steps: number;
  /** The first point is before the first step. */
  readonly curve: readonly Point[];
}

export interface Transfer {
  readonly transformer: Run;
  /** A Performer without the Transformer's weights, trained as the Transformer was. */
  readonly scratch: Run;
  /** For each arm a run for each budget. */
  readonly moved: readonly Run[];
}

const TRANSFORMER = "Transformer";
const SCRATCH = "FAVOR+, from scratch";

/** Other batches than those of the original training. */
const FINE_TUNING_SEED = 1000;
/** Batches whose rows are calibrated on. */
const CALIBRATION_BATCHES = 8;

/** Steps that `transfer` takes in all. */
export function countSteps({ steps, budgets, arms }: Pick<TransferSetting, "steps" | "budgets" | "arms">): number {
  return 2 * steps + arms.length * budgets.reduce((sum, budget) => sum + stepsOf(budget, steps), 0);
}

export function stepsOf(budget: number, steps: number): number {
  return Math.max(1, Math.round(budget * steps));
}

export async function transfer(setting: TransferSetting): Promise<Transfer> {
  const { config, seed, steps, budgets, arms, subject } = setting;
  const fresh = (its: ModelConfig): ConvertibleModel => ({ config: its, tensors: initialState(its, seed).model });
  const backend = createBackend();
  const rate = setting.training.learningRate;
  const follow = async (label: string, start: ConvertibleModel, lengths: readonly number[], tuned: boolean) => {
    const options = { ...setting.training, learningRate: tuned ? setting.fineTuningRate : rate };
    // One compiled model serves all runs of an arm.
    await using execution = createExecution(start.config, backend, trainingConfig(options));
    const runs: { readonly run: Run; readonly model: ConvertibleModel }[] = [];
    for (const length of lengths) {
      runs.push(await followOne(setting, execution, { label, start, steps: length, tuned, options }));
    }
    return runs;
  };
  const [transformer] = await follow(TRANSFORMER, fresh(config), [steps], false);
  const [scratch] = await follow(SCRATCH, fresh({ ...config, mechanism: "favor" }), [steps], false);
  if (transformer === undefined || scratch === undefined) throw new RangeError("transfer: both must have been trained");
  const original = transformer.model;
  const calibrated = arms.some((arm) => arm.calibrated)
    ? await calibrateAttention({ ...original, tokenIds: examples(subject, seed, config.padId), backend })
    : original.tensors;
  const moved: Run[] = [];
  for (const { label, mechanism, calibrated: isCalibrated } of arms) {
    const source = isCalibrated ? { config, tensors: calibrated } : original;
    const start = mechanism === null ? source : convertModel(source, { mechanism, seed });
    const lengths = budgets.map((budget) => stepsOf(budget, steps));
    for (const { run } of await follow(label, start, lengths, true)) moved.push(run);
  }
  return { transformer: transformer.run, scratch: scratch.run, moved };
}

interface Follow {
  readonly label: string;
  readonly start: ConvertibleModel;
  readonly steps: number;
  readonly tuned: boolean;
  readonly options: TrainingOptions;
}

/** Trains from given weights, and tells the accuracy before the first step and on the way. */
async function followOne(
  { seed, subject, evaluations, onStep }: TransferSetting,
  execution: Execution,
  { label, start: { config, tensors }, steps, tuned, options }: Follow,
): Promise<{ readonly run: Run; readonly model: ConvertibleModel }> {
  // Disposing of this evaluator would dispose of the execution, which serves further runs.
  const evaluator = evaluatorWith(execution);
  const curve = [pointOf(0, await evaluator.evaluate(tensors, subject.test))];
  const training = trainingConfig({
    ...options,
    seed,
    steps,
    evalInterval: Math.max(1, Math.ceil(steps / (tuned ? evaluations.fineTuning : evaluations.original))),
    checkpointInterval: steps,
    // No projection changes while accuracies are compared.
    redrawInterval: 0,
  });
  const { state } = await train({
    config,
    training,
    backend: createBackend(),
    execution,
    initial: stateFrom(config, { ...tensors }),
    batches: subject.batches(tuned ? FINE_TUNING_SEED + seed : seed),
    validation: subject.test,
    onStep: () => onStep(`${label}, seed ${seed}`),
    onEvaluation: (step, result) => void curve.push(pointOf(step, result)),
  });
  return { run: { label, seed, steps, curve }, model: { config, tensors: state.model } };
}

function pointOf(step: number, { accuracy, lossNats }: EvaluationResult): Point {
  return { step, accuracy, lossNats };
}

/** Rows of training batches, without their padding. */
function examples({ batches }: Pick<Subject, "batches">, seed: number, padId: number): readonly number[][] {
  const source = batches(FINE_TUNING_SEED + seed);
  return Array.from({ length: CALIBRATION_BATCHES }, (_, index) => source.batchAt(index)).flatMap(
    ({ batchSize, seqLen, inputIds }) =>
      Array.from({ length: batchSize }, (_, row) =>
        Array.from(inputIds.subarray(row * seqLen, (row + 1) * seqLen)).filter((id) => id !== padId),
      ),
  );
}
