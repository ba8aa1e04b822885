/**
 * A model from its files, whoever wrote them: what trains and saves here, what was converted here, or Hugging Face's
 * library.
 */
import { problem } from "../graph/errors.ts";
import {
  isPretrained,
  loadPretrained,
  openSource,
  type ModelOrigin,
  type OpenSourceOptions,
  type PretrainedModel,
} from "../convert/index.ts";
import { jsonObject, readJsonIfThere } from "../convert/json-files.ts";
import { isOwn } from "../convert/saved-model.ts";
import type { Vocabulary } from "../data/index.ts";
import type { NdArray } from "../graph/ndarray.ts";
import { checkTensors, ConfigError, type ModelConfig } from "../model/index.ts";
import { StorageError } from "../storage/errors.ts";
import type { FileSource } from "../storage/file-source.ts";
import { parseJson } from "../storage/json.ts";
import { decodeSafetensors } from "../storage/safetensors.ts";
import { keyOf, readNaming, readSavedConfig } from "./saved-config.ts";

const CONFIG = "config.json";
const WEIGHTS = "model.safetensors";

export interface SavedModel {
  /** The model's folder, address or hub name, for messages. */
  readonly name: string;
  readonly config: ModelConfig;
  /** Weights and projections. */
  readonly tensors: Readonly<Record<string, NdArray>>;
  readonly vocabulary: Vocabulary;
  /** The seed that drew the weights, and draws those of a new output layer. */
  readonly seed: number;
  /** Names of the classes of labels; empty where they have none. */
  readonly classNames: readonly string[];
  /** config.json, parsed; of a folder of sentence-transformers there may be none. */
  readonly description: unknown;
  /** How a pretrained or converted model reads its input; undefined for models trained here. */
  readonly pretrained?: PretrainedModel;
  readonly source: FileSource;
}

/**
 * Opens a run, a folder of `save_pretrained`, a converted folder or one of Hugging Face's library, wherever it lies.
 *
 * @throws StorageError or ConfigError naming the file, and what is wrong with it or was looked for
 */
export async function openSavedModel(from: ModelOrigin, options: OpenSourceOptions = {}): Promise<SavedModel> {
  const source = await openSource(from, options);
  return (await isPretrained(source)) ? openPretrained(source) : openTrained(source);
}

async function openPretrained(source: FileSource): Promise<SavedModel> {
  const pretrained = await loadPretrained(source);
  const description = (await readJsonIfThere(source, CONFIG, jsonObject)) ?? {};
  const naming = readNaming(`${source.name}/${CONFIG}`, isOwn(description) ? description : {});
  const { name, config, tensors, vocabulary } = pretrained;
  return { name, config, tensors, vocabulary, ...naming, description, pretrained, source };
}

/** Opens a run or a saved model that was trained here, like `openSavedModel`. */
export async function openTrained(source: FileSource): Promise<SavedModel> {
  const { name } = source;
  const read = async (path: string, what: string): Promise<Uint8Array> => {
    const bytes = await source.read(path);
    if (bytes !== undefined) return bytes;
    throw new StorageError(problem`${name}/${path}: not found (${what}); check the path.`, { code: "ERR_NOT_FOUND" });
  };
  const config = await read(CONFIG, "every model's folder holds one");
  const model = await read(WEIGHTS, "the model's weights; in a run they come with the first checkpoint");
  return { ...readTrained(new TextDecoder().decode(config), model, `${name}/`), name, source };
}

/**
 * A run or a saved model from its files' texts and bytes.
 *
 * @param folder stands in front of the files' names in messages
 */
export function readTrained(
  config: string,
  model: Uint8Array,
  folder = "",
): Omit<SavedModel, "name" | "source" | "pretrained"> {
  const description = parseJson(config, folder + CONFIG);
  if (keyOf(description, "pretrained") !== undefined) {
    throw new ConfigError(
      problem`${folder}${CONFIG}: the model must be one that was trained here, got one that began as a pretrained one;
      use from_pretrained({ "${CONFIG}": config, "${WEIGHTS}": model, ...others })`,
    );
  }
  const { model: own, ...naming } = readSavedConfig(folder + CONFIG, description);
  const { tensors } = decodeSafetensors(model, { name: folder + WEIGHTS });
  checkTensors(own, tensors, folder + WEIGHTS);
  return { ...naming, config: own, tensors, description };
}
