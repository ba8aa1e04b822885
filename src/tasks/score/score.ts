/** How likely proteins are under a trained model, and what every mutation of one would change. */

import { problem } from "../../graph/errors.ts";
import { tagId } from "../../data/index.ts";
import { scoreMutants, type MutantScores } from "../../inference/mutants.ts";
import { checkMethod, scoreSequences, type ScoringMethod, type SequenceScore } from "../../inference/score.ts";
import type { WeightDtype } from "../../onnx/weight-dtype.ts";
import type { EngineOptions } from "../../runs/engine-options.ts";
import {
  notice,
  reportReading,
  untilAborted,
  type OnEvent,
  type ProgressReport,
  type TaskContext,
} from "../../runs/events.ts";
import { memoryLimitOn } from "../../runtime/node-memory.ts";
import { asUsage, UsageError } from "../../runs/usage.ts";
import { readSequences, surveySequences, type InputSequence, type SequenceOptions } from "../input/sequence-input.ts";
import { checkOutputs, writeMutants } from "./mutant-files.ts";
import { mutantsDocument, type MutantsDocument } from "./mutant-report.ts";
import { openScoringModel, type ScoringModel } from "./subject.ts";

export interface ScoreOptions extends SequenceOptions, EngineOptions {
  /** How weights are stored. */
  readonly dtype: WeightDtype;
  /** Scores the sequence as one of this family or organism; for models trained with such tags. */
  readonly tag?: string;
  /** How a masked model scores. Default: each residue hidden in turn. */
  readonly method?: ScoringMethod;
  /** Tokens computed at a time, padding included. */
  readonly tokensPerBatch?: number;
}

/** Scores one after the other, whatever the input's size. */
export interface ScoreStream {
  /** Letters of the longest identifier; undefined for a pipe. */
  readonly longestId: number | undefined;
  readonly scores: AsyncIterable<SequenceScore>;
}

/**
 * Opens a model, reads the proteins once, and scores while the scores are read.
 *
 * @throws UsageError for models that do not predict residues, and for methods that they do not have; as `readSequences`
 *   for the input
 */
export async function openScores(
  folder: string,
  options: ScoreOptions,
  { signal, onEvent }: TaskContext = {},
): Promise<ScoreStream> {
  const told = untilAborted(signal, onEvent);
  const subject = await openFor(folder, options, told);
  const tell = (text: string) => notice(told, text);
  const survey = await surveySequences(options, subject.letters, tell, signal);
  // What is to be told about the input has been told by then.
  const read = readSequences(options, subject.letters, survey === undefined ? tell : undefined);
  return {
    longestId: survey?.longestId,
    scores: (async function* () {
      const progress = reportReading(told, { label: "score", total: survey?.residues });
      const sequences = asRead(read, subject, options);
      try {
        yield* scoreSequences({ ...scoring(subject, options), sequences, onProgress: progress.update });
      } finally {
        progress.stop();
      }
    })(),
  };
}

export interface MutantOptions extends ScoreOptions {
  /** A heat map, .svg or .png, or the table, .csv. */
  readonly out?: readonly string[];
}

export interface MutantResult extends MutantsDocument {
  readonly files: readonly string[];
}

export interface ScoredMutants {
  readonly result: MutantResult;
  readonly scores: MutantScores;
}

/**
 * Scores all single mutants of one protein.
 *
 * @throws as `openScores`; UsageError for more than one protein; StorageError for files that cannot be written
 */
export async function scoreAllMutants(
  folder: string,
  { out = [], ...options }: MutantOptions,
  { signal, onEvent }: TaskContext = {},
): Promise<ScoredMutants> {
  checkOutputs({ out, mutants: true });
  const told = untilAborted(signal, onEvent);
  const subject = await openFor(folder, options, told);
  const sequence = await onlySequence(subject, options, told);
  let progress: ProgressReport | undefined;
  try {
    const scores = await scoreMutants({
      ...scoring(subject, options),
      sequence,
      onProgress: (tokens, total) =>
        (progress ??= reportReading(told, { label: "score mutants", total })).update(tokens),
    });
    return { result: { ...mutantsDocument(scores), files: await writeMutants(out, scores) }, scores };
  } finally {
    progress?.stop();
  }
}

async function openFor(folder: string, options: ScoreOptions, onEvent: OnEvent): Promise<ScoringModel> {
  const subject = await openScoringModel(folder, options, onEvent);
  await asUsage(() => checkMethod("--method", subject.config, options.method));
  return subject;
}

/** What all scores need. */
function scoring({ config, tensors, vocabulary, backend }: ScoringModel, options: ScoreOptions) {
  const { dtype, method, tokensPerBatch } = options;
  return {
    config,
    tensors,
    vocabulary,
    backend,
    dtype,
    memoryLimitBytes: memoryLimitOn(backend.device).bytes,
    ...(method && { method }),
    ...(tokensPerBatch !== undefined && { tokensPerBatch }),
  };
}

/**
 * By the model's own ids, and behind the tag.
 *
 * @throws DataError when the model has no such tag
 */
async function* asRead(
  sequences: AsyncIterable<InputSequence>,
  { vocabulary, withOwnIds }: ScoringModel,
  { tag }: ScoreOptions,
) {
  const startId = tag === undefined ? undefined : tagId(vocabulary, tag, "--tag");
  for await (const sequence of sequences) yield { ...withOwnIds(sequence), startId };
}

/** @throws UsageError for more than one protein */
async function onlySequence(subject: ScoringModel, options: ScoreOptions, onEvent: OnEvent): Promise<InputSequence> {
  const found: InputSequence[] = [];
  const tell = (text: string) => notice(onEvent, text);
  const read = asRead(readSequences(options, subject.letters, tell), subject, options);
  for await (const sequence of read) {
    found.push(sequence);
    if (found.length > 1) break;
  }
  const [only, another] = found;
  if (only !== undefined && another === undefined) return only;
  throw new UsageError(
    problem`--mutants must be given one protein, got ${found.map(({ id }) => id).join(" and ") || "none"}; name one with
    --sequence`,
  );
}
