/** Every benchmark at small sizes, into a folder of figures and tables. */

import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { embeddedProteinsUrl } from "../data/index.ts";
import type { TaskContext } from "../runs/events.ts";
import { createFolder, writeFileAtomically } from "../storage/files.ts";
import { toExactJson } from "../storage/json.ts";
import { benchAttention } from "./attention.ts";
import { directions } from "./contender.ts";
import { attentionCurves, memoryCurves, modelCurves, type CurvePoint } from "./curves.ts";
import { benchData } from "./data.ts";
import { benchDecode } from "./decode.ts";
import { benchMemory } from "./memory.ts";
import { benchModel } from "./model.ts";
import { passes } from "./products.ts";
import {
  formatAttentionBench,
  formatDataBench,
  formatDecodeBench,
  formatMemoryBench,
  formatModelBench,
  formatTrainBench,
} from "./tables.ts";
import { benchTrain } from "./train.ts";
import { writeFigure } from "./write-figure.ts";

const sizes = { numHeads: 8, headDim: 64, numFeatures: 256 } as const;
const trainModel = { numLayers: 4, modelDim: 256, numHeads: 4, numFeatures: 128, dropout: 0 } as const;

/** What a benchmark leaves behind. */
interface Part {
  readonly name: string;
  readonly result: unknown;
  readonly table: string;
  readonly curves?: { readonly label: string; readonly points: readonly CurvePoint[] };
}

export interface AllBenchSettings {
  /** The folder that gets the files; made when it is not there. */
  readonly out: string;
  /** The smallest sizes, which say nothing about speed. */
  readonly quick: boolean;
  readonly threads: number;
  /** Called with each benchmark's table, once its files are written. */
  readonly onTable: (table: string) => void;
}

/** @returns what each benchmark gives, by its name */
export async function benchAll(
  { out, quick, threads, onTable }: AllBenchSettings,
  context: TaskContext = {},
): Promise<Readonly<Record<string, unknown>>> {
  await createFolder(out);
  const results: Record<string, unknown> = {};
  const tables: string[] = [];
  for (const measure of benchmarks) {
    const { name, result, table, curves } = await measure(threads, quick, context);
    // Written at once: what is done stays when a later one fails.
    await writeFileAtomically(join(out, `${name}.json`), toExactJson(result, `the result of bench ${name}`));
    if (curves !== undefined) await writeFigure(join(out, `${name}.svg`), curves.label, curves.points);
    const titled = `bench ${name}\n\n${table}\n`;
    tables.push(titled);
    await writeFileAtomically(join(out, "tables.txt"), tables.join("\n"));
    results[name] = result;
    onTable(titled);
  }
  return results;
}

type Measure = (threads: number, quick: boolean, context: TaskContext) => Promise<Part>;

const attention: Measure = async (threads, quick, context) => {
  const result = await benchAttention(
    {
      lengths: quick ? [16, 32, 64] : [1024, 2048, 4096],
      mechanisms: ["favor"],
      passes,
      directions,
      rounds: quick ? 1 : 5,
      ...sizes,
      threads,
      exact: true,
      engineOp: true,
      peers: [],
      python: "python3",
    },
    context,
  );
  const curves = { label: "Time of attention by length", points: attentionCurves(result.rows) };
  return { name: "attention", result, table: formatAttentionBench(result), curves };
};

const model: Measure = async (threads, quick, context) => {
  const result = await benchModel(
    {
      models: quick ? ["small"] : ["regular", "small"],
      lengths: quick ? [16, 32] : [256, 512, 1024],
      mechanisms: ["favor", "exact"],
      passes: ["forward+backward"],
      directions: ["causal"],
      numFeatures: sizes.numFeatures,
      rounds: quick ? 1 : 3,
      threads,
    },
    context,
  );
  const curves = { label: "Time and memory of whole models by length", points: modelCurves(result.rows) };
  return { name: "model", result, table: formatModelBench(result), curves };
};

const memory: Measure = async (threads, quick, context) => {
  const result = await benchMemory(
    {
      lengths: quick ? [16, 32] : [1024, 4096, 16384],
      mechanisms: ["favor"],
      passes: quick ? ["forward"] : passes,
      directions: ["causal"],
      exact: true,
      ...sizes,
      threads,
    },
    context,
  );
  const curves = { label: "Peak memory of attention by length", points: memoryCurves(result.rows) };
  return { name: "memory", result, table: formatMemoryBench(result), curves };
};

const train: Measure = async (threads, quick, context) => {
  const seqLen = quick ? 16 : 1024;
  const result = await benchTrain(
    {
      model: { ...trainModel, positions: "learned", maxSeqLen: seqLen },
      batchSize: quick ? 1 : 4,
      seqLen,
      steps: quick ? 1 : 5,
      threads,
    },
    context,
  );
  return { name: "train", result, table: formatTrainBench(result) };
};

const decode: Measure = async (threads, quick, context) => {
  const result = await benchDecode(
    {
      positions: [quick ? 1001 : 10000],
      batches: quick ? [1] : [1, 16],
      tokens: quick ? 20 : 500,
      jump: true,
      model: trainModel,
      threads,
    },
    context,
  );
  return { name: "decode", result, table: formatDecodeBench(result) };
};

/** Measures the embedded proteins, which every machine has. */
const data: Measure = async (_threads, _quick, context) => {
  const result = await benchData(fileURLToPath(embeddedProteinsUrl), context);
  return { name: "data", result, table: formatDataBench(result) };
};

const benchmarks: readonly Measure[] = [attention, model, memory, train, decode, data];
