// From what the command line asks for to a run that is ready to train: a new one, or one that is resumed.

import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";

import { z } from "zod";

import { getSplit } from "../data/index.ts";
import { DataError } from "../data/errors.ts";
import { formatShape, sameShape } from "../graph/shape.ts";
import { parameterShapes } from "../model/parameters.ts";
import { pickNames, trainableNames } from "../training/freeze.ts";
import { checkTensors } from "../model/tensors.ts";
import { ConfigError, parseOptions } from "../attention/parse-options.ts";
import { readLatestCheckpoint } from "../storage/checkpoints.ts";
import type { Checkpoint } from "../storage/checkpoints.ts";
import { StorageError } from "../storage/errors.ts";
import { truncateMetrics } from "../storage/metrics.ts";
import { defaultDevice } from "../runtime/node.ts";
import { nextFreePath } from "../storage/new-folder.ts";
import { createRunFolder, openRunFolder, requireNewRunFolder, writeConfig } from "../storage/run-folder.ts";
import { trainingConfig } from "../training/config.ts";
import type { TrainingConfig } from "../training/config.ts";
import { stateFrom } from "../training/trainer.ts";
import type { TrainingState } from "../training/trainer.ts";
import { digestOf, loadData } from "./dataset.ts";
import type { RunDataset } from "./dataset.ts";
import type { DataSource } from "./data/source.ts";
import { asUsage, UsageError } from "./usage.ts";
import type { Settings } from "./recipe.ts";
import { requested } from "./request.ts";
import type { MemoryOptions, NewRunOptions, Requested } from "./request.ts";
import {
  architectures,
  checkRecipe,
  decidedBy,
  knownData,
  packageVersion,
  readRunConfig,
  unlabelledTask,
} from "./run-config.ts";
import type { RunConfig } from "./run-config.ts";
import { parseSetting } from "./settings.ts";
import { dataFor, openStart, settingsFrom } from "./start-from.ts";
import type { StartingModel } from "./start-from.ts";
import type { TrainingRun } from "./training-run.ts";
import type { EngineOptions } from "./engine-options.ts";
import type { OnEvent } from "./events.ts";

/** Folder in which runs without `--out` are put, below the working directory. */
const RUNS_FOLDER = "runs";

/**
 * Checks everything and reads the data; nothing is written before the run begins.
 *
 * @param recipeName default: the one for the kind of data
 * @throws UsageError, ConfigError, DataError or StorageError about the first thing that is wrong
 */
export async function prepareNewRun(recipeName: string | undefined, options: NewRunOptions, onEvent?: OnEvent): Promise<TrainingRun> {
  const { out, init } = options;
  const asked = await requested(recipeName, options);
  if (out !== undefined) await requireNewRunFolder(out);
  const { recipe } = asked;
  const { source, dataset, classNames, model, training, start } =
    init === undefined ? await fromNothing(asked, onEvent) : await fromModel(init, asked, options, onEvent);
  getSplit(dataset, "train");
  const { vocabulary, task } = dataset;
  const config: RunConfig = {
    model_type: "performer",
    architectures: [architectures[task]],
    name: recipe.name,
    model,
    training,
    data: { name: dataset.name, ...source, task, digest: digestOf(dataset) },
    vocabulary: vocabulary.toJSON(),
    classNames,
    engine: { device: options.device ?? defaultDevice(), threads: options.threads ?? availableParallelism() },
    ...(start !== undefined && { base: start.base }),
    version: await packageVersion(),
  };
  return {
    config,
    dataset,
    ...(start !== undefined && { initial: stateFrom(model, { ...start.tensors }, training.freeze) }),
    ignoreMemory: options.ignoreMemory === true,
    begin: async () => {
      const folder = await createRunFolder(out ?? (await nextFreePath(join(RUNS_FOLDER, recipe.name))));
      await writeConfig(folder, config);
      return folder;
    },
  };
}

/** What a run consists of beside its folder and its engine. */
interface Beginning extends ReturnType<typeof checkRecipe> {
  readonly source: DataSource;
  readonly dataset: RunDataset;
  readonly classNames: readonly string[];
  /** The model that it goes on from. */
  readonly start?: StartingModel;
}

