/**
 * What `save_pretrained` wrote as a run whose data are not known: its config.json holds the model and the vocabulary
 * alone.
 */
import { basename, resolve } from "node:path";

import { ConfigError, problem } from "../graph/errors.ts";
import type { ModelConfig } from "../model/config.ts";
import { classFor } from "../models/model-kinds.ts";
import { keyOf, readSavedConfig } from "../models/saved-config.ts";
import type { VocabularyDescription } from "../data/index.ts";
import type { DataKind, Task } from "./data/source.ts";

/**
 * config.json with all that a run's says, where `save_pretrained` wrote it; any other as it is.
 *
 * @param origin the path of config.json, for messages and the name
 * @throws ConfigError for a model that no run trains
 */
export function completeSaved(origin: string, json: unknown): unknown {
  const has = (key: string) => keyOf(json, key) !== undefined;
  if (!has("model") || has("data") || has("engine")) return json;
  const { model, vocabulary } = readSavedConfig(origin, json);
  const task = taskOf(model);
  if (task === undefined) {
    const right = classFor(model);
    throw new ConfigError(
      problem`${origin}: the model must be a decoder, an encoder of tokens, a classifier or a regression of sequences,
      got '${model.architecture}' with head '${model.head}'; use
      ${right === undefined ? "the library" : `${right}.from_pretrained`}`,
    );
  }
  return {
    name: basename(resolve(origin, "..")),
    data: { name: "unknown", kind: kindOf(task, vocabulary.toJSON()), task },
    engine: { device: "cpu", threads: 1 },
    version: "",
    ...(json as object), // keyOf found keys in it
  };
}

function taskOf({ architecture, head }: ModelConfig): Task | undefined {
  if (head === "sequence-classification") return "classification";
  if (head === "regression") return "regression";
  if (head !== "language-modeling" || architecture === "encoder-decoder") return undefined;
  return architecture === "encoder" ? "masked" : "language-modeling";
}

function kindOf(task: Task, { kind }: VocabularyDescription): DataKind {
  if (kind === "pixels") return "images";
  if (task === "classification" || task === "regression") return "table";
  return kind === "letters" ? "proteins" : "text";
}
