/** Training from the first step, or the last checkpoint, to the report. */

import { createBackend } from "../../runtime/node.ts";
import type { Backend } from "../../runtime/index.ts";
import { imageShapeOf, type SplitName } from "../../data/index.ts";
import type { ModelConfig } from "../../model/config.ts";
import { countParameters } from "../../model/parameters.ts";
import { longestSequence } from "../../model/positions.ts";
import { layerMechanisms } from "../../model/stacks.ts";
import { writeCheckpoint } from "../../storage/checkpoints.ts";
import { StorageError } from "../../storage/errors.ts";
import type { RunFolder } from "../../storage/run-folder.ts";
import { formFor } from "../../attention/mechanism.ts";
import { createExecution } from "../../training/choose-execution.ts";
import { evaluatorWith } from "../../training/evaluate.ts";
import type { Execution } from "../../training/execution.ts";
import { train, type TrainingState } from "../../training/trainer.ts";
import { batchesOf } from "../../runs/batches.ts";
import { describeData, sizeOf, type RunDataset } from "../../runs/dataset.ts";
import { evaluateSplit, type SplitFigures } from "../../runs/evaluation.ts";
import { measureSplit, predictSplit, writePredictions, type PredictedLabel } from "../../runs/held-out.ts";
import { checkMemory } from "../../runs/memory-check.ts";
import { memoryLimitOn } from "../../runtime/node-memory.ts";
import { createMetricsLog } from "./metrics-log.ts";
import { formatCount, formatLarge } from "../../text/numbers.ts";
import {
  ignoreEvent,
  notice,
  reportProgress,
  untilAborted,
  type OnEvent,
  type TaskContext,
} from "../../runs/events.ts";
import type { TrainingRun } from "../../runs/training-run.ts";
import type { BaseRun, RunConfig } from "../../runs/run-config.ts";
import { describeModel, writeRunReport } from "./run-report.ts";
import { generateSamples, type Sample } from "../../runs/samples.ts";

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
  /** Empty when interrupted; so are `samples`, and `report` is null. */
  readonly evaluations: readonly SplitFigures[];
  readonly samples: readonly Sample[];
  /** predictions.csv of labelled tables. */
  readonly predictions?: string;
  /** The run that a fine-tuned model started from. */
  readonly base?: BaseRun;
  readonly report: string | null;
}

/**
 * Trains, evaluates, generates, and writes the report.
 *
 * @param context an aborted signal ends training after the step in progress, with a checkpoint, and the report between
 *   two batches; the result then says `interrupted`
 * @throws UsageError when the run is estimated not to fit into memory; TrainingError when the loss diverges;
 *   StorageError when the folder cannot be written, naming the last whole checkpoint
 */
export async function runTraining(run: TrainingRun, context: TaskContext = {}): Promise<TrainingResult> {
  const { config, dataset } = run;
  const { device, threads } = config.engine;
  const backend = createBackend({ device, threads });
  const parameters = countParameters(config.model);
  const { signal, onEvent = ignoreEvent } = context;
  notice(onEvent, describeData(dataset));
  if (dataset.notice !== undefined) notice(onEvent, dataset.notice);
  const cut = describeCut(config, dataset);
  if (cut !== undefined) notice(onEvent, cut);
  notice(onEvent, `model: ${formatLarge(parameters)} parameters, ${describeModel(config)}`);
  // One for training and for what is measured at its end: what is compiled once serves both.
  await using execution = createExecution(config.model, backend, config.training);
  const { folder, state, interrupted } = await trainInFolder(run, backend, execution, context);
  const { steps } = config.training;
  const origin = config.base && { base: config.base };
  const base = { run: folder.path, parameters, step: state.step, steps, ...origin, ...state.trainerState };
  const unfinished = { ...base, interrupted: true, evaluations: [], samples: [], report: null };
  if (interrupted) return unfinished;
  try {
    const report = await reportOn(run, folder, state, execution, backend, untilAborted(signal, onEvent));
    return { ...base, interrupted: false, ...report, report: folder.reportPath };
  } catch (error) {
    if (signal?.aborted === true && error === signal.reason) return unfinished;
    throw error;
  }
}

/** Measures the finished model, lets it generate, and writes the run's report. */
async function reportOn(
  { config, dataset }: TrainingRun,
  folder: RunFolder,
  state: TrainingState,
  execution: Execution,
  backend: Backend,
  onEvent: OnEvent,
): Promise<Pick<TrainingResult, "evaluations" | "samples" | "predictions">> {
  const evaluations: SplitFigures[] = [];
  const predicted: PredictedLabel[] = [];
  const evaluator = evaluatorWith(execution);
  for (const split of FINAL_SPLITS.filter((name) => dataset.splits[name].length > 0)) {
    const few = describeFew(dataset, split);
    if (few !== undefined) notice(onEvent, few);
    const progress = (total: number) => reportProgress(onEvent, { label: `evaluate ${split}`, unit: "batches", total });
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
          onEvent,
          ...SHOWN_SAMPLES,
          ...shown,
        });
  const results = { steps: state.step, ...state.trainerState, figures: evaluations, samples };
  await writeRunReport(folder, config, dataset, results);
  return { evaluations, samples, ...(predictions !== undefined && { predictions }) };
}

async function trainInFolder(
  { config, dataset, begin, initial, ignoreMemory = false }: TrainingRun,
  backend: Backend,
  execution: Execution,
  { signal, onEvent = ignoreEvent }: TaskContext,
): Promise<{ folder: RunFolder; state: TrainingState; interrupted: boolean }> {
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
  if (!ignoreMemory) notice(onEvent, `memory: ${checkMemory(question, memoryLimitOn(backend.device))}`);
  const taken = mechanismsTaken(model, batches.shapes);
  if (taken !== undefined) notice(onEvent, `attention: ${taken}`);
  const folder = await begin();
  onEvent({ type: "run", folder: folder.path, step: initial?.step ?? 0, totalSteps: training.steps });
  if (initial !== undefined && initial.step >= training.steps) {
    notice(onEvent, `all ${formatCount(training.steps)} steps are done; what is left is the report`);
    return { folder, state: initial, interrupted: false };
  }
  // What a fine-tuned run begins with is no checkpoint of its own.
  let saved = initial?.step === 0 ? undefined : initial?.step;
  try {
    const { state, interrupted } = await train({
      config: model,
      training,
      backend,
      execution,
      batches,
      ...(validation !== undefined && { validation }),
      ...(initial !== undefined && { initial }),
      ...(signal !== undefined && { signal }),
      ...createMetricsLog(folder, training, onEvent, dataset.labelled === undefined ? "tokens" : dataset.words.units),
      onCheckpoint: async ({ step, model: tensors, optimizer, trainerState }) => {
        await writeCheckpoint(folder, { step, model: tensors, optimizer, trainerState });
        saved = step;
        onEvent({ type: "checkpoint", step, folder: folder.path });
      },
    });
    return { folder, state, interrupted };
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    const kept =
      saved === undefined
        ? "No checkpoint had been written yet."
        : `The checkpoint of step ${formatCount(saved)} is whole; continue with: performer train --resume ${folder.path}`;
    throw new StorageError({ ...error.problem, fix: `${error.fix ?? ""} ${kept}` }, { cause: error });
  } finally {
    onEvent({ type: "progress-end", label: "train" });
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
