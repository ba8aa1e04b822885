// `--set training.steps=100`: single settings of a recipe, changed on the command line.

import { nearestName } from "../graph/nearest-name.ts";
import { modelConfigKeys } from "../model/config.ts";
import { trainingConfigKeys } from "../training/config.ts";
import { checkDataSettings, dataKeys } from "./data/source.ts";
import { UsageError } from "./usage.ts";
import type { Recipe } from "./recipe.ts";
import { decidedKeys } from "./run-config.ts";

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
 * Parses `training.steps=100`, or `steps=100` where only one section has such a key. Values are JSON; what is no JSON is text.
 *
 * @throws UsageError when there is no `=`, or no such key (the nearest one is named)
 */
export function parseSetting(text: string): Setting {
  const equals = text.indexOf("=");
  if (equals < 1) {
    throw new UsageError(`--set must be given as key=value, got '${text}'; write for example --set training.steps=100`);
  }
  const name = text.slice(0, equals).trim();
  const value = parseValue(text.slice(equals + 1).trim());
  const matches = allKeys.filter(({ section, key }) => name === key || name === `${section}.${key}`);
  const [match, another] = matches;
  if (match === undefined) throw unknownKey(name);
  if (another !== undefined) {
    const choices = matches.map(({ section, key }) => `${section}.${key}`).join(" or ");
    throw new UsageError(`--set: '${name}' must be one key, got a name that several sections have; write ${choices}`);
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
    return new UsageError(`--set: '${name}' cannot be set, it follows from the ${from} of the data; leave it out`);
  }
  const qualified = allKeys.map(({ section, key }) => `${section}.${key}`);
  // A bare name is compared with bare names: "stepz" is nearer to "steps" than to "training.steps".
  const bare = name.includes(".") ? undefined : nearestName(name, new Set(allKeys.map(({ key }) => key)));
  const near = bare ?? nearestName(name, qualified);
  const section = sections.find((each) => name.startsWith(`${each}.`));
  const listed = section === undefined ? qualified : keysOf[section].map((key) => `${section}.${key}`);
  const fix = near === undefined ? `the keys are ${listed.join(", ")}` : `did you mean '${near}'?`;
  return new UsageError(`--set: '${name}' is not a key; ${fix}`);
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
