/**
 * The model that a new run goes on from (`--init`): a run's, a converted or a pretrained one, and what a recipe may
 * still say of it.
 */

import { isDeepStrictEqual } from "node:util";

import { ConfigError, problem } from "../graph/errors.ts";
import type { PretrainedModel } from "../convert/index.ts";
import { DataError, vocabularyFrom } from "../data/index.ts";
import type { NdArray } from "../graph/ndarray.ts";
import { fingerprint } from "../inference/fingerprint.ts";
import { modelConfig, type ModelConfig } from "../model/config.ts";
import { longestSequence } from "../model/positions.ts";
import type { TrainingConfig } from "../training/config.ts";
import type { DataKind, DataSource } from "./data/source.ts";
import type { KnownData } from "./data/table.ts";
import { loadData, type RunDataset } from "./dataset.ts";
import type { EngineOptions } from "./engine-options.ts";
import type { OnEvent } from "./events.ts";
import { DEFAULT_LEARNING_RATE } from "./finetune/settings.ts";
import { openModel } from "./open-model.ts";
import type { Recipe } from "./recipe.ts";
import { checkChanges, knownData, packageVersion, type BaseRun } from "./run-config.ts";
import { UsageError } from "./usage.ts";

/** The recipe and data that a caller asks for. */
export interface Requested {
  readonly recipe: Recipe;
  readonly source: DataSource;
  /** The parts of the recipe that the caller named or set, without the defaults of a recipe nobody named. */
  readonly named: Pick<Recipe, "model" | "training" | "data" | "origin">;
}

export interface StartingModel {
  /** The folder as the caller wrote it. */
  readonly folder: string;
  /** The configuration, with the head that training needs. */
  readonly config: ModelConfig;
  /** Weights and projections. */
  readonly tensors: Readonly<Record<string, NdArray>>;
  /** Its vocabulary, and its task, which goes on. */
  readonly known: KnownData;
  /** Kinds of data that it reads. */
  readonly kinds: readonly DataKind[];
  readonly base: BaseRun;
}

/**
 * Opens a run, a converted model or a pretrained one.
 *
 * Encoders go on with hidden tokens and decoders with the next one, a run of labels with these. A pretrained body
 * without a head gets the one whose weights are its token embeddings.
 *
 * @throws StorageError or ConfigError as `openModel`; UsageError for a model whose vocabulary has no place for padding
 *   or masks
 */
export async function openStart(folder: string, engine: EngineOptions, onEvent?: OnEvent): Promise<StartingModel> {
  const opened = await openModel(folder, engine, onEvent);
  if (opened.kind === "run") {
    const { config, tensors } = opened.run;
    const { name, version, data } = config;
    return {
      folder,
      config: config.model,
      tensors,
      known: knownData(config),
      kinds: [data.kind],
      base: { run: folder, name, task: data.task, version, fingerprint: fingerprint(config.model, tensors) },
    };
  }
  const { model } = opened;
  if (model.reads === "images" || !["language-modeling", "none"].includes(model.config.head)) {
    throw new UsageError(
      problem`--init ${folder}: a pretrained model must read text or proteins and predict tokens, got one that reads
      ${model.reads}, with head '${model.config.head}'; use another`,
    );
  }
  const config = withTokenHead(model.config);
  const task = config.architecture === "encoder" ? "masked" : "language-modeling";
  return {
    folder,
    config,
    tensors: model.tensors,
    known: { vocabulary: storedVocabulary(model, folder), task, classNames: [] },
    kinds: [model.reads, "table"],
    base: {
      run: folder,
      name: model.modelType,
      task,
      version: await packageVersion(),
      fingerprint: fingerprint(model.config, model.tensors),
    },
  };
}

/** The head of a body that has none: logits by the token embeddings, which have learnt what tokens are. */
function withTokenHead(config: ModelConfig): ModelConfig {
  if (config.head !== "none") return config;
  return modelConfig({ ...config, head: "language-modeling", tieEmbeddings: true });
}