async function fromNothing({ recipe, source }: Requested, onEvent?: OnEvent): Promise<Beginning> {
  const dataset = await asUsage(() => loadData(source, { unlabelled: unlabelledTask(recipe.model), onEvent }));
  const { vocabulary, task } = dataset;
  const classNames = dataset.labelled?.classNames ?? [];
  const settings = await asUsage(() => checkRecipe(recipe, decidedBy({ vocabulary, task, classNames })));
  return { source, dataset, classNames, ...settings };
}

async function fromModel(init: string, asked: Requested, engine: EngineOptions, onEvent?: OnEvent): Promise<Beginning> {
  const start = await openStart(init, engine, onEvent);
  const settings = await asUsage(() => {
    const checked = settingsFrom(start, asked);
    trainableNames(checked.model, checked.training.freeze);
    return checked;
  });
  const { source, dataset } = await asUsage(() => dataFor(start, asked, onEvent));
  const { run, task } = start.base;
  const from = `weights: ${run} (task ${task})`;
  const notice = dataset.notice === undefined ? from : `${from}\n${dataset.notice}`;
  return { source, dataset: { ...dataset, notice }, classNames: start.known.classNames, start, ...settings };
}

/**
 * Refuses to go on with a run when the command line asks for another model or training than the run has: for a command that is
 * given again as it was, with `--resume` added.
 *
 * @throws UsageError naming the first setting that differs, with both values
 */
export async function requireSameRun(
  path: string,
  recipeName: string | undefined,
  options: NewRunOptions,
): Promise<void> {
  const stored = await readRunConfig(await openRunFolder(path));
  const asked = await requested(recipeName, options);
  const { recipe, source } = asked;
  const start = options.init === undefined ? undefined : await openStart(options.init, options);
  const { model, training } = await asUsage(() =>
    start === undefined ? checkRecipe(recipe, decidedBy(knownData(stored))) : settingsFrom(start, asked),
  );
  for (const [section, wanted, present] of [
    ["model", model, stored.model],
    ["training", training, stored.training],
    ["data", encodingOf(source), stored.data],
  ] as const) {
    const values = new Map<string, unknown>(Object.entries(present));
    for (const [key, value] of Object.entries(wanted)) {
      if (isDeepStrictEqual(values.get(key), value)) continue;
      throw new UsageError(
        `--resume: ${section}.${key} is ${JSON.stringify(values.get(key))} in ${path}, got ${JSON.stringify(value)}; ` +
          "give the command as it began the run, give --resume and the folder alone, or start a new run",
      );
    }
  }
}

/** What is asked for of how data are read; where they are may change. */
function encodingOf({ source: _source, path: _path, ...encoding }: DataSource): Settings {
  return Object.fromEntries(Object.entries(encoding).filter(([, value]) => value !== undefined));
}

export interface ResumeOptions extends EngineOptions, MemoryOptions {
  /** Where the data are now, when they have been moved. */
  readonly data?: string;
  readonly fasta?: string;
  readonly set?: readonly string[];
}

/**
 * Takes up a run where its newest checkpoint left it.
 *
 * @throws UsageError when a setting is asked for that would change what has been trained already
 * @throws StorageError when there is no run or no whole checkpoint; DataError when the data are not those of the run
 */
export async function prepareResumedRun(path: string, options: ResumeOptions, onEvent?: OnEvent): Promise<TrainingRun> {
  const folder = await openRunFolder(path);
  const before = await readRunConfig(folder);
  const checkpoint = await readLatestCheckpoint(folder);
  if (checkpoint === undefined) {
    throw new StorageError(
      `${path}: a run must have a checkpoint to be resumed, and this one was stopped before its first; ` +
        `start again with another --out.`,
    );
  }
  checkTensors(before.model, checkpoint.model, join(checkpoint.path, "model.safetensors"));
  checkMoments(before, checkpoint);
  const state = toTrainingState(checkpoint);
  const training = await asUsage(() => extendTraining(before.training, options.set ?? [], state));
  const data = { ...before.data, ...movedTo(before.data, options) };
  const dataset = await loadData(data, { known: knownData(before), onEvent });
  if (digestOf(dataset, data.digest) !== data.digest) {
    throw new DataError({
      who: data.path ?? dataset.name,
      rule: "a resumed run must go on with the sequences that it began with",
      got: "other ones",
      fix: "restore the file, or name it with --data where it is now; for other sequences, start a new run",
    });
  }
  const { device = before.engine.device, threads = before.engine.threads } = options;
  const config: RunConfig = { ...before, training, data, engine: { device, threads } };
  return {
    config,
    dataset,
    initial: state,
    ignoreMemory: options.ignoreMemory === true,
    begin: async () => {
      await writeConfig(folder, config);
      await truncateMetrics(folder, checkpoint.step);
      return folder;
    },
  };
}

