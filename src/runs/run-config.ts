/** config.json of a run: written once when it begins, and all that eval, generate and --resume need to know. */

import { readFile } from "node:fs/promises";

import * as z from "zod";

import { parseMechanism } from "../attention/choice-text.ts";
import { ConfigError, configuredBy, problem } from "../graph/errors.ts";
import { parseOptions } from "../graph/parse-options.ts";
import { isPretrained } from "../convert/index.ts";
import {
  imageShapeOf,
  proteinVocabulary,
  vocabularyFrom,
  type Vocabulary,
  type VocabularyDescription,
} from "../data/index.ts";
import type { ImageShape } from "../data/vocabularies/pixels.ts";
import { modelConfig, type ModelConfig, type ModelOptions } from "../model/config.ts";
import { classFor, type ModelKind } from "../models/model-kinds.ts";
import { readSavedConfig } from "../models/saved-config.ts";
import { numIntensities } from "../model/patches.ts";
import { openFolderSource } from "../storage/folder-source.ts";
import { readConfig, type RunFolder } from "../storage/run-folder.ts";
import { trainingConfig, type TrainingConfig, type TrainingOptions } from "../training/config.ts";
import { dataSchema, tasks, type DataSource, type Task } from "./data/source.ts";
import type { KnownData } from "./data/table.ts";
import { UsageError } from "./usage.ts";
import { completeSaved } from "./saved-model.ts";
import { decidedKeys, type Recipe, type Settings } from "./recipe.ts";
import { devices, type EngineOptions } from "./engine-options.ts";

export interface RunConfig {
  /** With `architectures`, how Hugging Face folders say what they hold. */
  readonly model_type: "performer";
  readonly architectures: readonly string[];
  /** The recipe's name. */
  readonly name: string;
  readonly model: ModelConfig;
  readonly training: TrainingConfig;
  readonly data: RunData;
  /** What the model's ids mean: `vocabularyFrom` makes it again. */
  readonly vocabulary: VocabularyDescription;
  /** What the ids of classes mean; empty where there are none. */
  readonly classNames: readonly string[];
  /** A resumed run is bit-identical on the same machine with the same number of threads. */
  readonly engine: RunEngine;
  /** The run that a fine-tuned model started from. */
  readonly base?: BaseRun | undefined;
  /** The version of the package that began the run. */
  readonly version: string;
}

export interface BaseRun {
  /** Its folder, as it was named. */
  readonly run: string;
  readonly name: string;
  readonly task: Task;
  readonly version: string;
  /** A digest of its configuration and weights. */
  readonly fingerprint: string;
}

export interface RunData extends DataSource {
  readonly name: string;
  readonly task: Task;
  /** Undefined where a model was saved without its data. */
  readonly digest?: string | undefined;
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
    ...dataSchema.shape,
    name: z.string(),
    digest: z.string().optional(),
    // What was called null and is left out today: the embedded proteins, the only kind that there was.
    path: z.string().nullish(),
    kind: dataSchema.shape.kind.unwrap().default("proteins"),
    task: z.enum(tasks).default("language-modeling"),
  }),
  engine: z.object({ device: z.enum(devices), threads: z.int().positive() }),
  base: z
    .object({
      run: z.string(),
      name: z.string(),
      task: z.enum(tasks),
      version: z.string(),
      fingerprint: z.string(),
    })
    .optional(),
  version: z.string(),
});

/** What the data decide of a model. */
export interface DecidedByData {
  readonly task: Task;
  readonly vocabulary: Pick<Vocabulary, "size" | "padId">;
  readonly numClasses: number;
  /** The shape that all images of the data have. */
  readonly image?: ImageShape | undefined;
  /** Whether nothing is known of the data yet. */
  readonly isOpen?: boolean;
}

export function decidedBy({ task, vocabulary, classNames }: KnownData): DecidedByData {
  return { task, vocabulary, numClasses: classNames.length, image: imageShapeOf(vocabulary) };
}

/** Before data are read: refuses what no data could mend. */
export function undecided(task: Task): DecidedByData {
  return { task, vocabulary: proteinVocabulary, numClasses: 2, isOpen: true };
}

/**
 * The model's and the training's complete configuration, from a recipe.
 *
 * @throws ConfigError with every key that is unknown or out of range
 */
export function checkRecipe({ origin, model, training }: Recipe, decided: DecidedByData): CheckedSettings {
  const key = decidedKeys.find((each) => each in model);
  if (key !== undefined) {
    const from = key === "numLabels" ? "labels" : "vocabulary";
    throw new ConfigError(problem`${origin}: model: ${key} follows from the ${from} of the data; leave it out`);
  }
  return checkSettings(origin, modelSettings(model, decided, origin), training);
}

const shapesOfTasks = {
  "language-modeling": { architecture: "decoder", head: "language-modeling" },
  masked: { architecture: "encoder", head: "language-modeling" },
  classification: { architecture: "encoder", head: "sequence-classification" },
  regression: { architecture: "encoder", head: "regression" },
} as const satisfies Record<Task, ModelKind>;

/** How config.json names the class of a run's model, as Hugging Face's folders do. */
export function architecturesOf(model: ModelConfig): readonly string[] {
  return [classFor(model) ?? "Performer"];
}

/**
 * The task of data without labels, from the model that is asked for: who sees both sides is trained on hidden tokens.
 */
export function unlabelledTask(model: Settings): Task {
  return model["architecture"] === "encoder" ? "masked" : "language-modeling";
}