/** The vocabulary as a run's folder describes it, which must be the one that the weights have rows for. */
function storedVocabulary({ vocabulary, config }: PretrainedModel, folder: string) {
  const stored = vocabularyFrom(vocabulary.toJSON());
  if (stored.size === config.vocabSize) return stored;
  throw new UsageError(
    problem`--init: the tokenizer of ${folder} must have a token for padding and one for masks, and as many tokens as
    the model has rows, ${config.vocabSize}, got ${stored.size} with what it lacks; use a model with such tokens, as
    BERT's and ESM's have`,
  );
}

/** What a recipe may say of a model that is there already, beside what it is. */
const CHANGEABLE: readonly string[] = ["dropout", "maxSeqLen"];

/**
 * The configuration of a run that goes on with a model.
 *
 * Unless they are asked for, projections stay as they are, and the learning rate is a third of the default from
 * scratch, as in fine-tuning.
 *
 * @throws UsageError or ConfigError for settings of the model that are not what it is
 */
export function settingsFrom(
  { config, folder }: StartingModel,
  { recipe, named }: Requested,
): { readonly model: ModelConfig; readonly training: TrainingConfig } {
  const training = {
    ...recipe.training,
    learningRate: named.training["learningRate"] ?? DEFAULT_LEARNING_RATE,
    redrawInterval: named.training["redrawInterval"] ?? 0,
  };
  const checked = checkChanges({ origin: named.origin, model: named.model, training }, config);
  const { model } = checked;
  const before = new Map<string, unknown>(Object.entries(config));
  const isBound = Number.isFinite(longestSequence(config).length);
  for (const [key, value] of Object.entries(model)) {
    if (isDeepStrictEqual(before.get(key), value)) continue;
    if (CHANGEABLE.includes(key) && !(key === "maxSeqLen" && isBound)) continue;
    throw new ConfigError(
      problem`${named.origin}: model: ${key} must be ${JSON.stringify(before.get(key))} with --init ${folder}, whose
      weights are of that, got ${JSON.stringify(value)}; leave it out, or leave the recipe's name out: the model is that
      of the folder`,
    );
  }
  return checked;
}

/**
 * The data in the model's own vocabulary, for its own task.
 *
 * @throws UsageError for data of another kind, another task or another tokenizer; DataError for images of another shape
 */
export async function dataFor(
  { known, kinds, folder }: StartingModel,
  { source, named }: Pick<Requested, "source" | "named">,
  onEvent?: OnEvent,
): Promise<{ readonly source: DataSource; readonly dataset: RunDataset }> {
  const refuse = (what: string, wanted: string, got: string, fix: string): never => {
    throw new UsageError(problem`--init ${folder}: ${what} must be ${wanted}, got ${got}; ${fix}`);
  };
  if (!kinds.includes(source.kind)) refuse("the data", kinds.join(" or "), source.kind, "name others with --data");
  if (named.data.task !== undefined && named.data.task !== known.task) {
    refuse(
      "the task",
      `'${known.task}', the model's own`,
      `'${named.data.task}'`,
      "leave --task out, or use performer finetune for labels",
    );
  }
  if (named.data.tokenizer !== undefined) {
    refuse("the tokenizer", "the model's own", `'${named.data.tokenizer}'`, "leave --tokenizer out");
  }
  const { tokenizer: _ofDefaultRecipe, ...own } = source;
  const told: DataSource = source.kind === "table" ? { ...own, task: known.task } : own;
  const dataset = await loadData(told, { known, onEvent });
  // Text is read by the model's vocabulary, but images have their shape from their files.
  if (isDeepStrictEqual(dataset.vocabulary.toJSON(), known.vocabulary.toJSON())) return { source: told, dataset };
  throw new DataError({
    who: dataset.name,
    rule: "images must have the shape of those that the model was trained on",
    got: "another one",
    fix: "bring them to that size with --image-size",
  });
}
