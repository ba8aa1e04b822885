// config.json of a run: written once when it begins, and all that eval, generate and --resume need to know.

import { readFile } from "node:fs/promises";

import { z } from "zod";

import { modelConfig } from "../model/config.ts";
import type { ModelConfig, ModelOptions } from "../model/config.ts";
import { ConfigError, parseOptions } from "../attention/parse-options.ts";
import { readConfig } from "../storage/run-folder.ts";
import type { RunFolder } from "../storage/run-folder.ts";
import { trainingConfig } from "../training/config.ts";
import type { TrainingConfig, TrainingOptions } from "../training/config.ts";
import type { DataSource } from "./dataset.ts";
import type { Recipe } from "./recipe.ts";
import { prefixLines } from "./failures.ts";
import { devices } from "./verb.ts";
import type { EngineOptions } from "./verb.ts";

export interface RunConfig {
  /** With `architectures`, how Hugging Face folders say what they hold. */
  readonly model_type: "performer";
  readonly architectures: readonly ["PerformerForCausalLM"];
  /** Of the recipe. */
  readonly name: string;
  readonly model: ModelConfig;
  readonly training: TrainingConfig;
  readonly data: RunData;
  /** A resumed run is bit-identical on the same machine with the same number of threads. */
  readonly engine: RunEngine;
  /** Of the package that began the run. */
  readonly version: string;
}

export interface RunData extends DataSource {
  readonly name: string;
  readonly vocabulary: "protein";
  readonly digest: string;
}

export type RunEngine = Required<EngineOptions>;

const unchecked = z.record(z.string(), z.unknown());

/** Unknown keys are left alone: a folder from a later version can still be read. */
const schema = z.object({
  model_type: z.literal("performer"),
  name: z.string(),
  model: unchecked,
  training: unchecked,
  data: z.object({
    name: z.string(),
    path: z.string().nullable(),
    splitBy: z.enum(["header", "hash"]),
    vocabulary: z.literal("protein"),
    digest: z.string(),
  }),
  engine: z.object({ device: z.enum(devices), threads: z.int().positive() }),
  version: z.string(),
});

/**
 * The model's and the training's complete configuration, from a recipe.
 *
 * @throws ConfigError with every key that is unknown or out of range
 */
export function checkRecipe({ origin, model, training }: Recipe, vocabSize: number): CheckedSettings {
  if ("vocabSize" in model) {
    throw new ConfigError(`${origin}: model: vocabSize follows from the vocabulary of the data; leave it out`);
  }
  return checkSettings(origin, { ...model, vocabSize }, training);
}

/**
 * Reads config.json of a run.
 *
 * @throws StorageError when it is not JSON
 * @throws ConfigError when it is not the configuration of a run
 */
export async function readRunConfig(folder: RunFolder): Promise<RunConfig> {
  const parsed = parseOptions(folder.configPath, schema, await readConfig(folder));
  const { model, training } = checkSettings(folder.configPath, parsed.model, parsed.training);
  return { ...parsed, architectures: ["PerformerForCausalLM"], model, training };
}

/** The version of this package. */
export async function packageVersion(): Promise<string> {
  const text = await readFile(new URL("../../package.json", import.meta.url), "utf8");
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}

interface CheckedSettings {
  readonly model: ModelConfig;
  readonly training: TrainingConfig;
}

function checkSettings(origin: string, model: unknown, training: unknown): CheckedSettings {
  try {
    // Both functions check every key themselves; their types are for callers who write the options down.
    return { model: modelConfig(model as ModelOptions), training: trainingConfig(training as TrainingOptions) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(prefixLines(origin, error.message), { cause: error });
  }
}
