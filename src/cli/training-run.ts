// A training run from its first step, or its last checkpoint, to its report: what `train` and `demo` have in common.

import { createBackend } from "../runtime/node.ts";
import type { Backend } from "../runtime/index.ts";
import { imageShapeOf } from "../data/index.ts";
import type { SplitName } from "../data/index.ts";
import type { ModelConfig } from "../model/config.ts";
import { countParameters } from "../model/parameters.ts";
import { longestSequence } from "../model/positions.ts";
import { layerMechanisms } from "../model/stacks.ts";
import { writeCheckpoint } from "../storage/checkpoints.ts";
import { StorageError } from "../storage/errors.ts";
import type { RunFolder } from "../storage/run-folder.ts";
import { formFor } from "../attention/mechanism.ts";
import { createExecution } from "../training/choose-execution.ts";
import { evaluatorWith } from "../training/evaluate.ts";
import type { Execution } from "../training/execution.ts";
import { train } from "../training/trainer.ts";
import type { TrainingState } from "../training/trainer.ts";
import { batchesOf } from "./batches.ts";
import { describeData, sizeOf } from "./dataset.ts";
import type { RunDataset } from "./dataset.ts";
import { evaluateSplit } from "./evaluation.ts";
import type { SplitFigures } from "./evaluation.ts";
import { measureSplit, predictSplit, writePredictions } from "./finetune/held-out.ts";
import type { PredictedLabel } from "./finetune/held-out.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { performerCommand, shellQuoted } from "./invocation.ts";
import { checkMemory } from "./memory-check.ts";
import { memoryLimitOn } from "./memory-limit.ts";
import { createMetricsLog } from "./metrics-log.ts";
import { formatCount, formatLarge } from "./output/numbers.ts";
import { createProgress } from "./output/progress.ts";
import type { BaseRun, RunConfig } from "./run-config.ts";
import { describeModel, writeRunReport } from "./run-report.ts";
import { generateSamples } from "./samples.ts";
import type { Sample } from "./samples.ts";

/** What every report shows. */
const SHOWN_SAMPLES = { count: 3, seed: 0 } as const;
const SHOWN_TOKENS = 200;
/** Tokens of the text that is held out, for the model to go on from. */
const PROMPT_TOKENS = 40;
/** Larger images take longer to write than a report may. */
const LARGEST_SHOWN_IMAGE = 4096;
/** With fewer, one more or less that is predicted right moves accuracy by 5 points or more. */
const FEWEST_TOLD = 20;
/** Measured at the end of a run: what training has not seen. */
const FINAL_SPLITS = ["test", "ood"] as const satisfies readonly SplitName[];

export interface TrainingRun {
  readonly config: RunConfig;
  readonly dataset: RunDataset;
  /** Called when everything has been checked, right before the first step. */
  readonly begin: () => Promise<RunFolder>;
  /** The newest checkpoint of a run that is resumed, or of a run that is fine-tuned the weights that it begins with. */
  readonly initial?: TrainingState;
  /** Starts even what is estimated not to fit into memory. Default false. */
  readonly ignoreMemory?: boolean;
}

/** The JSON document of `train` and `demo`. */
export interface TrainingResult {
  /** The run folder. */
  readonly run: string;
  readonly parameters: number;
  readonly step: number;
  readonly steps: number;
  readonly interrupted: boolean;
  /** Tokens predicted in training, ends of sequences included. */
  readonly tokens: number;
  readonly elapsedSeconds: number;
  /** None when interrupted, as with the samples and the report. */
  readonly evaluations: readonly SplitFigures[];
  readonly samples: readonly Sample[];
  /** predictions.csv of labelled tables. */
  readonly predictions?: string;
  /** Of a fine-tuned model: what it came from. */
  readonly base?: BaseRun;
  readonly report: string | null;
}

export interface TrainingEnd {
  readonly result: TrainingResult;
  readonly exitCode: number;
}

