/**
 * How a folder of sentence-transformers makes one vector of a text: modules.json and what it names. Without it, the
 * mean over all tokens, as that library does with any other model.
 */
import * as z from "zod";
import type { Pooling } from "../inference/embed.ts";
import { requireInside, type FileSource } from "../storage/file-source.ts";
import { fileOf, jsonObject, readJson, readJsonIfThere } from "./json-files.ts";
import { refuse } from "./refuse.ts";

export interface SentencePipeline {
  /** Where the model itself lies, with a slash at its end; empty for the folder. */
  readonly base: string;
  readonly pooling: Pooling;
  /** Vectors are divided by their length. */
  readonly normalize: boolean;
  /** Tokens that are read of a text, special ones included; undefined where the folder does not say. */
  readonly longest: number | undefined;
  /** Texts are made lower case first. */
  readonly lowerCase: boolean;
  /** Stands in front of every text. */
  readonly prompt: string;
}

/** modules.json: the parts of a model, in their order. */
export const modulesFile = z.array(z.looseObject({ type: z.string(), path: z.string() }));
const settingsFile = z.looseObject({
  max_seq_length: z.int().positive().nullish(),
  do_lower_case: z.boolean().nullish(),
});
const promptsFile = z.looseObject({
  prompts: z.record(z.string(), z.string()).nullish(),
  default_prompt_name: z.string().nullish(),
});

/** The settings of the transformer were once named by its class. */
const settingsNames = ["sentence_bert_config.json", "sentence_roberta_config.json", "sentence_distilbert_config.json"];

/** Kinds of pooling by their keys in the module's config.json, and by their names in newer ones. */
const poolings = new Map<string, Pooling>(
  Object.entries({
    pooling_mode_cls_token: "cls",
    pooling_mode_mean_tokens: "mean",
    pooling_mode_lasttoken: "last",
    cls: "cls",
    mean: "mean",
    lasttoken: "last",
  } as const),
);

/**
 * @throws StorageError for modules and kinds of pooling that are not computed here, and for paths that leave the folder
 */
export async function readPipeline(source: FileSource): Promise<SentencePipeline> {
  const modules = await readJsonIfThere(source, "modules.json", modulesFile);
  if (modules === undefined) {
    const settings = await readSettings(source, "");
    return { base: "", pooling: "mean", normalize: false, ...settings, prompt: "" };
  }
  const who = fileOf(source, "modules.json");
  const paths = new Map<string, string>();
  for (const { type, path } of modules) {
    if (path !== "") requireInside(who, path);
    paths.set(type.slice(type.lastIndexOf(".") + 1), path);
  }
  const base = baseOf(paths.get("Transformer") ?? refuseModule(who, "a Transformer", "none"));
  const other = [...paths.keys()].find((kind) => !["Transformer", "Pooling", "Normalize"].includes(kind));
  if (other !== undefined) refuseModule(who, "Transformer, Pooling or Normalize", other);
  const poolingPath = paths.get("Pooling") ?? refuseModule(who, "a Pooling", "none");
  return {
    base,
    pooling: await readPooling(source, `${baseOf(poolingPath)}config.json`),
    normalize: paths.has("Normalize"),
    ...(await readSettings(source, base)),
    prompt: await readPrompt(source),
  };
}

function baseOf(path: string): string {
  return path === "" ? "" : `${path}/`;
}

function refuseModule(who: string, rule: string, got: string): never {
  return refuse(who, `modules must be ${rule}`, got, "use a model whose vectors are pooled states of tokens");
}

async function readPooling(source: FileSource, path: string): Promise<Pooling> {
  const config = await readJson(source, path, jsonObject, "copy or download the whole folder");
  const chosen = [
    ...Object.keys(config).filter((key) => key.startsWith("pooling_mode_") && config[key] === true),
    ...(typeof config["pooling_mode"] === "string" ? [config["pooling_mode"]] : []),
  ];
  const [only = "none", second] = chosen;
  const found = second === undefined ? poolings.get(only) : undefined;
  return (
    found ??
    refuse(
      fileOf(source, path),
      `pooling must be one of ${[...poolings.keys()].join(", ")}`,
      chosen.join(" and ") || "none",
      "use a model that pools in one of these ways",
    )
  );
}

async function readSettings(source: FileSource, base: string) {
  for (const name of settingsNames) {
    const found = await readJsonIfThere(source, base + name, settingsFile);
    if (found !== undefined) {
      return { longest: found.max_seq_length ?? undefined, lowerCase: found.do_lower_case === true };
    }
  }
  return { longest: undefined, lowerCase: false };
}

/** Prompts that a program has to ask for by name are left to it. */
async function readPrompt(source: FileSource): Promise<string> {
  const path = "config_sentence_transformers.json";
  const found = await readJsonIfThere(source, path, promptsFile);
  const name = found?.default_prompt_name;
  if (name === undefined || name === null) return "";
  const prompt = new Map(Object.entries(found?.prompts ?? {})).get(name);
  return (
    prompt ??
    refuse(fileOf(source, path), "default_prompt_name must be one of prompts", `'${name}'`, "download the folder again")
  );
}
