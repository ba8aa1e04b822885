/** Experiment: a task of Long Range Arena, with any mechanism. */

import { problem } from "performer-ts/graph";
import { lraTasks, type LraTask } from "performer-ts/data";
import { defineExperiment, type ExperimentRun, type GivenOptions } from "performer-ts/lab";
import { ConfigError, modelConfig } from "performer-ts/model";
import { trainingConfig } from "performer-ts/training";
import { drawComparison } from "../compare/figure.ts";
import { named } from "../compare/named.ts";
import { parseContenders, wholeNumber } from "../compare/options.ts";
import { compareRuns, recordsOf, tableOf } from "../compare/rows.ts";
import { runSeries } from "../training-runs/series.ts";
import { loadSubject } from "../training-runs/subjects.ts";
import { lraPrefix } from "../training-runs/subjects/lra.ts";
import { publishedAccuracy, publishedTraining } from "./published.ts";

const taskNames = Object.keys(lraTasks) as readonly LraTask[]; // the table's own keys

/** Rows and steps of --quick: a minute or two for a mechanism. */
const QUICK = { rows: 16, steps: 120, learningRate: 2e-3 } as const;
const LEARNING_RATE = 5e-4;
const EVALUATIONS = 10;

export const lra = defineExperiment({
  experiment: "lra",
  title: "Trains a classifier on a task of Long Range Arena, with the mechanisms that are asked for.",
  examples: [
    ["lra --task listops --quick", "FAVOR+ on short lists: a minute or two"],
    ["lra --task text --mechanism exact,favor,bigbird --quick", "three mechanisms side by side"],
    ["lra --task image --mechanism favor --steps 2000", "the published model, for so many steps"],
  ],
  options: [
    { flags: "--task <name>", description: "which one", choices: taskNames, default: "listops" },
    {
      flags: "--mechanism <list>",
      description: "names of the table of mechanisms, with options in brackets: local(window=64)",
      default: "favor",
    },
    { flags: "--steps <count>", description: "of every run (default: as published; with --quick 120)" },
    {
      flags: "--length <tokens>",
      description: "longest sequence, longer ones lose their ends (default: as published)",
    },
    { flags: "--seed <number>", description: "decides weights and batches", default: "1" },
    {
      flags: "--folder <path>",
      description: "files to read: e-mails for text, Fashion-MNIST for image, .txt files for retrieval",
    },
  ],
  run: carryOut,
});

async function carryOut(given: GivenOptions, { quick, onProgress, onNote }: ExperimentRun) {
  const task = taskNames.find((name) => name === given["task"]);
  if (task === undefined) {
    throw new ConfigError(problem`lra: --task must be one of ${taskNames.join(", ")}, got '${String(given["task"])}'`);
  }
  const contenders = parseContenders(String(given["mechanism"] ?? "favor"));
  const published = publishedTraining[task];
  const steps = wholeNumber(given, "steps") ?? (quick ? QUICK.steps : published.steps);
  const seed = wholeNumber(given, "seed") ?? 1;
  const length = wholeNumber(given, "length");
  const { folder } = given;
  const request = {
    data: lraPrefix + task,
    objective: "masked",
    quick,
    ...(length !== undefined && { length }),
    ...(typeof folder === "string" && { folder }),
  } as const;
  if (!quick) onNote("the published setting takes hours to days on a CPU; --quick takes minutes");
  // The subject says how long rows are, and rows how many tokens a step has.
  const probe = await loadSubject(request, trainingConfig({}));
  const tokensPerBatch = (quick ? QUICK.rows : published.rows) * (probe.model.maxSeqLen ?? 1024);
  const learningRate = quick ? QUICK.learningRate : LEARNING_RATE;
  for (const { label, mechanism } of contenders) named(label, () => modelConfig({ ...probe.model, mechanism }));
  const job = {
    subject: request,
    training: { steps, tokensPerBatch, learningRate, logInterval: steps },
    evaluations: EVALUATIONS,
  };
  const runs = await runSeries(
    contenders.map((contender) => ({ ...contender, job })),
    [seed],
    (done, total, what) => onProgress(done, total, `${task}, ${what}`),
  );
  const rows = compareRuns(runs, probe.measure);
  const reference = publishedAccuracy[task];
  return {
    setting: {
      task,
      data: probe.title,
      quick,
      steps,
      tokensPerBatch,
      learningRate,
      seed,
      maxSeqLen: probe.model.maxSeqLen ?? 0,
    },
    measured: {
      measure: probe.measure.name,
      rows: [...recordsOf(rows)],
      published: Object.fromEntries(contenders.map(({ label }) => [label, reference[label] ?? null])),
    },
    table: withPublished(tableOf(rows, probe.measure), reference),
    figure: drawComparison(runs, probe.measure, "seconds"),
  };
}

/** The table with a column of what the authors measured in the full setting. */
function withPublished(
  { header, rows }: ReturnType<typeof tableOf>,
  reference: Readonly<Record<string, number>>,
): ReturnType<typeof tableOf> {
  return {
    header: [...header, "published, %"],
    rows: rows.map((row) => [...row, reference[String(row[0])]?.toFixed(2) ?? "–"]),
  };
}
