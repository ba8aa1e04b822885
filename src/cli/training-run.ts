// A training run from its first step, or its last checkpoint, to its report: what `train` and `demo` have in common.

import { createBackend } from "../runtime/node.ts";
import type { Backend } from "../runtime/index.ts";
import { planTraining, proteinVocabulary } from "../data/index.ts";
import type { ProteinDataset, SplitName } from "../data/index.ts";
import type { ModelConfig } from "../model/config.ts";
import { countParameters } from "../model/parameters.ts";
import { writeCheckpoint } from "../storage/checkpoints.ts";
import { StorageError } from "../storage/errors.ts";
import type { RunFolder } from "../storage/run-folder.ts";
import { formFor, type AttentionMechanism } from "../attention/mechanism.ts";
import { mechanisms } from "../attention/mechanisms.ts";
import { createExecution } from "../training/choose-execution.ts";
import { evaluatorWith } from "../training/evaluate.ts";
import type { Execution } from "../training/execution.ts";
import { train } from "../training/trainer.ts";
import type { TrainingState } from "../training/trainer.ts";
import { describeData } from "./dataset.ts";
import { evaluateSplit, residueBatches } from "./evaluation.ts";
import type { SplitFigures } from "./evaluation.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { performerCommand, shellQuoted } from "./invocation.ts";
import { checkMemory } from "./memory-check.ts";
import { memoryLimit } from "./memory-limit.ts";
import { createMetricsLog } from "./metrics-log.ts";
import { formatCount, formatLarge } from "./output/numbers.ts";
import { createProgress } from "./output/progress.ts";
import type { RunConfig } from "./run-config.ts";
import { describeModel, writeRunReport } from "./run-report.ts";
import { generateSamples } from "./samples.ts";
import type { Sample } from "./samples.ts";

/** What every report shows: three proteins of the commonest first residue. */
const SHOWN_SAMPLES = { prompt: "M", maxNewTokens: 200, count: 3, seed: 0 } as const;
/** Measured at the end of a run: what training has not seen. */
const FINAL_SPLITS = ["test", "ood"] as const satisfies readonly SplitName[];

export interface TrainingRun {
  readonly config: RunConfig;
  readonly dataset: ProteinDataset;
  /** Called when everything has been checked, right before the first step. */
  readonly begin: () => Promise<RunFolder>;
  /** The newest checkpoint of a run that is resumed. */
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
  note(`model: ${formatLarge(parameters)} parameters, ${describeModel(config)}`);
  // One for training and for what is measured at its end: what is compiled once serves both.
  await using execution = createExecution(config.model, backend, config.training);
  const { folder, state, exitCode } = await trainInFolder(run, backend, execution);
  const { step } = state;
  const { steps } = config.training;
  const base = { run: folder.path, parameters, step, steps, ...state.trainerState };
  if (exitCode !== undefined) {
    note(`interrupted after step ${formatCount(step)}, checkpoint written; continue with: ${resumeCommand(folder)}`);
    return { result: { ...base, interrupted: true, evaluations: [], samples: [], report: null }, exitCode };
  }
  using interrupt = listenForInterrupt(() => {
    note(`training is complete, its report is not; continue with: ${resumeCommand(folder)}`);
    process.exit(interrupt.exitCode());
  });
  const evaluations: SplitFigures[] = [];
  const evaluator = evaluatorWith(execution);
  for (const split of FINAL_SPLITS.filter((name) => dataset.splits[name].length > 0)) {
    const progress = (total: number) => createProgress({ label: `evaluate ${split}`, total });
    evaluations.push(await evaluateSplit({ config, tensors: state.model, dataset, split, evaluator, progress }));
  }
  const samples = await generateSamples({ config: config.model, tensors: state.model, backend, ...SHOWN_SAMPLES });
  await writeRunReport(folder, config, dataset, { steps: step, ...state.trainerState, figures: evaluations, samples });
  const result = { ...base, interrupted: false, evaluations, samples, report: folder.reportPath };
  return { result, exitCode: 0 };
}

async function trainInFolder(
  { config, dataset, begin, initial, ignoreMemory = false }: TrainingRun,
  backend: Backend,
  execution: Execution,
): Promise<{ folder: RunFolder; state: TrainingState; exitCode: number | undefined }> {
  const { model, training } = config;
  const batches = planTraining({
    sequences: dataset.splits.train,
    seed: training.seed,
    tokensPerBatch: training.tokensPerBatch,
    maxSeqLen: model.maxSeqLen,
    bucketStep: training.bucketStep,
    vocabulary: proteinVocabulary,
  });
  const { valid } = dataset.splits;
  const validation = valid.length > 0 ? residueBatches(config, valid) : [];
  const question = {
    config: model,
    training,
    shapes: batches.shapes,
    evaluationShapes: validation,
    form: formFor(backend.device),
  };
  if (!ignoreMemory) note(`memory: ${checkMemory(question, memoryLimit())}`);
  const taken = mechanismsTaken(model, batches.shapes);
  if (taken !== undefined) note(`attention: ${taken}`);
  const folder = await begin();
  note(`run folder: ${folder.path}`);
  if (initial !== undefined && initial.step >= training.steps) {
    note(`all ${formatCount(training.steps)} steps are done; what is left is the report`);
    return { folder, state: initial, exitCode: undefined };
  }
  const progress = createProgress({ label: "train", total: training.steps, start: initial?.step ?? 0 });
  using interrupt = listenForInterrupt(() => {
    progress.log("interrupted: finishing this step and writing a checkpoint; interrupt again to stop at once");
  });
  let saved = initial?.step;
  try {
    const { state } = await train({
      config: model,
      training,
      backend,
      execution,
      batches,
      validation,
      ...(initial !== undefined && { initial }),
      signal: interrupt.signal,
      ...createMetricsLog(folder, training, progress),
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

/** What a mechanism that chooses among others takes for the lengths of the run. */
function mechanismsTaken(model: ModelConfig, shapes: readonly { readonly seqLen: number }[]): string | undefined {
  const { choose }: AttentionMechanism = mechanisms[model.mechanism];
  if (choose === undefined) return undefined;
  const lengths = [...new Set(shapes.map(({ seqLen }) => seqLen))].toSorted((a, b) => a - b);
  const { numFeatures } = model;
  const choices = lengths.map((numKeys) => ({ numKeys, name: choose({ causal: true, numKeys, numFeatures }) }));
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
