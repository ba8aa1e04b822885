/**
 * How a run is fine-tuned: what the command line says, what follows from the labels, and the defaults with their
 * reasons.
 */

import { problem } from "../../graph/errors.ts";
import { planLabelledTraining, type LabelledDataset, type LabelTask } from "../../data/index.ts";
import { roundTo, variance } from "../../statistics/index.ts";
import type { ModelConfig, ModelOptions } from "../../model/config.ts";
import { trainingConfig, type TrainingConfig, type TrainingOptions } from "../../training/config.ts";
import { UsageError } from "../usage.ts";
import { parseSettings } from "../recipe.ts";
import type { EngineOptions } from "../engine-options.ts";

export interface FinetuneOptions extends EngineOptions {
  /** A table of labelled sequences: CSV, TSV, JSON lines or Parquet. */
  readonly data: string;
  /** The column of a table that holds the sequences. Default: `sequence`, else `text`. */
  readonly sequenceColumn?: string;
  /** The column of a table that holds the labels. Default: `label`. */
  readonly labelColumn?: string;
  /** What is learnt. Default: what the labels suggest, else the next token. */
  readonly task?: LabelTask;
  /** true: all but the new output layer. */
  readonly freeze?: boolean;
  /** Freeze the first so many blocks. Default: none. */
  readonly freezeLayers?: number;
  /** How often the training data are read. */
  readonly epochs?: number;
  /** The number of steps. */
  readonly steps?: number;
  /** The peak learning rate. */
  readonly learningRate?: number;
  /** Sequences in a batch. */
  readonly batch?: number;
  /** Ends training after so many evaluations without improvement. Default 0: never. */
  readonly patience?: number;
  /** Same seed, same result. Default 0. */
  readonly seed?: number;
  /** Settings as `--set` writes them: `training.steps=100`. Default: none. */
  readonly set?: readonly string[];
  /** A new or empty folder for the run. Default: the next free one below `runs/`. */
  readonly out?: string;
  /** Start even a run that is estimated not to fit into memory. Default false. */
  readonly ignoreMemory?: boolean;
}

/** Passes over the training data at most; patience mostly ends training before. */
export const DEFAULT_EPOCHS = 20;
/** Evaluations, one an epoch, without a lower validation loss. */
export const DEFAULT_PATIENCE = 5;
/** A third of the default from scratch: the body is to be bent, not forgotten. */
export const DEFAULT_LEARNING_RATE = 3e-4;
/** A new output layer alone has nothing to lose: it starts from nothing and is linear. */
export const DEFAULT_HEAD_LEARNING_RATE = 1e-2;
/** Half the default from scratch: tables of labels are small, and more and smaller steps make more of an epoch. */
export const DEFAULT_BATCH = 2048;
/** Evaluating more often than this would take longer than training. */
const FEWEST_STEPS_BETWEEN_EVALUATIONS = 10;

/** Model settings that may change: all others decide weights, which come from the run. */
const modelKeys: readonly string[] = ["pooling", "dropout"] satisfies (keyof ModelOptions)[];

export interface FinetuneSettings {
  /** The settings of the model that fine-tuning may change. */
  readonly model: Partial<Pick<ModelConfig, "pooling" | "dropout">>;
  /** Gives the complete configuration, once the data are known. */
  readonly training: (labelled: LabelledDataset, maxSeqLen: number) => TrainingConfig;
}

/** @throws UsageError for settings that exclude each other, and such as the run has decided */
export function readSettings(options: FinetuneOptions): FinetuneSettings {
  const changes = (options.set ?? []).flatMap(parseSettings);
  const refused = changes.find(
    ({ section, key }) => section !== "training" && !(section === "model" && modelKeys.includes(key)),
  );
  if (refused !== undefined) {
    const { section, key } = refused;
    throw new UsageError(
      section === "data"
        ? problem`--set data.${key} cannot be set: the vocabulary is that of the run, and the rest has options of its own; see --help`
        : problem`--set model.${key} cannot be set: the body is that of the run; only ${modelKeys.map((each) => `model.${each}`).join(", ")} can`,
    );
  }
  const { freeze, freezeLayers, epochs, steps, learningRate, batch, patience, seed } = options;
  if (freeze === true && freezeLayers !== undefined) {
    throw new UsageError(
      problem`--freeze and --freeze-layers must not come together, got both; --freeze freezes all layers`,
    );
  }
  if (epochs !== undefined && steps !== undefined) {
    throw new UsageError(problem`--epochs and --steps must not come together, for both say how long; leave one out`);
  }
  const ofSection = (wanted: string) =>
    Object.fromEntries(changes.flatMap(({ section, key, value }) => (section === wanted ? [[key, value]] : [])));
  const flags = {
    ...(freeze === true ? { freeze: "body" } : freezeLayers !== undefined && { freeze: freezeLayers }),
    ...(steps !== undefined && { steps }),
    ...(learningRate !== undefined && { learningRate }),
    ...(batch !== undefined && { tokensPerBatch: batch }),
    ...(patience !== undefined && { patience }),
    ...(seed !== undefined && { seed }),
  };
  // trainingConfig checks every key; its type is for callers who write the options down.
  const given = { ...ofSection("training"), ...flags } as TrainingOptions;
  return {
    model: ofSection("model"),
    training: (labelled, maxSeqLen) => completeTraining(given, epochs ?? DEFAULT_EPOCHS, labelled, maxSeqLen),
  };
}

function completeTraining(
  given: TrainingOptions,
  epochs: number,
  labelled: LabelledDataset,
  maxSeqLen: number,
): TrainingConfig {
  const canWait = labelled.splits.valid.length > 0;
  if (!canWait && (given.patience ?? 0) > 0) {
    throw new UsageError(
      problem`--patience must come with validation sequences, got ${given.patience} and none; leave it out, or name some
      in a column 'split'`,
    );
  }
  const isHeadAlone = given.freeze === "body";
  const wished = trainingConfig({
    tokensPerBatch: DEFAULT_BATCH,
    learningRate: isHeadAlone ? DEFAULT_HEAD_LEARNING_RATE : DEFAULT_LEARNING_RATE,
    patience: canWait ? DEFAULT_PATIENCE : 0,
    // The body has learnt with the features that it has.
    redrawInterval: 0,
    ...(labelled.task === "regression" && { clipNorm: clipNormFor(labelled) }),
    ...given,
  });
  const { batchesPerEpoch } = planLabelledTraining({
    sequences: labelled.splits.train,
    task: labelled.task,
    vocabulary: labelled.vocabulary,
    maxSeqLen,
    tokensPerBatch: wished.tokensPerBatch,
    bucketStep: wished.bucketStep,
    seed: wished.seed,
  });
  const { warmupSteps: _derived, ...rest } = wished;
  return trainingConfig({
    ...rest,
    steps: given.steps ?? epochs * batchesPerEpoch,
    evalInterval: given.evalInterval ?? Math.max(FEWEST_STEPS_BETWEEN_EVALUATIONS, batchesPerEpoch),
    ...(given.warmupSteps !== undefined && { warmupSteps: given.warmupSteps }),
  });
}

/** The default in units of the labels' variance, in which errors, and with them gradients, are. */
function clipNormFor({ splits }: LabelledDataset): number {
  return roundTo(trainingConfig().clipNorm * variance(splits.train.map(({ label }) => label)), 4);
}
