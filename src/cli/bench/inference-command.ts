// `performer bench inference`: its options, and what it prints.

import { fileURLToPath } from "node:url";

import { Option } from "commander";
import type { Command } from "commander";

import { createBackend } from "#engine";
import { embeddedProteinsUrl, proteinVocabulary } from "../../data/index.ts";
import type { EncodedSequence } from "../../data/index.ts";
import { modelConfig, modelPresets } from "../../model/index.ts";
import type { ModelConfig, ModelOptions, ModelPresetName } from "../../model/index.ts";
import { addDtypeOption } from "../dtype.ts";
import type { DtypeOptions } from "../dtype.ts";
import { asUsage, UsageError } from "../../runs/usage.ts";
import { printJson } from "../output/json.ts";
import { formatBytes, formatCount, formatFixed, formatPercent } from "../../text/numbers.ts";
import { createProgress } from "../output/progress.ts";
import { formatTable } from "../../text/table.ts";
import { applySettings, parseSetting, readRecipe } from "../../runs/recipe.ts";
import { readSequences } from "../../tasks/input/sequence-input.ts";
import { collect, createVerb, positiveInteger } from "../verb.ts";
import { benchInference, inferenceTasks } from "../../bench/inference.ts";
import type { InferenceBenchResult, InferenceBenchSettings, InferenceTask } from "../../bench/inference.ts";
import { describeRun } from "../../bench/measure.ts";
import { parseThreads } from "./options.ts";

interface InferenceBenchOptions extends DtypeOptions {
  readonly fasta?: string;
  readonly count: number;
  readonly preset?: ModelPresetName;
  readonly set?: readonly string[];
  readonly task: InferenceTask | "both";
  readonly batch?: number;
  readonly threads?: number;
  readonly json?: boolean;
}

export function inferenceBenchCommand(): Command {
  const command = createVerb({
    name: "bench inference",
    summary:
      "Measure how many residues a second are embedded and scored, as a share of the machine's matrix-product rate.",
    examples: [
      ["bench inference", "a model of the demo's size on embedded proteins"],
      ["bench inference --fasta DB.fasta.gz --count 4096", "on the first records of a file"],
      ["bench inference --set model.architecture=encoder --set model.modelDim=256", "another model"],
      ["bench inference --preset paper-regular --count 256 --task embed", "a model of the literature"],
      ["bench inference --json", "the figures as JSON"],
    ],
  }).name("inference");
  return addDtypeOption(command)
    .addHelpText(
      "after",
      `
Time is that of the whole: reading ahead, packing into batches, compiling graphs, running them, reading results. Operations are counted as
those of the textbook's matrix products for real tokens, with linear attention; padding does not count. The rate is that of a 1024³
product, measured in between. Weights are random. An encoder is scored in one pass.`,
    )
    .option("--fasta <file>", "proteins, FASTA, plain or gzip (default: the embedded proteins)")
    .option("--count <records>", "the first so many", positiveInteger, 1024)
    .addOption(
      new Option("--preset <name>", "a model of the literature (default: that of recipe demo)").choices(
        Object.keys(modelPresets),
      ),
    )
    .option("--set <key=value>", "change a setting of the model: --set model.numLayers=2; may be repeated", collect)
    .addOption(new Option("--task <task>", "what to measure").choices([...inferenceTasks, "both"]).default("both"))
    .option("--batch <tokens>", "tokens of a batch, padding included (default: as embed and score)", positiveInteger)
    .option("--threads <count>", "threads of the engine (default: all cores)", positiveInteger)
    .action(async (options: InferenceBenchOptions) => {
      const { task, batch, dtype } = options;
      const config = await asUsage(() => modelFor(options));
      const sequences = await firstSequences(options);
      const result = await measureInference({
        config,
        sequences,
        tasks: task === "both" ? inferenceTasks : [task],
        dtype,
        ...(batch !== undefined && { tokensPerBatch: batch }),
        threads: parseThreads(options.threads),
      });
      if (options.json === true) await printJson(result);
      else process.stdout.write(`${formatInferenceBench(result)}\n`);
    });
}

async function modelFor({ preset, set = [] }: InferenceBenchOptions): Promise<ModelConfig> {
  const changes = set.map(parseSetting);
  const other = changes.find(({ section }) => section !== "model");
  if (other !== undefined) {
    throw new UsageError(`--set must change the model, got ${other.section}.${other.key}; leave it out`);
  }
  const recipe = await readRecipe("demo");
  const { model } = applySettings(preset === undefined ? recipe : { ...recipe, model: modelPresets[preset] }, changes);
  const { size: vocabSize, padId } = proteinVocabulary;
  // modelConfig checks every key.
  return modelConfig({ ...(model as Omit<ModelOptions, "vocabSize">), vocabSize, padId });
}

async function firstSequences({ fasta, count }: InferenceBenchOptions): Promise<EncodedSequence[]> {
  const file = fasta ?? fileURLToPath(embeddedProteinsUrl);
  const found: EncodedSequence[] = [];
  for await (const sequence of readSequences({ fasta: file }, proteinVocabulary)) {
    found.push(sequence);
    if (found.length === count) break;
  }
  return found;
}

/** Measures with progress on standard error. */
async function measureInference(settings: InferenceBenchSettings): Promise<InferenceBenchResult> {
  const { sequences, tasks, threads } = settings;
  const residues = sequences.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
  const progress = createProgress({ label: "bench inference", unit: "residues", total: tasks.length * residues });
  try {
    return await benchInference(settings, createBackend({ threads }), (task, done) =>
      progress.update(tasks.indexOf(task) * residues + done, { task }),
    );
  } finally {
    progress.stop();
  }
}

export function formatInferenceBench({
  machine,
  model,
  sequences,
  residues,
  rows,
  peakBytes,
}: InferenceBenchResult): string {
  const cells = rows.map((row) => [
    row.task,
    formatFixed(row.seconds, 1),
    formatCount(Math.round(row.residuesPerSecond)),
    formatFixed(row.gflop, 0),
    formatFixed(row.gemmGflops, 0),
    formatPercent(row.shareOfGemm),
    formatPercent(row.paddingShare),
    `${row.graphs} in ${formatFixed(row.compileSeconds, 1)} s`,
    `${row.batches} in ${formatFixed(row.runSeconds, 1)} s`,
  ]);
  const header = [
    "task",
    "seconds",
    "residues/s",
    "GFLOP",
    "1024³ GFLOP/s",
    "share",
    "padding",
    "graphs compiled",
    "batches run",
  ];
  const about = `${describeRun(machine)}\n${model}\n${formatCount(sequences)} sequences, ${formatCount(residues)} residues`;
  return `${about}; peak memory ${formatBytes(peakBytes)}\n\n${formatTable(header, cells)}`;
}
