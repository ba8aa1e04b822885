/**
 * Recipes: commented JSON files that say which model is trained, how, and on what; and single settings of them,
 * `training.steps=100`.
 */

import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

// oxlint-disable-next-line import/default -- Node loads the package's CommonJS build, as one object
import jsonc from "jsonc-parser";
import * as z from "zod";

import { ConfigError, problem } from "../graph/errors.ts";
import { parseOptions } from "../graph/parse-options.ts";
import { nearestName } from "../graph/nearest-name.ts";
import { modelConfigKeys } from "../model/config.ts";
import { exists, readTextOrExplain } from "../storage/files.ts";
import { trainingConfigKeys } from "../training/config.ts";
import { checkDataSettings, dataKeys, vocabularyNames, type DataSettings } from "./data/source.ts";
import { UsageError } from "./usage.ts";

/** Settings by name, not yet checked: the model's and the training's own schemas do that. */
export type Settings = Readonly<Record<string, unknown>>;

export interface Recipe {
  /** Names the run folder. */
  readonly name: string;
  readonly model: Settings;
  readonly training: Settings;
  readonly data: DataSettings;
  /** Where it was read from, for messages. */
  readonly origin: string;
}

const settings = z.record(z.string(), z.unknown()).default({});

const schema = z.strictObject({
  /** Letters, digits, dots and dashes: it becomes the name of a folder. */
  name: z.string().regex(/^[A-Za-z0-9][\w.-]*$/, "letters, digits, '.', '_' and '-', for it names the run folder"),
  model: settings,
  training: settings,
  data: settings,
});

const recipeFolder = fileURLToPath(new URL("../../configs/", import.meta.url));
const EXTENSION = /\.jsonc?$/;

/**
 * Reads a recipe.
 *
 * @param nameOrPath the name of a recipe that comes with the package ("demo"), or the path of a file
 * @throws UsageError when there is no such recipe
 * @throws ConfigError when the file is not JSON with comments, or says something that a recipe cannot
 */
export async function readRecipe(nameOrPath: string): Promise<Recipe> {
  const path = await findRecipe(nameOrPath);
  const origin = path.startsWith(recipeFolder) ? `recipe ${basename(path)}` : path;
  const value = parseJsonc(await readTextOrExplain(path, "the recipe"), origin);
  const { name, model, training, data } = parseOptions(origin, schema, value);
  const parsed = checkDataSettings(data, origin);
  // A path in a recipe starts at the recipe, wherever the command is run.
  const locate = (file: string) => resolve(dirname(path), file);
  const { tokenizer, families } = parsed;
  const located = {
    ...parsed,
    ...(parsed.path !== undefined && { path: locate(parsed.path) }),
    ...(families !== undefined && { families: locate(families) }),
    ...(tokenizer !== undefined && !vocabularyNames.includes(tokenizer) && { tokenizer: locate(tokenizer) }),
  };
  return { name, model, training, data: located, origin };
}

/** Names of the recipes that come with the package. */
export function recipeNames(): readonly string[] {
  return recipeFiles().map((name) => name.replace(EXTENSION, ""));
}

/** For help: the recipes that come with the package, a line each, with the first sentence of their comment. */
export function describeRecipes(): string {
  const width = Math.max(...recipeNames().map((name) => name.length));
  const lines = recipeFiles().map((file) => {
    const comment = /^(?:\/\/.*\n)+/.exec(readFileSync(join(recipeFolder, file), "utf8"))?.[0] ?? "";
    const [sentence = ""] = comment
      .replaceAll(/\s*\/\/ ?/g, " ")
      .trim()
      .split(/(?<=\.)\s/);
    return `  ${file.replace(EXTENSION, "").padEnd(width)}  ${sentence}`;
  });
  return `\nRecipes:\n${lines.join("\n")}`;
}

function recipeFiles(): readonly string[] {
  return readdirSync(recipeFolder)
    .filter((name) => EXTENSION.test(name))
    .toSorted();
}

async function findRecipe(nameOrPath: string): Promise<string> {
  const own = recipeFiles().find((name) => name === nameOrPath || name.replace(EXTENSION, "") === nameOrPath);
  if (own !== undefined) return resolve(recipeFolder, own);
  const looksLikePath = EXTENSION.test(nameOrPath) || nameOrPath.includes("/") || nameOrPath.includes(sep);
  if (await exists(nameOrPath)) return resolve(nameOrPath);
  const known = recipeNames();
  const near = nearestName(basename(nameOrPath).replace(EXTENSION, ""), known);
  const guess = near === undefined ? "" : ` did you mean '${near}'?`;
  throw new UsageError(
    looksLikePath
      ? problem`the recipe must exist, got '${nameOrPath}', which does not; check the path, or name one of ${known.join(", ")}`
      : problem`'${nameOrPath}' is no recipe;${guess} the recipes are ${known.join(", ")}; a path of a .jsonc file does too`,
  );
}

