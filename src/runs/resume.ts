/** A run that was interrupted, or is to go on, from its newest checkpoint. */

import { join, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";

import { ConfigError, problem } from "../graph/errors.ts";
import { DataError } from "../data/errors.ts";
import { formatShape, sameShape } from "../graph/shape.ts";
import { parameterShapes } from "../model/parameters.ts";
import { checkTensors } from "../model/tensors.ts";
import { readLatestCheckpoint, type Checkpoint } from "../storage/checkpoints.ts";
import { StorageError } from "../storage/errors.ts";
import { truncateMetrics } from "../storage/metrics.ts";
import { openRunFolder, writeConfig } from "../storage/run-folder.ts";
import { trainingConfig, type TrainingConfig } from "../training/config.ts";
import { pickNames, trainableNames } from "../training/freeze.ts";
import { stateFromCheckpoint } from "../training/checkpoint-state.ts";
import type { TrainingState } from "../training/trainer.ts";
import type { DataSource } from "./data/source.ts";
import { digestOf, loadData } from "./dataset.ts";
import type { EngineOptions } from "./engine-options.ts";
import type { OnEvent } from "./events.ts";
import { requested, type MemoryOptions, type NewRunOptions } from "./new-run.ts";
import { parseSettings, type Settings } from "./recipe.ts";
import { checkRecipe, decidedBy, knownData, readRunConfig, type RunConfig } from "./run-config.ts";
import { openStart, settingsFrom } from "./start-from.ts";
import type { TrainingRun } from "./training-run.ts";
import { asUsage, UsageError } from "./usage.ts";

/**
 * Refuses to go on with a run when the command line asks for another model or training than the run has: for a command
 * that is given again as it was, with `--resume` added.
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
        problem`--resume: ${section}.${key} is ${JSON.stringify(values.get(key))} in ${path}, got
        ${JSON.stringify(value)}; give the command as it began the run, give --resume and the folder alone, or start a
        new run`,
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
  /** A FASTA file of proteins, plain or gzip. Default: none. */
  readonly fasta?: string;
  /** Settings as `--set` writes them: `training.steps=100`. Default: none. */
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
      problem`${path}: a run must have a checkpoint to be resumed, and this one was stopped before its first; start
      again with another --out.`,
    );
  }
  checkTensors(before.model, checkpoint.model, join(checkpoint.path, "model.safetensors"));
  checkMoments(before, checkpoint);
  const state = stateFromCheckpoint(checkpoint);
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
 * The number of steps can change where it does not decide the learning rate of the steps before; and gradient
 * checkpointing, which decides where a step's memory goes, not what it computes but for rounding.
 */
function extendTraining(
  before: TrainingConfig,
  settings: readonly string[],
  { step, trainerState }: TrainingState,
): TrainingConfig {
  let changed = before;
  for (const { section, key, value } of settings.flatMap(parseSettings)) {
    if (section !== "training" || !CHANGEABLE.includes(key)) {
      throw new UsageError(
        problem`--set ${section}.${key} would change what has been trained already; with --resume only
        ${CHANGEABLE.map((each) => `training.${each}`).join(" and ")} can be set; start a new run for the rest`,
      );
    }
    // Checked like any other: trainingConfig refuses what the key cannot be.
    changed = trainingConfig({ ...changed, [key]: value });
  }
  const { steps } = changed;
  if (steps !== before.steps && before.schedule !== "constant") {
    throw new UsageError(
      problem`--set training.steps=${steps} would change the learning rate of the steps before, because the schedule
      '${before.schedule}' ends at step ${before.steps}; leave it out, or start a run with training.schedule=constant`,
    );
  }
  const sinceBest = trainerState.best?.evaluationsSince ?? 0;
  if (steps !== before.steps && before.patience > 0 && (step >= before.steps || sinceBest >= before.patience)) {
    throw new UsageError(
      problem`--set training.steps=${steps} would go on from the best weights, with which a run with training.patience
      ends, not from the last; leave it out, or start a new run`,
    );
  }
  if (steps < step) {
    throw new UsageError(
      problem`--set training.steps must be at least ${step}, the step of the newest checkpoint, got ${steps}; leave it
      out to finish the run`,
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
        problem`${file}: tensor '${moment}' must be ${formatShape(shape)}, got ${got}; it belongs to another model,
        restore the checkpoint from a copy, or start a new run`,
      );
    }
  }
}
