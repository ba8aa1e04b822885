/** The classes, or the values, that a fine-tuned model predicts for new proteins. */

import { problem } from "../../graph/errors.ts";
import { lengthOf } from "../../data/datasets.ts";
import { vocabularyFrom } from "../../data/index.ts";
import type { NdArray } from "../../graph/ndarray.ts";
import { runSequences } from "../../inference/sequence-runs.ts";
import { isPooled } from "../../model/output.ts";
import { logits } from "../../model/performer.ts";
import type { WeightDtype } from "../../onnx/weight-dtype.ts";
import type { EngineOptions } from "../../runs/engine-options.ts";
import { notice, untilAborted, type TaskContext } from "../../runs/events.ts";
import { predictionOf } from "../../runs/held-out.ts";
import type { RunConfig } from "../../runs/run-config.ts";
import { openRunModel } from "../../runs/run-model.ts";
import { UsageError } from "../../runs/usage.ts";
import { writeFileAtomically } from "../../storage/files.ts";
import { csvLine } from "../../text/csv.ts";
import { formatCount, plural } from "../../text/numbers.ts";
import { readSequences, type InputSequence, type SequenceOptions } from "../input/sequence-input.ts";

export interface PredictOptions extends EngineOptions, SequenceOptions {
  /** How weights are stored. */
  readonly dtype: WeightDtype;
}

/** What the model predicts for one protein. */
export interface Prediction {
  readonly id: string;
  /** The name of a class, or a number. */
  readonly prediction: string | number;
  /** The probability of the predicted class. */
  readonly probability?: number;
}

/** Predictions one after the other, whatever the input's size. */
export interface PredictionStream {
  /** The first line of a CSV file. */
  readonly header: string;
  readonly predictions: AsyncIterable<Prediction>;
}

/**
 * Opens a fine-tuned run, and predicts while its predictions are read.
 *
 * @throws UsageError for models that predict no labels; as `readSequences` for the input
 */
export async function openPredictions(
  folder: string,
  options: PredictOptions,
  { signal, onEvent }: TaskContext = {},
): Promise<PredictionStream> {
  const { config, tensors, backend } = await openRunModel(folder, options);
  requirePredicting(config);
  const vocabulary = vocabularyFrom(config.vocabulary);
  const areClasses = config.classNames.length > 0;
  const tell = (text: string) => notice(untilAborted(signal, onEvent), text);
  return {
    header: csvLine(["id", "prediction", ...(areClasses ? ["probability"] : [])]),
    predictions: (async function* () {
      const longest = config.model.maxSeqLen - 2;
      const cut = { count: 0 };
      yield* runSequences({
        config: config.model,
        tensors,
        vocabulary,
        backend,
        dtype: options.dtype,
        sequences: withoutEnds(readSequences(options, vocabulary, tell), longest, cut, signal),
        wrap: "wrapped",
        build: ({ model, tokenIds, form }) => ({ y: logits(model, tokenIds, { form }) }),
        read: ({ y }, row, { id }) => named(id, predictionOf(rowOf(y, row), config.data), config),
      });
      if (cut.count === 0) return;
      tell(
        `${formatCount(cut.count)} ${plural(cut.count, "protein")} longer than maxSeqLen − 2 = ${formatCount(longest)} residues lost their ends, as in training`,
      );
    })(),
  };
}

export interface PredictResult {
  readonly predictions: readonly Prediction[];
  /** The CSV file, where one was asked for. */
  readonly file?: string;
}

/**
 * All predictions at once.
 *
 * @param options `out`: a CSV file, which is replaced when it is there
 * @throws as `openPredictions`; StorageError when the file cannot be written
 */
export async function predictAll(
  folder: string,
  { out, ...options }: PredictOptions & { readonly out?: string },
  context: TaskContext = {},
): Promise<PredictResult> {
  const { header, predictions: found } = await openPredictions(folder, options, context);
  const predictions: Prediction[] = [];
  for await (const prediction of found) predictions.push(prediction);
  context.signal?.throwIfAborted();
  if (out === undefined) return { predictions };
  await writeFileAtomically(out, header + predictions.map(predictionLine).join(""));
  return { predictions, file: out };
}

/** @throws UsageError for models that tell nothing of whole sequences */
function requirePredicting({ data, model }: RunConfig): void {
  if (isPooled(model)) return;
  throw new UsageError(
    problem`the model must tell a class or a value of whole sequences, got one of task ${data.task}; make one of it with
    performer finetune`,
  );
}

/** Sequences as in training: longer ones lose their ends. */
async function* withoutEnds(
  sequences: AsyncIterable<InputSequence>,
  longest: number,
  cut: { count: number },
  signal: AbortSignal | undefined,
): AsyncGenerator<InputSequence> {
  for await (const sequence of sequences) {
    signal?.throwIfAborted();
    if (lengthOf(sequence) <= longest) {
      yield sequence;
    } else {
      cut.count += 1;
      const { id, residues, tokenIds } = sequence;
      yield { id, residues: residues.slice(0, longest), tokenIds: tokenIds.subarray(0, longest) };
    }
  }
}

/** @param y `[B, 1, numLabels]` */
function rowOf(y: NdArray | undefined, row: number): Float32Array {
  const width = y?.shape.at(-1) ?? 0;
  return Float32Array.from(y?.data.slice(row * width, (row + 1) * width) ?? [], Number);
}

function named(
  id: string,
  { prediction, probability }: ReturnType<typeof predictionOf>,
  { classNames }: RunConfig,
): Prediction {
  return probability === undefined
    ? { id, prediction }
    : { id, prediction: classNames[prediction] ?? String(prediction), probability };
}

/** A line of a CSV file. */
export function predictionLine({ id, prediction, probability }: Prediction): string {
  return csvLine([id, String(prediction), ...(probability === undefined ? [] : [probability.toFixed(4)])]);
}
