/** The folders of tests/convert/golden, and what the original computed. */

import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { createBackend } from "#engine";
import { loadPretrained, type PretrainedModel } from "../../src/convert/index.ts";
import { ndarray, toFloat32 } from "../../src/graph/ndarray.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { modelInputs } from "../../src/model/inputs.ts";
import type { ModelTensors } from "../../src/model/performer.ts";
import { input } from "../../src/ops/source.ts";
import { feedsFor } from "../../src/runtime/backend.ts";
import { openFolderSource } from "../../src/storage/folder-source.ts";

export const goldenNames = ["bert", "bert-bf16-shards", "distilbert", "roberta", "gpt2", "esm"] as const;
export type GoldenName = (typeof goldenNames)[number];

/** Written by make-golden.py. */
export interface Golden {
  readonly texts: readonly string[];
  /** Special tokens included, without padding. */
  readonly inputIds: readonly (readonly number[])[];
  /** [B, L, modelDim]; the shorter text is padded at its end. */
  readonly shape: readonly [number, number, number];
  readonly lastHiddenState: readonly number[];
  /** Of GPT-2 behind the last token of each text; of models of hidden tokens at the first one that is hidden. */
  readonly logits?: readonly { readonly row: number; readonly place: number; readonly values: readonly number[] }[];
}

export function goldenFolder(name: string): string {
  return fileURLToPath(new URL(`golden/${name}`, import.meta.url));
}

export async function readGolden(name: GoldenName): Promise<Golden> {
  return JSON.parse(await readFile(`${goldenFolder(name)}/golden.json`, "utf8")) as Golden; // see make-golden.py
}

const loaded = new Map<GoldenName, Promise<PretrainedModel>>();

/** Read once, however many tests ask for it. */
export function loadGolden(name: GoldenName): Promise<PretrainedModel> {
  const known = loaded.get(name) ?? openFolderSource(goldenFolder(name)).then(loadPretrained);
  loaded.set(name, known);
  return known;
}

/** A folder's files in memory, to be changed. */
export async function goldenFiles(name: GoldenName): Promise<Record<string, Uint8Array>> {
  const folder = goldenFolder(name);
  const files = await Promise.all(
    (await readdir(folder)).map(async (file) => [file, new Uint8Array(await readFile(`${folder}/${file}`))] as const),
  );
  return Object.fromEntries(files.filter(([file]) => file !== "golden.json"));
}

/** A JSON file with some of its keys changed; those that become undefined are left out. */
export function changedJson(bytes: Uint8Array | undefined, changes: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ ...(JSON.parse(new TextDecoder().decode(bytes)) as object), ...changes });
}

/** Of numbers around 1, both computed in float32 by sums in another order. */
export const TOLERANCE = 1e-5;

const backend = createBackend();

/** What a graph makes of a batch of token ids, padded at their ends. */
export async function compute(
  model: PretrainedModel,
  ids: readonly (readonly number[])[],
  build: (tensors: ModelTensors, tokenIds: Tensor) => Tensor,
): Promise<Float32Array> {
  const length = Math.max(...ids.map((row) => row.length));
  const padded = ids.flatMap((row) => [...row, ...Array<number>(length - row.length).fill(model.config.padId)]);
  const shape = [ids.length, length];
  const y = build(modelInputs(model.config), input("tokenIds", shape, "int32"));
  await using graph = await backend.compile({ outputs: { y } });
  const tokenIds = ndarray(Int32Array.from(padded), shape);
  const found = await graph.run(feedsFor(graph, { ...model.tensors, tokenIds: tokenIds.data }));
  return toFloat32(found["y"] ?? ndarray(new Float32Array(0), [0])).slice();
}

/** NaN where a number is missing. */
export function largestDifference(found: ArrayLike<number>, expected: readonly number[]): number {
  return expected.reduce((most, value, index) => Math.max(most, Math.abs(value - (found[index] ?? Number.NaN))), 0);
}
