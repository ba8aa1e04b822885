/**
 * The weights of a folder: model.safetensors, the shards that model.safetensors.index.json lists, or a variant in other
 * precision.
 */
import * as z from "zod";
import type { NdArray } from "../graph/ndarray.ts";
import { requireInside, type FileSource } from "../storage/file-source.ts";
import { decodeSafetensors } from "../storage/safetensors.ts";
import { fileOf, readJsonIfThere } from "./json-files.ts";
import { refuse } from "./refuse.ts";

export interface StoredTensor {
  /** The tensor's name in the file. */
  readonly key: string;
  /** For messages. */
  readonly file: string;
  readonly array: NdArray;
}

const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";
/** The variants that `save_pretrained(folder, variant="fp16")` writes; the most precise first. */
const VARIANTS = ["fp32", "bf16", "fp16"].map((variant) => `model.${variant}.safetensors`);

const indexFile = z.looseObject({ weight_map: z.record(z.string(), z.string()) });

/**
 * All tensors, halves as float32.
 *
 * @param base the folder inside the source, with a slash at its end; empty for the source itself
 * @throws StorageError for a file that is missing, cut short or damaged, for shards that leave the folder, and where
 *   the list of shards and the shards do not agree
 */
export async function readCheckpoint(source: FileSource, base = ""): Promise<readonly StoredTensor[]> {
  const single = await readSingle(source, base, [SINGLE]);
  if (single !== undefined) return single;
  const index = await readJsonIfThere(source, base + INDEX, indexFile);
  if (index === undefined) return (await readSingle(source, base, VARIANTS)) ?? refuseMissing(source, base);
  const who = fileOf(source, base + INDEX);
  const files = [...new Set(Object.values(index.weight_map))].toSorted();
  const all: StoredTensor[] = [];
  for (const file of files) {
    requireInside(who, file);
    const bytes = await source.read(base + file);
    if (bytes === undefined) {
      return refuse(who, `every shard must be there`, `no ${JSON.stringify(file)}`, "copy or download it too");
    }
    all.push(...tensorsOf(fileOf(source, base + file), bytes));
  }
  checkIndex(who, index.weight_map, all, (file) => fileOf(source, base + file));
  return all;
}

/** The first of some files that is there. */
async function readSingle(source: FileSource, base: string, names: readonly string[]) {
  for (const name of names) {
    const bytes = await source.read(base + name);
    if (bytes !== undefined) return tensorsOf(fileOf(source, base + name), bytes);
  }
  return undefined;
}

function tensorsOf(file: string, bytes: Uint8Array): readonly StoredTensor[] {
  const { tensors } = decodeSafetensors(bytes, { name: file });
  return Object.entries(tensors).map(([key, array]) => ({ key, file, array }));
}

function checkIndex(
  who: string,
  listed: Readonly<Record<string, string>>,
  found: readonly StoredTensor[],
  pathOf: (file: string) => string,
): void {
  const fix = "the shards belong to different models, or one was replaced; copy or download the folder again";
  const places = new Map<string, string>();
  for (const { key, file } of found) {
    const own = Object.hasOwn(listed, key) ? listed[key] : undefined;
    if (own === undefined || pathOf(own) !== file) {
      refuse(file, `'${key}' must be in the shard that ${who} lists`, `${own ?? "none"} in the list`, fix);
    }
    places.set(key, file);
  }
  const missing = Object.entries(listed).find(([key]) => !places.has(key));
  if (missing !== undefined)
    refuse(pathOf(missing[1]), `'${missing[0]}' must be there, as ${who} lists`, "nothing", fix);
}

async function refuseMissing(source: FileSource, base: string): Promise<never> {
  const pickled = await source.has(`${base}pytorch_model.bin`);
  return refuse(
    fileOf(source, base + SINGLE),
    "the weights must be there as safetensors",
    pickled ? "pytorch_model.bin alone, a program rather than data" : "neither it nor an index of shards",
    pickled
      ? "save it anew with model.save_pretrained(folder, safe_serialization=True) in Python"
      : "give the folder that save_pretrained wrote, or download the whole of it",
  );
}
