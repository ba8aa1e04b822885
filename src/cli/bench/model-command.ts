// `performer bench model`: its options, and what it prints.

import type { Command } from "commander";

import { mechanisms } from "../../attention/mechanisms.ts";
import { nearestName } from "../../graph/nearest-name.ts";
import { asUsage, UsageError } from "../../runs/usage.ts";
import { printJson } from "../output/json.ts";
import { formatCount, formatFixed } from "../../text/numbers.ts";
import { createProgress } from "../output/progress.ts";
import { formatTable } from "../../text/table.ts";
import { createVerb, positiveInteger } from "../verb.ts";
import { directionOf } from "../../bench/contender.ts";
import { modelCurves } from "../../bench/curves.ts";
import { addCaseOptions, chosenCases, listed, parseLengths, parseThreads } from "./options.ts";
import type { CaseOptions } from "./options.ts";
import { describeRun } from "../../bench/measure.ts";
import { benchModel, benchModelNames, modelComparisons } from "../../bench/model.ts";
import type { ModelBenchResult, ModelBenchSettings } from "../../bench/model.ts";
import { FREE_ATTENTION, subjectConfig } from "../../bench/model-graphs.ts";
import { writeFigure } from "./write-figure.ts";

const NOTES = `
Regular has 8 heads, 6 layers, mlpDim 2048 and modelDim 512, small 1 head, 6 layers, mlpDim 64 and modelDim 64, as in figure 3 of
arXiv:2009.14794; batch 1, a small vocabulary. '${FREE_ATTENTION}' is the same model with attention that returns its values: the fastest that any can be
(its queries and keys are not even computed). Forward gives logits, forward+backward the loss and the gradient of every weight.

Every model runs in a process of its own, which is where its peak memory comes from: program, engine and weights included. All that
are compared run in turn, round by round. What certainly does not fit into the free memory is skipped in one line.`;

interface ModelBenchOptions extends CaseOptions {
  readonly model: string;
  readonly lengths: string;
  readonly mechanisms: string;
  readonly features: number;
  readonly rounds: number;
  readonly threads?: number;
  readonly json?: boolean;
  readonly svg?: string;
}

export function modelBenchCommand(): Command {
  const command = createVerb({
    name: "bench model",
    summary: "Measure a whole model in time and memory beside one whose attention costs nothing.",
    examples: [
      ["bench model", "both models, up to 2,048 tokens: some minutes"],
      ["bench model --model regular --lengths 8192 --pass forward+backward --mechanisms favor", "one long sequence"],
      ["bench model --model small --lengths 1024,4096,16384 --svg small.svg", "curves of time and memory"],
      ["bench model --mechanisms favor,favor-relu --json", "two feature maps, the figures as JSON"],
    ],
  }).name("model");
  return addCaseOptions(command, { pass: "both", direction: "causal" })
    .addHelpText("after", NOTES)
    .option("--model <list>", `which of ${benchModelNames.join(", ")}`, benchModelNames.join(","))
    .option("--lengths <list>", "tokens in the sequence", "512,1024,2048")
    .option(
      "--mechanisms <list>",
      `beside ${FREE_ATTENTION}: which of ${Object.keys(mechanisms).join(", ")}`,
      "favor,exact",
    )
    .option("--features <count>", "random features a head", positiveInteger, 256)
    .option("--rounds <count>", "how often everything runs in turn", positiveInteger, 5)
    .option("--threads <count>", "threads of the engine (default: all cores)", positiveInteger)
    .option("--svg <file>", "draw time and memory over length, all logarithmic")
    .action(async (options: ModelBenchOptions) => {
      const result = await measureModel(await asUsage(() => modelBenchSettings(options)));
      if (options.svg !== undefined) await writeFigure(options.svg, "Whole models by length", modelCurves(result.rows));
      if (options.json === true) await printJson(result);
      else process.stdout.write(`${formatModelBench(result)}\n`);
    });
}

/** @throws UsageError for a list with something in it that cannot be measured, and for a mechanism that no such model can have */
export function modelBenchSettings(options: ModelBenchOptions): ModelBenchSettings {
  const settings: ModelBenchSettings = {
    models: listed(options.model).map((name) => oneOf("--model", name, benchModelNames)),
    lengths: parseLengths(options.lengths, "--lengths", "1024,4096"),
    mechanisms: listed(options.mechanisms)
      .filter((name) => name !== FREE_ATTENTION)
      .map((name) => oneOf("--mechanisms", name, Object.keys(mechanisms))),
    ...chosenCases(options),
    numFeatures: options.features,
    rounds: options.rounds,
    threads: parseThreads(options.threads),
  };
  // The configuration refuses what does not fit together, now and not in a child.
  for (const { name: _name, ...comparison } of modelComparisons(settings)) {
    for (const subject of settings.mechanisms) subjectConfig({ ...comparison, subject });
  }
  return settings;
}

function oneOf<Name extends string>(option: string, given: string, names: readonly Name[]): Name {
  const found = names.find((name) => name === given);
  if (found !== undefined) return found;
  const near = nearestName(given, names);
  const fix = near === undefined ? "leave the option out for its default" : `did you mean '${near}'?`;
  throw new UsageError(`${option} must be among ${names.join(", ")}, got '${given}'; ${fix}`);
}

/** Measures with progress on standard error. */
export async function measureModel(settings: ModelBenchSettings): Promise<ModelBenchResult> {
  const progress = createProgress({
    label: "bench model",
    total: modelComparisons(settings).length * settings.rounds,
  });
  let done = 0;
  try {
    return await benchModel(settings, {
      onRound: (what) => progress.update(++done, { measuring: what }),
      onSkipped: ({ what, reason }) => progress.log(`bench model: ${what} is skipped: ${reason}`),
    });
  } finally {
    progress.stop();
  }
}

export function formatModelBench({ machine, rows }: ModelBenchResult): string {
  const header = [
    "model",
    "attention",
    "direction",
    "pass",
    "tokens",
    "median ms",
    "min ms",
    "of X",
    "peak MiB",
    "of X's",
  ];
  const cells = rows.map((row) => [
    row.model,
    row.mechanism,
    directionOf(row),
    row.pass,
    formatCount(row.seqLen),
    formatFixed(row.medianMs, 1),
    formatFixed(row.minMs, 1),
    `${formatFixed(row.ratioToX, 2)}×`,
    formatCount(Math.round(row.peakBytes / 2 ** 20)),
    `${formatFixed(row.peakRatioToX, 2)}×`,
  ]);
  return `${describeRun(machine)}\n\n${formatTable(header, cells)}`;
}
