/** The tiny models of images in tests/convert/golden, and what the original computed. */

import { readFile } from "node:fs/promises";

import { loadPretrained, memorySource } from "../../src/convert/index.ts";
import { decodeImage } from "../../src/data/images/codecs.ts";
import { changedJson, goldenFolder } from "./golden.ts";

export const imageModels = ["vit", "deit"] as const;
export type ImageModel = (typeof imageModels)[number];

/** Written by make-golden-images.py. */
export interface GoldenImages {
  readonly images: readonly string[];
  readonly intensities: readonly (readonly number[])[];
  readonly shape: readonly [number, number, number];
  readonly lastHiddenState: readonly number[];
  readonly logits?: readonly number[];
}

export const bytesOf = async (name: ImageModel, file: string) =>
  new Uint8Array(await readFile(`${goldenFolder(name)}/${file}`));
export const goldenOf = async (name: ImageModel) =>
  JSON.parse(new TextDecoder().decode(await bytesOf(name, "golden.json"))) as GoldenImages; // see make-golden-images.py

export async function filesOf(name: ImageModel) {
  const all = ["config.json", "model.safetensors", "preprocessor_config.json"] as const;
  return Object.fromEntries(await Promise.all(all.map(async (file) => [file, await bytesOf(name, file)] as const)));
}

export const load = async (name: ImageModel, changed: Readonly<Record<string, Uint8Array | string>> = {}) =>
  loadPretrained(memorySource(name, { ...(await filesOf(name)), ...changed }));

/** A folder with some keys of a JSON file changed. */
export const loadWith = async (file: string, changes: Readonly<Record<string, unknown>>) =>
  load("vit", { [file]: changedJson((await filesOf("vit"))[file], changes) });

export async function encoded(name: ImageModel) {
  const model = await load(name);
  const { images } = await goldenOf(name);
  const ids = await Promise.all(
    images.map(async (file) => model.encodeImage?.(await decodeImage(await bytesOf(name, file), file), file)),
  );
  const { bosId, eosId } = model.vocabulary;
  return { model, ids: ids.map((each) => [bosId, ...(each?.tokenIds ?? []), eosId]) };
}