/** Trains, evaluates, generates, and writes the report. Ctrl-C ends training after the step in progress, with a checkpoint. */
export async function carryOut(run: TrainingRun): Promise<TrainingEnd> {
  const { config, dataset } = run;
  const { device, threads } = config.engine;
  const backend = createBackend({ device, threads });
  const parameters = countParameters(config.model);
  note(describeData(dataset));
  if (dataset.notice !== undefined) note(dataset.notice);
  const cut = describeCut(config, dataset);
  if (cut !== undefined) note(cut);
  note(`model: ${formatLarge(parameters)} parameters, ${describeModel(config)}`);
  // One for training and for what is measured at its end: what is compiled once serves both.
  await using execution = createExecution(config.model, backend, config.training);
  const { folder, state, exitCode } = await trainInFolder(run, backend, execution);
  const { step } = state;
  const { steps } = config.training;
  const origin = config.base && { base: config.base };
  const base = { run: folder.path, parameters, step, steps, ...origin, ...state.trainerState };
  if (exitCode !== undefined) {
    note(`interrupted after step ${formatCount(step)}, checkpoint written; continue with: ${resumeCommand(folder)}`);
    return { result: { ...base, interrupted: true, evaluations: [], samples: [], report: null }, exitCode };
  }
  using interrupt = listenForInterrupt(() => {
    note(`training is complete, its report is not; continue with: ${resumeCommand(folder)}`);
    process.exit(interrupt.exitCode());
  });
  const evaluations: SplitFigures[] = [];
  const predicted: PredictedLabel[] = [];
  const evaluator = evaluatorWith(execution);
  for (const split of FINAL_SPLITS.filter((name) => dataset.splits[name].length > 0)) {
    const few = describeFew(dataset, split);
    if (few !== undefined) note(few);
    const progress = (total: number) => createProgress({ label: `evaluate ${split}`, unit: "batches", total });
    const figures = await evaluateSplit({ config, tensors: state.model, dataset, split, evaluator, progress });
    if (dataset.kind !== "table" || dataset.labelled === undefined) {
      evaluations.push(figures);
      continue;
    }
    const { labelled } = dataset;
    const rows = await predictSplit({ model: config.model, tensors: state.model, backend, labelled, split });
    predicted.push(...rows);
    evaluations.push({ ...figures, measured: measureSplit(rows, labelled) });
  }
  const predictions =
    dataset.labelled === undefined || predicted.length === 0
      ? undefined
      : await writePredictions(folder, predicted, dataset.labelled);
  const shown = shownSamples(config, dataset);
  const samples =
    shown === undefined
      ? []
      : await generateSamples({
          config: config.model,
          tensors: state.model,
          backend,
          vocabulary: dataset.vocabulary,
          ...SHOWN_SAMPLES,
          ...shown,
        });
  await writeRunReport(folder, config, dataset, { steps: step, ...state.trainerState, figures: evaluations, samples });
  const told = predictions !== undefined && { predictions };
  const result = { ...base, interrupted: false, evaluations, samples, ...told, report: folder.reportPath };
  return { result, exitCode: 0 };
}

async function trainInFolder(
  { config, dataset, begin, initial, ignoreMemory = false }: TrainingRun,
  backend: Backend,
  execution: Execution,
): Promise<{ folder: RunFolder; state: TrainingState; exitCode: number | undefined }> {
  const { model, training } = config;
  const planned = batchesOf(config, dataset);
  const batches = planned.training();
  const validation = dataset.splits.valid.length > 0 ? planned.evaluation("valid") : undefined;
  const question = {
    config: model,
    training,
    shapes: batches.shapes,
    evaluationShapes: validation?.shapes ?? [],
    form: formFor(backend.device),
  };
  if (!ignoreMemory) note(`memory: ${checkMemory(question, memoryLimitOn(backend.device))}`);
  const taken = mechanismsTaken(model, batches.shapes);
  if (taken !== undefined) note(`attention: ${taken}`);
  const folder = await begin();
  note(`run folder: ${folder.path}`);
  if (initial !== undefined && initial.step >= training.steps) {
    note(`all ${formatCount(training.steps)} steps are done; what is left is the report`);
    return { folder, state: initial, exitCode: undefined };
  }
  const progress = createProgress({
    label: "train",
    unit: "steps",
    total: training.steps,
    start: initial?.step ?? 0,
  });
  using interrupt = listenForInterrupt(() => {
    progress.log("interrupted: finishing this step and writing a checkpoint; interrupt again to stop at once");
  });
  // What a fine-tuned run begins with is no checkpoint of its own.
  let saved = initial?.step === 0 ? undefined : initial?.step;
  try {
    const { state } = await train({
      config: model,
      training,
      backend,
      execution,
      batches,
      ...(validation !== undefined && { validation }),
      ...(initial !== undefined && { initial }),
      signal: interrupt.signal,
      ...createMetricsLog(folder, training, progress, dataset.labelled === undefined ? "tokens" : dataset.words.units),
      onCheckpoint: async ({ step, model: tensors, optimizer, trainerState }) => {
        await writeCheckpoint(folder, { step, model: tensors, optimizer, trainerState });
        saved = step;
      },
    });
    return { folder, state, exitCode: interrupt.exitCode() };
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    const kept =
      saved === undefined
        ? "No checkpoint had been written yet."
        : `The checkpoint of step ${formatCount(saved)} is whole; continue with: ${resumeCommand(folder)}`;
    throw new StorageError(`${error.message} ${kept}`, { cause: error });
  } finally {
    progress.stop();
  }
}

