/**
 * What a finished model says of each labelled sequence that it was not trained on: measures with intervals, and
 * predictions as a table.
 */

import { join } from "node:path";

import type { LabelledDataset, LabelledSequence, SplitName } from "../data/index.ts";
import type { NdArray } from "../graph/ndarray.ts";
import { classOf, predictSequences, wrapped } from "../inference/predict.ts";
import { mean } from "../statistics/index.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Backend } from "../runtime/index.ts";
import { writeFileAtomically } from "../storage/files.ts";
import type { RunFolder } from "../storage/run-folder.ts";
import type { Task } from "./data/source.ts";
import { csvLine } from "../text/csv.ts";
import { measureLabels, type LabelPair, type MeasuredLabel } from "./label-metrics.ts";

export interface PredictedLabel extends LabelPair {
  readonly id: string;
  readonly split: SplitName;
  /** The probability of the predicted class; undefined for a regression. */
  readonly probability?: number;
}

export interface HeldOutOptions {
  readonly model: ModelConfig;
  /** Weights and projections. */
  readonly tensors: Readonly<Record<string, NdArray>>;
  readonly backend: Backend;
  readonly labelled: LabelledDataset;
  readonly split: SplitName;
}

/** Reads every sequence of a split as in training: between <bos> and <eos>, long ones without their ends. */
export async function predictSplit(options: HeldOutOptions): Promise<readonly PredictedLabel[]> {
  const { model, tensors, backend, labelled, split } = options;
  const sequences = labelled.splits[split];
  const found = await predictSequences({
    config: model,
    tensors,
    backend,
    sequences: wrapped(sequences, labelled.vocabulary, model.maxSeqLen),
  });
  return sequences.map(({ id, label }, index) => ({ id, split, label, ...predictionOf(found[index]?.[0], labelled) }));
}

/**
 * The most probable class and its probability, or the number.
 *
 * @param row logits of classes, or the number itself
 */
export function predictionOf(
  row: Float32Array = new Float32Array(),
  { task }: { readonly task: Task },
): { readonly prediction: number; readonly probability?: number } {
  if (task === "regression") return { prediction: row[0] ?? Number.NaN };
  const { label, probabilities } = classOf(row);
  return { prediction: label, probability: probabilities[label] ?? Number.NaN };
}

/** Measures of one split beside the commonest class, or the mean, of the training labels. */
export function measureSplit(
  predicted: readonly LabelPair[],
  { splits, numClasses }: LabelledDataset,
): readonly MeasuredLabel[] {
  const labels = splits.train.map(({ label }) => label);
  return measureLabels(predicted, numClasses === 0 ? mean(labels) : commonest(splits.train, numClasses), numClasses);
}

function commonest(train: readonly LabelledSequence[], numClasses: number): number {
  const counts = Array.from({ length: numClasses }, () => 0);
  for (const { label } of train) counts[label] = (counts[label] ?? 0) + 1;
  return counts.indexOf(Math.max(...counts));
}

/**
 * predictions.csv of a run: a line for each held-out sequence, classes by their names.
 *
 * @returns its path
 */
export async function writePredictions(
  folder: RunFolder,
  predicted: readonly PredictedLabel[],
  { classNames }: Pick<LabelledDataset, "classNames">,
): Promise<string> {
  const areClasses = classNames.length > 0;
  const told = (value: number) => (areClasses ? (classNames[value] ?? "") : String(value));
  const rows = predicted.map(({ id, split, label, prediction, probability }) => [
    id,
    split,
    told(label),
    told(prediction),
    ...(areClasses ? [(probability ?? Number.NaN).toFixed(4)] : []),
  ]);
  const header = ["id", "split", "label", "prediction", ...(areClasses ? ["probability"] : [])];
  const path = join(folder.path, "predictions.csv");
  await writeFileAtomically(path, [header, ...rows].map(csvLine).join(""));
  return path;
}