function modelSettings(model: Settings, decided: DecidedByData, origin: string): Settings {
  const { task, vocabulary, numClasses, image } = decided;
  const shape = shapesOfTasks[task];
  for (const key of ["architecture", "head"] as const) {
    if (model[key] === undefined || model[key] === shape[key]) continue;
    const fitting = tasks.filter((each) => shapesOfTasks[each][key] === model[key]).map((each) => `'${each}'`);
    const other = fitting.length === 0 ? "" : `, or use data.task ${fitting.join(" or ")}`;
    throw new ConfigError(
      problem`${origin}: model: ${key} must be '${shape[key]}' for task '${task}', got ${JSON.stringify(model[key])};
      leave it out${other}`,
    );
  }
  // <bos> and <eos> stand around sequences that are read from both sides.
  const seqLen = image && numIntensities(image);
  const wanted = seqLen && (task === "language-modeling" ? seqLen : seqLen + 2);
  const { maxSeqLen } = model;
  if (wanted !== undefined && typeof maxSeqLen === "number" && maxSeqLen < wanted) {
    throw new ConfigError(
      problem`${origin}: model: maxSeqLen must be at least ${wanted}, the places of an image, got ${maxSeqLen}; leave it
      out, or make images smaller with --image-size`,
    );
  }
  const longest = wanted === undefined ? {} : { maxSeqLen: wanted };
  const labels = task === "classification" ? { numLabels: numClasses } : {};
  return {
    ...longest,
    ...shape,
    ...labels,
    ...model,
    ...readMechanisms(model, origin),
    ...readPatches(model, decided, origin),
    vocabSize: vocabulary.size,
    padId: vocabulary.padId,
  };
}

/**
 * Patches with the shape of the data's images: a recipe says their size alone.
 *
 * @throws ConfigError for data that are no images, and for images of another shape than is asked for
 */
function readPatches({ patches }: Settings, { image, isOpen }: DecidedByData, origin: string): Settings {
  if (typeof patches !== "object" || patches === null) return {};
  // Checked when the images are known.
  if (isOpen) return { patches: undefined };
  if (image === undefined) {
    throw new ConfigError(problem`${origin}: model: patches must come with images, got other data; leave them out`);
  }
  for (const key of ["width", "height", "channels"] as const) {
    const given: unknown = Reflect.get(patches, key);
    if (given === undefined || given === image[key]) continue;
    throw new ConfigError(
      problem`${origin}: model: patches.${key} must be that of the images, ${image[key]}, got ${JSON.stringify(given)};
      leave it out`,
    );
  }
  return { patches: { ...patches, ...image } };
}

/**
 * The configuration of a run that goes on with a model: the model's own, with the settings that are asked for in place
 * of its.
 *
 * @throws ConfigError with every key that is unknown or out of range
 */
export function checkChanges(
  { origin, model, training }: Pick<Recipe, "origin" | "model" | "training">,
  own: ModelConfig,
): CheckedSettings {
  return checkSettings(origin, { ...own, ...model, ...readMechanisms(model, origin) }, training);
}

/**
 * Mechanisms that are written with their options in brackets, "local(window=16)", alone or in a list of one a layer.
 */
function readMechanisms(model: Settings, origin: string): Settings {
  const read = (choice: unknown): unknown =>
    typeof choice === "string" && choice.includes("(") ? parseMechanism(`${origin}: model`, choice) : choice;
  const keys = ["mechanism", "decoderMechanism", "crossMechanism"] as const;
  const written = keys.filter((key) => model[key] !== undefined).map((key) => [key, model[key]] as const);
  return Object.fromEntries(
    written.map(([key, value]) => [key, Array.isArray(value) ? value.map((each: unknown) => read(each)) : read(value)]),
  );
}

/**
 * Reads config.json of a run.
 *
 * @throws StorageError when it is not JSON
 * @throws UsageError when it is that of a pretrained or a converted model
 * @throws ConfigError when it is not the configuration of a run; DataError when its vocabulary is none
 */
export async function readRunConfig(folder: RunFolder): Promise<RunConfig> {
  await refusePretrained(folder);
  return parseRunConfig(folder.configPath, await readConfig(folder));
}

/**
 * Checks the parsed config.json of a run, or of a model that `save_pretrained` wrote.
 *
 * @param origin its path, for messages
 */
export function parseRunConfig(origin: string, json: unknown): RunConfig {
  const parsed = parseOptions(origin, schema, completeSaved(origin, json));
  const { model, vocabulary, classNames } = readSavedConfig(origin, json);
  const { path, ...data } = parsed.data;
  return {
    ...parsed,
    architectures: architecturesOf(model),
    model,
    classNames,
    training: checkTraining(origin, parsed.training),
    data: typeof path === "string" ? { ...data, path } : data,
    vocabulary: vocabulary.toJSON(),
  };
}

/**
 * Otherwise every key that a run has would be told as missing.
 *
 * @throws UsageError for the folder of a pretrained or a converted model
 */
export async function refusePretrained({ path }: RunFolder): Promise<void> {
  const source = await openFolderSource(path);
  if (!(await isPretrained(source))) return;
  throw new UsageError(
    problem`${path}: a run is needed, which train wrote, got a pretrained or converted model; use embed, convert or
    push, which take every such model, attention, export, score, generate or distill, which take those of their kind, or
    make a run of one of text or proteins with performer train --init`,
  );
}

/** What a run knows of its data, for reading others. */
export function knownData({ data, vocabulary, classNames }: RunConfig): KnownData {
  return { vocabulary: vocabularyFrom(vocabulary), task: data.task, classNames };
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
  return {
    // Both functions check every key themselves; their types are for callers who write the options down.
    model: configuredBy(origin, () => modelConfig(model as ModelOptions)),
    training: checkTraining(origin, training),
  };
}

function checkTraining(origin: string, training: unknown): TrainingConfig {
  return configuredBy(origin, () => trainingConfig(training as TrainingOptions)); // it checks every key
}