/** Where the data of a resumed run are now. */
function movedTo(own: RunConfig["data"], { data, fasta }: ResumeOptions): { readonly path?: string } {
  if (data !== undefined && data === (own.source ?? (own.path === undefined ? "proteins" : undefined))) return {};
  const path = fasta ?? data;
  return path === undefined ? {} : { path: resolve(path) };
}

/** What a resumed run may be given anew. */
const CHANGEABLE: readonly string[] = ["steps", "gradientCheckpointing"];

/**
 * The number of steps can change where it does not decide the learning rate of the steps before; and gradient checkpointing, which
 * decides where a step's memory goes, not what it computes but for rounding.
 */
function extendTraining(
  before: TrainingConfig,
  settings: readonly string[],
  { step, trainerState }: TrainingState,
): TrainingConfig {
  let changed = before;
  for (const { section, key, value } of settings.map(parseSetting)) {
    if (section !== "training" || !CHANGEABLE.includes(key)) {
      throw new UsageError(
        `--set ${section}.${key} would change what has been trained already; with --resume only ` +
          `${CHANGEABLE.map((each) => `training.${each}`).join(" and ")} can be set; start a new run for the rest`,
      );
    }
    // Checked like any other: trainingConfig refuses what the key cannot be.
    changed = trainingConfig({ ...changed, [key]: value });
  }
  const { steps } = changed;
  if (steps !== before.steps && before.schedule !== "constant") {
    throw new UsageError(
      `--set training.steps=${steps} would change the learning rate of the steps before, because the schedule ` +
        `'${before.schedule}' ends at step ${before.steps}; leave it out, or start a run with training.schedule=constant`,
    );
  }
  const sinceBest = trainerState.best?.evaluationsSince ?? 0;
  if (steps !== before.steps && before.patience > 0 && (step >= before.steps || sinceBest >= before.patience)) {
    throw new UsageError(
      `--set training.steps=${steps} would go on from the best weights, with which a run with training.patience ends, not from the last; ` +
        "leave it out, or start a new run",
    );
  }
  if (steps < step) {
    throw new UsageError(
      `--set training.steps must be at least ${step}, the step of the newest checkpoint, got ${steps}; leave it out to finish the run`,
    );
  }
  return changed;
}

/** The optimizer's moments have the shapes of the weights that they belong to. */
function checkMoments({ model, training }: RunConfig, { optimizer, path }: Checkpoint): void {
  const file = join(path, "optimizer.safetensors");
  const trained = pickNames(parameterShapes(model), trainableNames(model, training.freeze));
  for (const [name, { shape }] of Object.entries(trained)) {
    for (const moment of [`first.${name}`, `second.${name}`]) {
      const found = optimizer[moment];
      if (found !== undefined && sameShape(found.shape, shape)) continue;
      const got = found === undefined ? "nothing" : formatShape(found.shape);
      throw new ConfigError(
        `${file}: tensor '${moment}' must be ${formatShape(shape)}, got ${got}; it belongs to another model, restore the ` +
          `checkpoint from a copy, or start a new run`,
      );
    }
  }
}

const trainerStateSchema = z.object({
  tokens: z.number(),
  elapsedSeconds: z.number(),
  best: z.object({ step: z.int(), lossNats: z.number(), evaluationsSince: z.int() }).optional(),
});

function toTrainingState({ step, model, optimizer, trainerState, path }: Checkpoint): TrainingState {
  const state = parseOptions(join(path, "trainer_state.json"), trainerStateSchema, trainerState);
  return { step, model, optimizer, trainerState: state };
}