function parseJsonc(text: string, origin: string): unknown {
  const errors: jsonc.ParseError[] = [];
  const value: unknown = jsonc.parse(text, errors, { allowTrailingComma: true });
  const [first] = errors;
  if (first === undefined) return value;
  const before = text.slice(0, first.offset).split("\n");
  const words = jsonc
    .printParseErrorCode(first.error)
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase();
  const place = `line ${before.length}, column ${(before.at(-1) ?? "").length + 1}`;
  throw new ConfigError(
    problem`${origin}, ${place}: the file must be JSON, comments allowed, got "${words}"; correct it there`,
  );
}

/** Keys of the model that cannot be set, because data decide them. */
export const decidedKeys: readonly string[] = ["vocabSize", "padId", "numLabels"];

type Section = "model" | "training" | "data";

/** One change: `section.key` to `value`. */
export interface Setting {
  readonly section: Section;
  readonly key: string;
  readonly value: unknown;
}

const keysOf = {
  model: modelConfigKeys.filter((key) => !decidedKeys.includes(key)),
  training: trainingConfigKeys,
  data: dataKeys,
} satisfies Record<Section, readonly string[]>;

const sections = ["model", "training", "data"] as const satisfies readonly Section[];
const allKeys = sections.flatMap((section) => keysOf[section].map((key) => ({ section, key })));

/**
 * Parses `--set`: `training.steps=100`, or `steps=100` where only one section has such a key, or several with commas
 * between them. A comma that no key follows belongs to the value. Values are JSON; anything else is text.
 *
 * @throws UsageError when there is no `=`, or no such key (the nearest one is named)
 */
export function parseSettings(text: string): readonly Setting[] {
  const isKey = (name = "") => allKeys.some(({ section, key }) => name === key || name === `${section}.${key}`);
  const parts: string[] = [];
  let depth = 0;
  let begin = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    if ("([{".includes(character)) depth += 1;
    if (")]}".includes(character)) depth -= 1;
    const [, next] = (character === "," && depth === 0 && /^\s*([\w.]+)\s*=/.exec(text.slice(i + 1))) || [];
    if (!isKey(next)) continue;
    parts.push(text.slice(begin, i));
    begin = i + 1;
  }
  return [...parts, text.slice(begin)].map(parseSetting);
}

function parseSetting(text: string): Setting {
  const equals = text.indexOf("=");
  if (equals < 1) {
    throw new UsageError(
      problem`--set must be given as key=value, got '${text}'; write for example --set training.steps=100`,
    );
  }
  const name = text.slice(0, equals).trim();
  const value = parseValue(text.slice(equals + 1).trim());
  const matches = allKeys.filter(({ section, key }) => name === key || name === `${section}.${key}`);
  const [match, another] = matches;
  if (match === undefined) throw unknownKey(name);
  if (another !== undefined) {
    const choices = matches.map(({ section, key }) => `${section}.${key}`).join(" or ");
    throw new UsageError(
      problem`--set: '${name}' must be one key, got a name that several sections have; write ${choices}`,
    );
  }
  return { ...match, value };
}

/** The recipe with all changes made, the last one of a key counting. */
export function applySettings(recipe: Recipe, settings: readonly Setting[]): Recipe {
  const changed = { model: { ...recipe.model }, training: { ...recipe.training }, data: { ...recipe.data } };
  if (settings.some(({ section, key }) => section === "data" && (key === "source" || key === "path"))) {
    // Other data take the place of the recipe's, which may be named in the other way.
    for (const key of ["source", "path", "kind"] as const) delete changed.data[key];
  }
  for (const { section, key, value } of settings) Object.assign(changed[section], { [key]: value });
  return { ...recipe, ...changed, data: checkDataSettings(changed.data, recipe.origin) };
}

function unknownKey(name: string): UsageError {
  const decided = decidedKeys.find((key) => name === key || name === `model.${key}`);
  if (decided !== undefined) {
    const from = decided === "numLabels" ? "labels" : "vocabulary";
    return new UsageError(
      problem`--set: '${name}' cannot be set, it follows from the ${from} of the data; leave it out`,
    );
  }
  const qualified = allKeys.map(({ section, key }) => `${section}.${key}`);
  // A bare name is compared with bare names: "stepz" is nearer to "steps" than to "training.steps".
  const bare = name.includes(".") ? undefined : nearestName(name, new Set(allKeys.map(({ key }) => key)));
  const near = bare ?? nearestName(name, qualified);
  const section = sections.find((each) => name.startsWith(`${each}.`));
  const listed = section === undefined ? qualified : keysOf[section].map((key) => `${section}.${key}`);
  const fix = near === undefined ? `the keys are ${listed.join(", ")}` : `did you mean '${near}'?`;
  return new UsageError(problem`--set: '${name}' is not a key; ${fix}`, { code: "ERR_UNKNOWN_OPTION" });
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