/** Whole sequences that do not fit are told, for their labels may be about what is lost. */
function describeCut({ model }: RunConfig, { labelled, words }: RunDataset): string | undefined {
  // <bos> and <eos> stand around them.
  const longest = model.maxSeqLen - 2;
  const lengths = Object.values(labelled?.splits ?? {}).flatMap((each) => each.map(({ tokenIds }) => tokenIds.length));
  const long = lengths.filter((length) => length > longest).length;
  if (long === 0) return undefined;
  const most = lengths.reduce((a, b) => Math.max(a, b), 0);
  return `${formatCount(long)} of ${formatCount(lengths.length)} ${words.units} are longer than maxSeqLen − 2 = ${formatCount(longest)} tokens and lose their ends; the longest has ${formatCount(most)}`;
}

/** Figures of a handful of sequences are told to be that; a text is one sequence however long it is. */
function describeFew(dataset: RunDataset, split: SplitName): string | undefined {
  const { count, unit } = sizeOf(dataset, split);
  if (dataset.kind === "text" || count >= FEWEST_TOLD) return undefined;
  return `${split}: ${formatCount(count)} ${unit} only, too few for figures to say much`;
}

/** What is written for the report; nothing by models that do not write, and no images that take too long. */
function shownSamples(
  { data, model }: RunConfig,
  { splits, vocabulary, kind }: RunDataset,
): { readonly prompt: string; readonly maxNewTokens: number } | undefined {
  if (data.task !== "language-modeling" || model.architecture !== "decoder") return undefined;
  // Positions that are learned end.
  const room = longestSequence(model).length;
  const shape = imageShapeOf(vocabulary);
  if (shape !== undefined) {
    const maxNewTokens = shape.width * shape.height * shape.channels;
    return maxNewTokens > Math.min(LARGEST_SHOWN_IMAGE, room) ? undefined : { prompt: "", maxNewTokens };
  }
  // The commonest first residue.
  if (kind === "proteins") return { prompt: "M", maxNewTokens: Math.max(1, Math.min(SHOWN_TOKENS, room - 1)) };
  const [first] = [...splits.test, ...splits.valid, ...splits.train];
  // A text is met in its middle, and a cut through a character decodes to U+FFFD.
  const ids = first?.tokenIds.subarray(0, Math.min(PROMPT_TOKENS, Math.floor(room / 2))) ?? new Int32Array();
  const prompt = vocabulary.decode(ids).replace(/\uFFFD+$/, "");
  return { prompt, maxNewTokens: Math.max(1, Math.min(SHOWN_TOKENS, room - ids.length)) };
}

/** What mechanisms that choose among others take for the lengths of the run. */
function mechanismsTaken(model: ModelConfig, shapes: readonly { readonly seqLen: number }[]): string | undefined {
  const choose = layerMechanisms(model).find((mechanism) => mechanism.choose !== undefined)?.choose;
  if (choose === undefined) return undefined;
  const lengths = [...new Set(shapes.map(({ seqLen }) => seqLen))].toSorted((a, b) => a - b);
  const { numFeatures, architecture } = model;
  const causal = architecture === "decoder";
  const choices = lengths.map((numKeys) => ({ numKeys, name: choose({ causal, numKeys, numFeatures }) }));
  const names = [...new Set(choices.map(({ name }) => name))];
  return names
    .map((name) => {
      const of = choices.filter((each) => each.name === name).map(({ numKeys }) => numKeys);
      return `${name} for ${of.length > 1 ? `${of[0]} to ` : ""}${of.at(-1)} tokens`;
    })
    .join(", ");
}

function resumeCommand(folder: RunFolder): string {
  return `${performerCommand()} train --resume ${shellQuoted(folder.path)}`;
}

function note(line: string): void {
  process.stderr.write(`${line}\n`);
}
