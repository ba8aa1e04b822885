/** Experiment: the same model, data, steps and seeds with one mechanism after the other. */

import { modelConfig } from "performer-ts/model";
import { defineExperiment, type ExperimentRun, type GivenOptions } from "performer-ts/lab";
import { trainingConfig } from "performer-ts/training";
import type { TrainingJob } from "../training-runs/job.ts";
import { runSeries } from "../training-runs/series.ts";
import { runJob } from "../training-runs/start.ts";
import { loadSubject, subjects } from "../training-runs/subjects.ts";
import { drawComparison } from "./figure.ts";
import { named } from "./named.ts";
import { compareSettings, type CompareSettings, type Contender } from "./options.ts";
import { compareRuns, recordsOf, tableOf } from "./rows.ts";

/** Steps that tell how long one takes. */
const TRIAL_STEPS = 4;
/** What is left of the budget beside training steps: compiling, evaluating, starting processes. */
const TRAINING_SHARE = 0.8;
const FEWEST_STEPS = 10;
/** With --quick, instead of a budget. */
const QUICK_STEPS = 20;
const EVALUATIONS = 8;

export const compare = defineExperiment({
  experiment: "compare",
  title: "Trains the same model on the same data with one mechanism after the other, and compares what comes out.",
  examples: [
    ["compare --budget 10m", "exact attention, FAVOR+ and Performer-ReLU on proteins"],
    ['compare --data pride-and-prejudice --mechanisms "exact,local(window=64)"', "text, byte by byte"],
    ["compare --data yours.fasta --objective masked --mechanisms favor,linformer", "your sequences, masked"],
    ["compare --steps 500 --seeds 3 --json", "three runs each, the figures as JSON"],
  ],
  options: [
    {
      flags: "--data <name>",
      description: `${Object.keys(subjects).join(", ")}, a FASTA file, or a text file`,
      default: "proteins",
    },
    {
      flags: "--mechanisms <list>",
      description: "names of the table of mechanisms, with options in brackets: local(window=64)",
      default: "exact,favor,favor-relu",
    },
    {
      flags: "--objective <kind>",
      description: "each token from those before it, or hidden tokens from all others",
      choices: ["causal", "masked"],
      default: "causal",
    },
    { flags: "--budget <time>", description: "for all runs together, such as 90s, 10m, 2h (default: 10m)" },
    { flags: "--steps <count>", description: "of every run, instead of a budget" },
    { flags: "--seeds <count>", description: "runs of each mechanism", default: "1" },
    { flags: "--length <tokens>", description: "of the longest row (default: as suits the data)" },
    { flags: "--layers <count>", description: "of the model (default: as suits the data)" },
    { flags: "--dim <width>", description: "modelDim (default: as suits the data)" },
    { flags: "--heads <count>", description: "heads of a layer (default: as suits the data)" },
    { flags: "--features <count>", description: "random features of a head (default: as suits the data)" },
    { flags: "--batch <tokens>", description: "tokens of a step (default: 2048)" },
    { flags: "--rate <number>", description: "peak learning rate (default: 1e-3)" },
  ],
  run: async (given, run) => makeComparison(compareSettings(given), given, run),
});

async function makeComparison(settings: CompareSettings, given: GivenOptions, run: ExperimentRun) {
  const { data, objective, contenders, seeds, learningRate, model, length } = settings;
  const { quick, onProgress, onNote } = run;
  const tokensPerBatch = settings.tokensPerBatch ?? 2048;
  const request = { data, objective, quick, ...(length !== undefined && { length }) };
  const subject = await loadSubject(request, trainingConfig({ tokensPerBatch }));
  // Refused now, and not after half an hour: what a mechanism cannot do.
  const configs = contenders.map(({ label, mechanism }) =>
    named(label, () => modelConfig({ ...subject.model, ...model, mechanism })),
  );
  const jobOf = ({ mechanism }: Contender, steps: number): TrainingJob => ({
    subject: request,
    model: { ...model, mechanism },
    training: { steps, tokensPerBatch, learningRate, logInterval: steps },
    evaluations: EVALUATIONS,
  });
  const steps = quick && !("steps" in settings.effort) ? QUICK_STEPS : await chooseSteps(settings, jobOf, onNote);
  const runs = await runSeries(
    contenders.map((contender) => ({ ...contender, job: jobOf(contender, steps) })),
    seeds,
    onProgress,
  );
  const rows = compareRuns(runs, subject.measure);
  return {
    setting: {
      data: subject.title,
      objective,
      model: describeModel(configs[0]),
      steps,
      tokensPerBatch,
      learningRate,
      seeds: [...seeds],
      ...(given["budget"] !== undefined && { budget: String(given["budget"]) }),
    },
    measured: {
      measure: subject.measure.name,
      rows: [...recordsOf(rows)],
      runs: runs.map(({ label, seed, result }) => ({
        mechanism: label,
        seed,
        stepMs: result.stepMs,
        failedAt: result.failedAt,
        test: result.test && { ...result.test },
        curve: result.curve.map((point) => ({ ...point })),
      })),
    },
    table: tableOf(rows, subject.measure),
    figure: drawComparison(runs, subject.measure, "seconds"),
  };
}

/** Chooses the most steps that fit into the budget for all, by the time that a few of them take. */
async function chooseSteps(
  { contenders, seeds, effort }: CompareSettings,
  jobOf: (contender: Contender, steps: number) => TrainingJob,
  onNote: (text: string) => void,
): Promise<number> {
  if ("steps" in effort) return effort.steps;
  let roundMs = 0;
  for (const contender of contenders) {
    const started = performance.now();
    const { stepMs } = await runJob({ ...jobOf(contender, TRIAL_STEPS), evaluations: 0 });
    onNote(
      `${contender.label}: ${Math.round(stepMs)} ms a step, tried in ${Math.round((performance.now() - started) / 1000)} s`,
    );
    roundMs += stepMs;
  }
  const steps = Math.floor((TRAINING_SHARE * 1000 * effort.budgetSeconds) / (roundMs * seeds.length));
  if (steps < FEWEST_STEPS)
    onNote(`the budget is too short for ${FEWEST_STEPS} steps each; they are made all the same`);
  return Math.max(FEWEST_STEPS, steps);
}

function describeModel(config: ReturnType<typeof modelConfig> | undefined) {
  const { numLayers, modelDim, numHeads, mlpDim, numFeatures, maxSeqLen, positions } = config ?? {};
  const sizes = { numLayers, modelDim, numHeads, mlpDim, numFeatures, maxSeqLen };
  return {
    ...Object.fromEntries(Object.entries(sizes).map(([name, size]) => [name, size ?? 0])),
    positions: positions ?? "",
  };
}
