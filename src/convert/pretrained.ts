/** Pretrained Transformers from their folders, as models of ours with exact attention that compute the same numbers. */
import * as z from "zod";
import { configuredBy } from "../graph/errors.ts";
import { nearestName } from "../graph/nearest-name.ts";
import { modelConfig } from "../model/config.ts";
import { longestSequence } from "../model/positions.ts";
import { checkTensors } from "../model/tensors.ts";
import type { FileSource } from "../storage/file-source.ts";
import { openSource, type ModelOrigin, type OpenSourceOptions } from "./open-source.ts";
import { architectures, pretrainedModelTypes, type PretrainedModelType } from "./architectures/index.ts";
import type { PretrainedArchitecture } from "./architectures/architecture.ts";
import { readCheckpoint } from "./checkpoint.ts";
import { fileOf, jsonObject, parseForeign, readJson } from "./json-files.ts";
import { refuse, shown } from "./refuse.ts";
import { isOwn, planOfSaved, savedModel } from "./saved-model.ts";
import type { PretrainedModel } from "./pretrained-model.ts";
import { readPipeline } from "./sentence-transformers.ts";
import { readInput } from "./read-input.ts";
import { createWeightReader } from "./weight-reader.ts";

/**
 * Reads a model as `save_pretrained` writes it: config.json, model.safetensors or its shards, tokenizer.json; and what
 * sentence-transformers adds (modules.json, pooling, the longest text).
 *
 * Attention is exact, halves become float32, and every tensor of the file is either part of the model or listed in
 * `unused`. Of heads those that predict tokens are read; a body without one has the head `none`. What `saveConverted`
 * wrote is read with the mechanism that it was given.
 *
 * @param from a folder, or a name on the hub such as "sentence-transformers/all-MiniLM-L6-v2", the address of a folder
 *   (https://…/), or files by their paths
 * @throws StorageError naming file, key, rule and what came: for an unknown `model_type` or setting, a weight that is
 *   missing, unknown or of another shape, a file that is cut short or damaged, a path that leaves the folder, a
 *   tokenizer of another model
 */
export async function loadPretrained(from: ModelOrigin, opening: OpenSourceOptions = {}): Promise<PretrainedModel> {
  const source = await openSource(from, opening);
  const pipeline = await readPipeline(source);
  const { base } = pipeline;
  const path = `${base}config.json`;
  const who = fileOf(source, path);
  const json = await readJson(source, path, jsonObject, "give the folder that save_pretrained wrote");
  if (isOwn(json)) refuseTrained(json, who);
  const own = isOwn(json) ? parseForeign(who, savedModel, json) : undefined;
  const modelType = knownType(own === undefined ? json["model_type"] : own.pretrained.model_type, who);
  const architecture: PretrainedArchitecture = architectures[modelType];
  const { reads } = architecture;
  const plan = own === undefined ? architecture.plan(json, who) : planOfSaved(own);
  // Before megabytes are read.
  const input = await readInput(source, pipeline, plan, reads);
  const { vocabSize } = plan;
  const { vocabulary, scale } = input;
  const reader = createWeightReader(await readCheckpoint(source, base), modelType, own ? "" : architecture.prefix);
  const { padId, maskId } = vocabulary;
  const exact = { vocabSize, padId, mechanism: "exact" } as const;
  const options = { ...exact, ...plan.options(reader, { maskId, scale }) };
  const config = configuredBy(who, () => modelConfig(options));
  const tensors = plan.weights(reader, config);
  checkTensors(config, tensors, source.name);
  const places = longestSequence(config).length;
  // A protein is read whole: its end is as much of it as its beginning.
  const longest = reads === "text" ? Math.min(places, input.longest) : places;
  return {
    name: source.name,
    modelType,
    origin: own?.pretrained.name,
    reads,
    config,
    tensors,
    vocabulary,
    unused: reader.finish(own ? [] : architecture.unused),
    pooling: input.pooling,
    normalize: pipeline.normalize,
    longest,
    lowerCase: pipeline.lowerCase,
    prompt: pipeline.prompt,
    encode: (text, id = "text", most = longest) => input.encode(text, id, most),
    encodeImage: input.encodeImage,
  };
}

/** Models that were trained here have classes of their own. */
function refuseTrained(json: Readonly<Record<string, unknown>>, who: string): void {
  if (json["pretrained"] !== undefined) return;
  const [name = "PerformerFor…"] = Array.isArray(json["architectures"]) ? json["architectures"] : [];
  refuse(
    who,
    "the model must be a pretrained or a converted one",
    "one that performer train or save_pretrained wrote",
    `use ${String(name)}.from_pretrained`,
  );
}

function knownType(found: unknown, who: string): PretrainedModelType {
  const known = pretrainedModelTypes.find((name) => name === found);
  if (known !== undefined) return known;
  const near = nearestName(String(found), pretrainedModelTypes);
  return refuse(
    who,
    `model_type must be one of ${pretrainedModelTypes.join(", ")}`,
    shown(found),
    near === undefined
      ? "use a model of one of these kinds"
      : `the nearest is '${near}'; use a model of one of these kinds`,
  );
}

const description = z.looseObject({ model_type: z.string() });

/**
 * Whether a source holds a pretrained model rather than a run of ours: config.json with a `model_type` other than
 * "performer" or, of a converted one, with what it was before; or modules.json of sentence-transformers.
 */
export async function isPretrained(source: FileSource): Promise<boolean> {
  if (await source.has("modules.json")) return true;
  const bytes = await source.read("config.json");
  if (bytes === undefined) return false;
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    // Who reads it says what is wrong.
    return false;
  }
  const parsed = description.safeParse(json);
  return parsed.success && (!isOwn(parsed.data) || parsed.data["pretrained"] !== undefined);
}
