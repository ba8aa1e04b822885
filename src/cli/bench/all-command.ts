// `performer bench all`: every benchmark at small sizes, into a folder of figures and tables.

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";

import { embeddedProteinsUrl } from "../../data/index.ts";
import { createFolder, writeFileAtomically } from "../../storage/files.ts";
import { toExactJson } from "../../storage/json.ts";
import { printJson } from "../output/json.ts";
import { createVerb, positiveInteger } from "../verb.ts";
import { formatAttentionBench, measureAttention } from "./attention-command.ts";
import { directions } from "../../bench/contender.ts";
import { attentionCurves, memoryCurves, modelCurves } from "../../bench/curves.ts";
import type { CurvePoint } from "../../bench/curves.ts";
import { benchData } from "../../bench/data.ts";
import { formatDataBench } from "./data-command.ts";
import { formatDecodeBench, measureDecode } from "./decode-command.ts";
import { formatMemoryBench, measureMemory } from "./memory-command.ts";
import { formatModelBench, measureModel } from "./model-command.ts";
import { parseThreads } from "./options.ts";
import { passes } from "../../bench/products.ts";
import { formatTrainBench, measureTrain } from "./train-command.ts";
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

interface AllOptions {
  readonly out: string;
  readonly quick?: boolean;
  readonly threads?: number;
  readonly json?: boolean;
}

export function allBenchCommand(): Command {
  return createVerb({
    name: "bench all",
    summary: "Run every benchmark at small sizes and write figures and tables into a folder.",
    examples: [
      ["bench all", "into runs/bench: three to five minutes"],
      ["bench all --quick", "the smallest sizes: seconds, to see that everything works"],
      ["bench all --out figures --json", "into a folder of your own, all results as JSON too"],
    ],
  })
    .name("all")
    .addHelpText(
      "after",
      `
The folder gets attention.json, model.json, memory.json, train.json and decode.json, a figure (.svg) of each of the first three, and
tables.txt with everything that the benchmarks print by themselves. Each can be run alone, at sizes of your own.`,
    )
    .option("--out <folder>", "where the files go", join("runs", "bench"))
    .option("--quick", "the smallest sizes, which say nothing about speed")
    .option("--threads <count>", "threads of the engine (default: all cores)", positiveInteger)
    .action(async (options: AllOptions) => {
      const threads = parseThreads(options.threads);
      await createFolder(options.out);
      const results: Record<string, unknown> = {};
      const tables: string[] = [];
      for (const measure of benchmarks) {
        const { name, result, table, curves } = await measure(threads, options.quick === true);
        // Written at once: what is done stays when a later one fails.
        await writeFileAtomically(
          join(options.out, `${name}.json`),
          toExactJson(result, `the result of bench ${name}`),
        );
        if (curves !== undefined) await writeFigure(join(options.out, `${name}.svg`), curves.label, curves.points);
        tables.push(`bench ${name}\n\n${table}\n`);
        await writeFileAtomically(join(options.out, "tables.txt"), tables.join("\n"));
        results[name] = result;
        if (options.json !== true) process.stdout.write(`${tables.at(-1) ?? ""}\n`);
      }
      if (options.json === true) await printJson(results);
      else process.stdout.write(`Written to ${options.out}.\n`);
    });
}

type Measure = (threads: number, quick: boolean) => Promise<Part>;

const attention: Measure = async (threads, quick) => {
  const result = await measureAttention({
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
  });
  const curves = { label: "Time of attention by length", points: attentionCurves(result.rows) };
  return { name: "attention", result, table: formatAttentionBench(result), curves };
};

const model: Measure = async (threads, quick) => {
  const result = await measureModel({
    models: quick ? ["small"] : ["regular", "small"],
    lengths: quick ? [16, 32] : [256, 512, 1024],
    mechanisms: ["favor", "exact"],
    passes: ["forward+backward"],
    directions: ["causal"],
    numFeatures: sizes.numFeatures,
    rounds: quick ? 1 : 3,
    threads,
  });
  const curves = { label: "Time and memory of whole models by length", points: modelCurves(result.rows) };
  return { name: "model", result, table: formatModelBench(result), curves };
};

const memory: Measure = async (threads, quick) => {
  const result = await measureMemory({
    lengths: quick ? [16, 32] : [1024, 4096, 16384],
    mechanisms: ["favor"],
    passes: quick ? ["forward"] : passes,
    directions: ["causal"],
    exact: true,
    ...sizes,
    threads,
  });
  const curves = { label: "Peak memory of attention by length", points: memoryCurves(result.rows) };
  return { name: "memory", result, table: formatMemoryBench(result), curves };
};

const train: Measure = async (threads, quick) => {
  const seqLen = quick ? 16 : 1024;
  const result = await measureTrain({
    model: { ...trainModel, positions: "learned", maxSeqLen: seqLen },
    batchSize: quick ? 1 : 4,
    seqLen,
    steps: quick ? 1 : 5,
    threads,
  });
  return { name: "train", result, table: formatTrainBench(result) };
};

const decode: Measure = async (threads, quick) => {
  const result = await measureDecode(
    {
      positions: [quick ? 1001 : 10000],
      batches: quick ? [1] : [1, 16],
      tokens: quick ? 20 : 500,
      jump: true,
      model: trainModel,
    },
    threads,
  );
  return { name: "decode", result, table: formatDecodeBench(result) };
};

/** Of the embedded proteins, which are there on every machine. */
const data: Measure = async () => {
  const result = await benchData(fileURLToPath(embeddedProteinsUrl));
  return { name: "data", result, table: formatDataBench(result) };
};

const benchmarks: readonly Measure[] = [attention, model, memory, train, decode, data];
