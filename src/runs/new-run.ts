/** From what a caller asks for, a recipe with settings changed and data, to a new run that is ready to train. */

import { problem } from "../graph/errors.ts";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";

import { getSplit } from "../data/index.ts";
import { defaultDevice } from "../runtime/node.ts";
import { nextFreePath } from "../storage/new-folder.ts";
import { createRunFolder, requireNewRunFolder, writeConfig } from "../storage/run-folder.ts";
import { trainableNames } from "../training/freeze.ts";
import { stateFrom } from "../training/trainer.ts";
import type { DataOptions, EncodingOptions } from "./data/options.ts";
import { dataSource, kindOf, readSourceOption, type DataKind, type DataSource, type Task } from "./data/source.ts";
import { digestOf, loadData, type RunDataset } from "./dataset.ts";
import type { EngineOptions } from "./engine-options.ts";
import type { OnEvent } from "./events.ts";
import { applySettings, parseSettings, readRecipe, type Recipe, type Setting, type Settings } from "./recipe.ts";
import {
  architecturesOf,
  checkRecipe,
  decidedBy,
  packageVersion,
  undecided,
  unlabelledTask,
  type RunConfig,
} from "./run-config.ts";
import { dataFor, openStart, settingsFrom, type Requested, type StartingModel } from "./start-from.ts";
import type { TrainingRun } from "./training-run.ts";
import { asUsage, UsageError } from "./usage.ts";

export interface MemoryOptions {
  /** Start even a run that is estimated not to fit into memory. Default false. */
  readonly ignoreMemory?: boolean;
}

export interface NewRunOptions extends DataOptions, EncodingOptions, EngineOptions, MemoryOptions {
  /** The folder of the model that training begins with. Default: fresh weights. */
  readonly init?: string;
  /** A new or empty folder for the run. Default: the next free one below `runs/`. */
  readonly out?: string;
  /** Same seed, same result. Default 0. */
  readonly seed?: number;
  /** Settings as `--set` writes them: `training.steps=100`. Default: none. */
  readonly set?: readonly string[];
}

/** What is trained when no recipe is named, by what the data are. */
const defaultRecipes = {
  proteins: "demo",
  text: "text",
  images: "fashion",
  table: "labelled",
} as const satisfies Record<DataKind, string>;

/**
 * The recipe with everything that the command line changes in it, checked as far as that can be done without the data.
 */
export function requested(recipeName: string | undefined, options: NewRunOptions): Promise<Requested> {
  return asUsage(async () => {
    const changes = await changesOf(options);
    const recipe = applySettings(await recipeFor(recipeName, changes), changes);
    const source = await dataSource(recipe.data, recipe.origin);
    checkRecipe(recipe, undecided(source.task ?? likelyTask(source, recipe.model)));
    return { recipe, source, named: recipeName === undefined ? applySettings(BLANK, changes) : recipe };
  });
}

/** What labels of a table will turn out to be is not known before they are read; what the model is meant for is. */
function likelyTask({ kind }: DataSource, model: Settings): Task {
  if (kind !== "table" || model["architecture"] === "decoder") return unlabelledTask(model);
  if (model["head"] === "regression") return "regression";
  return model["head"] === "language-modeling" ? "masked" : "classification";
}

const BLANK: Recipe = { name: "blank", model: {}, training: {}, data: {}, origin: "--set" };

/** The recipe that is named, or the model and the training of the one for the kind of data. */
async function recipeFor(name: string | undefined, changes: readonly Setting[]): Promise<Recipe> {
  if (name !== undefined) return readRecipe(name);
  const { data } = applySettings(
    BLANK,
    changes.filter(({ section }) => section === "data"),
  );
  const recipe = await readRecipe(defaultRecipes[await kindOf(data, "--data")]);
  return { ...recipe, data: {} };
}

/** The command line as settings. */
async function changesOf({ seed, set = [], tokenizer, ...options }: NewRunOptions): Promise<readonly Setting[]> {
  const { data, fasta, splitBy, sequenceColumn, labelColumn, imageSize, task } = options;
  if (data !== undefined && fasta !== undefined) {
    throw new UsageError(problem`--data and --fasta must not come together, for both name the data; leave one out`);
  }
  const channels = options.grey === true ? 1 : options.colour === true ? 3 : undefined;
  const named = {
    ...(data === undefined ? {} : await readSourceOption(data)),
    ...(fasta === undefined ? {} : { path: resolve(fasta), kind: "proteins" }),
    splitBy,
    sequenceColumn,
    labelColumn,
    tokenizer,
    imageSize,
    channels,
    task,
  };
  const settings = Object.entries(named).flatMap(([key, value]) =>
    value === undefined ? [] : [{ section: "data", key, value } as const],
  );
  const ofSeed = seed === undefined ? [] : [{ section: "training", key: "seed", value: seed } as const];
  return [...set.flatMap(parseSettings), ...ofSeed, ...settings];
}

/** Folder in which runs without `--out` are put, below the working directory. */
const RUNS_FOLDER = "runs";

/**
 * Checks everything and reads the data; nothing is written before the run begins.
 *
 * @param recipeName default: the one for the kind of data
 * @throws UsageError, ConfigError, DataError or StorageError about the first thing that is wrong
 */
export async function prepareNewRun(
  recipeName: string | undefined,
  options: NewRunOptions,
  onEvent?: OnEvent,
): Promise<TrainingRun> {
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
    architectures: architecturesOf(model),
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
