// What the command line asks for: a recipe, with single settings changed, and the data that it is trained on.

import { resolve } from "node:path";

import { kindOf, dataSource, readSourceOption } from "./data/source.ts";
import type { splitRules, DataKind, DataSource, Task } from "./data/source.ts";
import { asUsage, UsageError } from "./usage.ts";
import { readRecipe } from "./recipe.ts";
import type { Recipe, Settings } from "./recipe.ts";
import { checkRecipe, undecided, unlabelledTask } from "./run-config.ts";
import { applySettings, parseSetting } from "./settings.ts";
import type { Setting } from "./settings.ts";
import type { EngineOptions } from "./engine-options.ts";

/** Where data come from instead of those that a recipe or a run names. */
export interface DataOptions {
  readonly data?: string;
  readonly fasta?: string;
  readonly splitBy?: (typeof splitRules)[number];
  readonly sequenceColumn?: string;
  readonly labelColumn?: string;
}

/** How data become what a new model reads and learns; a trained one has that already. */
export interface EncodingOptions {
  readonly tokenizer?: string;
  readonly imageSize?: number;
  readonly grey?: boolean;
  readonly colour?: boolean;
  readonly task?: Task;
}

export interface MemoryOptions {
  readonly ignoreMemory?: boolean;
}

export interface NewRunOptions extends DataOptions, EncodingOptions, EngineOptions, MemoryOptions {
  /** The folder of the model that training begins with. Default: fresh weights. */
  readonly init?: string;
  readonly out?: string;
  readonly seed?: number;
  readonly set?: readonly string[];
}

/** What is trained when no recipe is named, by what the data are. */
const defaultRecipes = {
  proteins: "demo",
  text: "text",
  images: "fashion",
  table: "labelled",
} as const satisfies Record<DataKind, string>;

/** What the command line asks for. */
export interface Requested {
  readonly recipe: Recipe;
  readonly source: DataSource;
  /** Of the recipe what was named or set, without what is taken where no recipe is named. */
  readonly named: Pick<Recipe, "model" | "training" | "data" | "origin">;
}

/** The recipe with everything that the command line changes in it, checked as far as that can be done without the data. */
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
    throw new UsageError("--data and --fasta must not come together, for both name the data; leave one out");
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
  return [...set.map(parseSetting), ...ofSeed, ...settings];
}
