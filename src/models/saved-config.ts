/** config.json of trained models: what runs and `save_pretrained` both write there. */
import { proteinVocabulary, vocabularyFrom, type Vocabulary } from "../data/index.ts";
import { ConfigError, configuredBy, problem } from "../graph/errors.ts";
import { modelConfig, type ModelConfig, type ModelOptions } from "../model/index.ts";
import { written } from "./check-examples.ts";

export interface SavedConfig {
  readonly model: ModelConfig;
  /** Decided the weights. */
  readonly seed: number;
  readonly vocabulary: Vocabulary;
  /** Names of the classes of labels, in the order of their numbers; empty where they have none. */
  readonly classNames: readonly string[];
}

/**
 * Unknown keys are left alone: a folder from a later version can still be read.
 *
 * @param who config.json's path, for messages
 * @throws ConfigError for what is no model; DataError for a vocabulary that is none
 */
export function readSavedConfig(who: string, json: unknown): SavedConfig {
  const model = keyOf(json, "model");
  if (typeof model !== "object" || model === null || Array.isArray(model)) {
    throw new ConfigError(
      problem`${who}: 'model' must be an object with the model's sizes, got ${JSON.stringify(model) ?? "nothing"}; use a
      config.json that \`performer train\` or save_pretrained wrote`,
    );
  }
  const description = keyOf(json, "vocabulary");
  return {
    // modelConfig checks every key itself; its type is for callers who write the options down.
    model: configuredBy(who, () => modelConfig(model as ModelOptions)),
    ...readNaming(who, json),
    // Before there were others, all models were of proteins.
    vocabulary: description === undefined ? proteinVocabulary : vocabularyFrom(description),
  };
}

/** Reads what classes store in the configuration of any model: the seed and the names of classes. */
export function readNaming(who: string, json: unknown): Pick<SavedConfig, "seed" | "classNames"> {
  const seed = keyOf(keyOf(json, "training"), "seed");
  const classNames = keyOf(json, "classNames") ?? [];
  checkNames(`${who}: classNames`, classNames);
  return { seed: typeof seed === "number" ? seed : 0, classNames };
}

/** @throws ConfigError for anything but a list of texts */
export function checkNames(what: string, names: unknown): asserts names is readonly string[] {
  if (Array.isArray(names) && names.every((name) => typeof name === "string")) return;
  throw new ConfigError(problem`${what} must be a list of strings, got ${written(names)}; write ["no", "yes"]`);
}

/** The value of an object's key; undefined for anything that is no object. */
export function keyOf(from: unknown, key: string): unknown {
  return typeof from === "object" && from !== null ? Reflect.get(from, key) : undefined;
}
