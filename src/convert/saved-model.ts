/**
 * Converted models as folders: the layout that Hugging Face's library writes, with our configuration and our names of
 * weights.
 *
 *     config.json         model_type "performer"; under `pretrained` what it was before, under `model` what it is
 *     model.safetensors   weights and projections, float32
 *     tokenizer.json, …   as they were
 *     modules.json, …     of sentence-transformers: pooling and normalisation as they were
 */
import * as z from "zod";
import type { ModelConfig, ModelOptions } from "../model/config.ts";
import { parameterShapes, projectionShapes } from "../model/parameters.ts";
import type { FileSource } from "../storage/file-source.ts";
import { toExactJson } from "../storage/json.ts";
import { writeNewFolder } from "../storage/new-folder.ts";
import { encodeSafetensors } from "../storage/safetensors.ts";
import type { Weights } from "./architectures/architecture.ts";
import { PREPARATION_FILE } from "./images/preparation.ts";
import { jsonObject, readJsonIfThere } from "./json-files.ts";
import { convertModel, type ConvertedModel, type ConvertOptions } from "./convert-attention.ts";
import type { PretrainedModel } from "./pretrained-model.ts";
import { modulesFile, readPipeline } from "./sentence-transformers.ts";
import type { WeightReader } from "./weight-reader.ts";

/** How our own folders say whose they are. */
const OWN_MODEL_TYPE = "performer";

const imageShape = z.looseObject({
  width: z.int().positive(),
  height: z.int().positive(),
  channels: z.union([z.literal(1), z.literal(3)]),
  size: z.int().positive(),
});

/** config.json of a converted model. */
export const savedModel = z.looseObject({
  model_type: z.literal(OWN_MODEL_TYPE),
  model: z.looseObject({ vocabSize: z.int().positive(), patches: imageShape.optional() }),
  pretrained: z.looseObject({ model_type: z.string(), name: z.string().optional() }),
});

export function isOwn(config: Readonly<Record<string, unknown>>): boolean {
  return config["model_type"] === OWN_MODEL_TYPE;
}

/** How a converted model is read: its configuration as it is, its weights by our names. */
export function planOfSaved({ model }: z.output<typeof savedModel>) {
  return {
    vocabSize: model.vocabSize,
    image: model.patches,
    // modelConfig checks every key.
    options: (): ModelOptions => model,
    weights: (reader: WeightReader, config: ModelConfig): Weights => {
      const weights = Object.entries(parameterShapes(config)).map(([name, { shape }]) => [name, shape] as const);
      const shapes = [...weights, ...Object.entries(projectionShapes(config))];
      return Object.fromEntries(shapes.map(([name, shape]) => [name, reader.take(name, shape)]));
    },
  };
}

/**
 * A pretrained model with another attention mechanism; it goes wherever the original went.
 *
 * With `maxSeqLen` texts are read up to there, whatever the folder said.
 *
 * @throws ConfigError as `convertModel`
 */
export function convertPretrained(
  model: PretrainedModel,
  options: ConvertOptions,
): PretrainedModel & Pick<ConvertedModel, "layers"> {
  const { config, tensors, layers } = convertModel(model, options);
  const longest = options.maxSeqLen !== undefined && model.reads === "text" ? config.maxSeqLen : model.longest;
  const encode: PretrainedModel["encode"] = (text, id, most = longest) => model.encode(text, id, most);
  return { ...model, config, tensors, layers, longest, encode };
}

/** Read by tokenizers and by who prepares images, here and elsewhere. */
const inputFiles = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "vocab.txt",
  PREPARATION_FILE,
] as const;
const PROMPTS = "config_sentence_transformers.json";

/** The other files of a pretrained model's folder: how it reads, and what it was made from. */
export interface Companions {
  /** By path. */
  readonly files: Readonly<Record<string, Uint8Array | string>>;
  readonly lowerCase: boolean;
  /** For a converted model, what it was before; for others, their kind and name. */
  readonly pretrained: unknown;
}

/** @param source where the original was loaded from */
export async function readCompanions(
  { modelType }: Pick<PretrainedModel, "modelType">,
  source: FileSource,
): Promise<Companions> {
  const { base, lowerCase } = await readPipeline(source);
  const copied = new Map<string, Uint8Array>();
  const copy = async (from: string, to: string) => {
    const bytes = await source.read(from);
    if (bytes !== undefined) copied.set(to, bytes);
  };
  for (const name of inputFiles) await copy(base + name, name);
  await copy(PROMPTS, PROMPTS);
  const modules = await readJsonIfThere(source, "modules.json", modulesFile);
  for (const { type, path } of modules ?? []) {
    if (type.endsWith("Pooling")) await copy(`${path}/config.json`, `${path}/config.json`);
  }
  const { pretrained } = (await readJsonIfThere(source, `${base}config.json`, jsonObject)) ?? {};
  return {
    files: {
      ...Object.fromEntries(copied),
      ...(modules !== undefined && { "modules.json": json(modules.map(atRoot)) }),
    },
    lowerCase,
    pretrained: pretrained ?? { model_type: modelType, name: publicName(source.name) },
  };
}

/**
 * The files of a converted model, by their paths in a folder; `loadPretrained` reads them.
 *
 * @param source where the original was loaded from, for its tokenizer or its preparation of images, and its pooling
 */
export async function convertedFiles(
  model: PretrainedModel,
  source: FileSource,
): Promise<Record<string, Uint8Array | string>> {
  return filesBeside(await readCompanions(model, source), model);
}

/**
 * The files of a model with what stood beside it.
 *
 * @param more further keys of config.json
 */
export function filesBeside(
  { files, lowerCase, pretrained }: Companions,
  { config, tensors, reads, longest }: Pick<PretrainedModel, "config" | "tensors" | "reads" | "longest">,
  more: Readonly<Record<string, unknown>> = {},
): Record<string, Uint8Array | string> & Record<"config.json", string> & Record<"model.safetensors", Uint8Array> {
  return {
    ...files,
    // Tokenizers may allow fewer than the model reads now.
    ...(reads === "text" &&
      Number.isFinite(longest) && {
        "sentence_bert_config.json": json({ max_seq_length: longest, do_lower_case: lowerCase }),
      }),
    "config.json": json({ model_type: OWN_MODEL_TYPE, ...more, model: config, pretrained }),
    "model.safetensors": encodeSafetensors(tensors, { format: "pt" }),
  };
}

/** The last part of a path: where a folder lies on one machine means nothing on another. */
function publicName(name: string): string {
  const isPath = /^([/\\.~]|[A-Za-z]:)/.test(name);
  return isPath ? (name.split(/[/\\]/).findLast((part) => part !== "") ?? name) : name;
}

/** The model lies beside modules.json, wherever it lay before. */
function atRoot(entry: z.output<typeof modulesFile>[number]) {
  return entry.type.endsWith("Transformer") ? { ...entry, path: "" } : entry;
}

function json(value: unknown): string {
  return toExactJson(value, "a file of the converted model");
}

/**
 * Writes a converted model to a new or an empty folder, which appears when it is whole.
 *
 * @param source where the original was loaded from
 * @throws StorageError for a folder that holds anything, which stays as it is, and where it cannot be written
 *
 * @example
 * const source = await openSource("all-MiniLM-L6-v2");
 * const model = convertPretrained(await loadPretrained(source), { mechanism: "favor", numFeatures: 256, seed: 0 });
 * await saveConverted("minilm-favor", model, source);
 */
export async function saveConverted(folder: string, model: PretrainedModel, source: FileSource): Promise<void> {
  await writeNewFolder(folder, await convertedFiles(model, source));
}
