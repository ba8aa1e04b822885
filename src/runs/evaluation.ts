/** A finished model against the baseline of its task, on one split. */

import {
  behindMask,
  bitsPerDimension,
  getSplit,
  imageShapeOf,
  lengthOf,
  unigramBaseline,
  type EncodedSequence,
  type SplitName,
  type UnigramBaseline,
} from "../data/index.ts";
import type { NdArray } from "../graph/ndarray.ts";
import { mean, meanSquaredErrorOf, pairMoments, rSquaredOf } from "../statistics/index.ts";
import type { Batch } from "../data/batch.ts";
import type { EvaluationResult, Evaluator } from "../training/evaluate.ts";
import { batchesOf } from "./batches.ts";
import type { RunDataset } from "./dataset.ts";
import type { Task } from "./data/source.ts";
import type { MeasuredLabel } from "./label-metrics.ts";
import type { ProgressReport } from "./events.ts";
import type { RunConfig } from "./run-config.ts";

/** Figures of one split. */
export type SplitFigures = PredictionFigures | RegressionFigures;

interface CommonFigures {
  readonly split: string;
  /** Predictions: residues, bytes, …; sequences where each has one label. */
  readonly tokens: number;
  /** The usual measures of labelled tables, with intervals. */
  readonly measured?: readonly MeasuredLabel[];
}

/** One of several tokens or classes is predicted. */
export interface PredictionFigures extends CommonFigures {
  readonly task: Exclude<Task, "regression">;
  readonly accuracy: number;
  readonly perplexity: number;
  readonly lossNats: number;
  /** Only for text. */
  readonly bitsPerByte?: number;
  /** Only for images; a dimension is one intensity. */
  readonly bitsPerDimension?: number;
  /**
   * The baseline of token frequencies in the training split; null when the data have no such split, undefined for
   * classes.
   */
  readonly unigram?: UnigramBaseline | null;
  /**
   * Only for the task `masked`: the same figures on the masked tokens alone, without the fifth that is kept or
   * replaced.
   */
  readonly behindMask?: MaskFigures;
  /** The baseline that always predicts the most frequent class of the training split. */
  readonly majority?: UnigramBaseline | null;
}

/** Figures on the tokens that the mask hides. */
export interface MaskFigures {
  readonly tokens: number;
  readonly accuracy: number;
  readonly perplexity: number;
  readonly lossNats: number;
  readonly unigram: UnigramBaseline | null;
}

/** A number is predicted. */
export interface RegressionFigures extends CommonFigures {
  readonly task: "regression";
  readonly meanSquaredError: number;
  /** Share of the labels' variance that predictions explain; NaN where labels do not vary. */
  readonly rSquared: number;
  /** Pearson's correlation of predictions and labels; NaN where one side does not vary. */
  readonly pearson: number;
  /** The prediction that is always the mean of the training split, measured; null when the data have none. */
  readonly mean: MeanBaseline | null;
}

/** How well the mean of the training labels predicts a split's labels. */
export interface MeanBaseline {
  readonly meanSquaredError: number;
  /** At most 0, and below it where the split's own mean differs; NaN where its labels do not vary. */
  readonly rSquared: number;
}

export interface EvaluateSplitOptions {
  readonly config: RunConfig;
  readonly tensors: Readonly<Record<string, NdArray>>;
  readonly dataset: RunDataset;
  readonly split: SplitName;
  readonly evaluator: Evaluator;
  /** Counts batches. */
  readonly progress: (total: number) => Pick<ProgressReport, "update" | "log" | "stop">;
}

/** @throws DataError when the split is empty */
export async function evaluateSplit(options: EvaluateSplitOptions): Promise<SplitFigures> {
  const { config, tensors, dataset, split, evaluator } = options;
  getSplit(dataset, split);
  const batches = batchesOf(config, dataset).evaluation(split);
  const isMasked = dataset.task === "masked";
  const progress = options.progress(batches.length * (isMasked ? 2 : 1));
  try {
    const result = await evaluator.evaluate(tensors, batches, progress.update);
    const figures = figuresOf(result, dataset, split, batches);
    if (!isMasked || figures.task === "regression") return figures;
    const behind = { [Symbol.iterator]: () => behindMask(batches, dataset.vocabulary) };
    const { tokens, accuracy, perplexity, lossNats } = await evaluator.evaluate(tensors, behind, (done) =>
      progress.update(batches.length + done),
    );
    if (tokens === 0) return figures;
    const unigram = tokenBaseline(dataset, split, behind);
    return { ...figures, behindMask: { tokens, accuracy, perplexity, lossNats, unigram } };
  } finally {
    progress.stop();
  }
}

function figuresOf(
  result: EvaluationResult,
  dataset: RunDataset,
  split: SplitName,
  batches: Iterable<Batch>,
): SplitFigures {
  const { task, kind, vocabulary } = dataset;
  const { tokens, accuracy, perplexity, lossNats, regression } = result;
  if (task === "regression") {
    const { meanSquaredError, rSquared, pearson } = regression ?? notMeasured;
    return { task, split, tokens, meanSquaredError, rSquared, pearson, mean: meanBaseline(dataset, split) };
  }
  const figures = { task, split, tokens, accuracy, perplexity, lossNats };
  if (task === "classification") return { ...figures, majority: tokenBaseline(dataset, split, batches) };
  const isImage = imageShapeOf(vocabulary) !== undefined;
  return {
    ...figures,
    // Hidden tokens are not all of a text, so their loss is not that of its bytes.
    ...(kind === "text" && task === "language-modeling" && { bitsPerByte: bitsPerByte(lossNats, dataset, split) }),
    ...(isImage && { bitsPerDimension: bitsPerDimension(lossNats) }),
    unigram: tokenBaseline(dataset, split, batches),
  };
}

const notMeasured = { meanSquaredError: Number.NaN, rSquared: Number.NaN, pearson: Number.NaN } as const;

/** The loss of all tokens, shared among the bytes of the text that they stand for. */
function bitsPerByte(lossNats: number, { splits, vocabulary }: RunDataset, split: SplitName): number {
  const tokens = splits[split].reduce((sum, each) => sum + lengthOf(each), 0);
  if (vocabulary.toJSON().kind === "bytes") return lossNats / Math.LN2;
  const encoder = new TextEncoder();
  const bytes = splits[split].reduce(
    (sum, { tokenIds }) => sum + encoder.encode(vocabulary.decode(tokenIds)).length,
    0,
  );
  return (lossNats * tokens) / bytes / Math.LN2;
}

/**
 * What frequencies in the training split predict of a split's targets, tokens or classes.
 *
 * @param batches of the split: their targets are what counts, which are not all tokens where some are hidden
 * @returns null without a training split
 */
export function tokenBaseline(
  { splits, labelled, task, vocabulary }: RunDataset,
  split: SplitName,
  batches: Iterable<Batch>,
): UnigramBaseline | null {
  if (splits.train.length === 0) return null;
  if (task === "language-modeling") return unigramBaseline(splits.train, splits[split], vocabulary);
  const targets = countedTargets(batches);
  if (labelled === undefined) return unigramBaseline(splits.train, targets, vocabulary);
  const labels: EncodedSequence = {
    id: "labels",
    tokenIds: Int32Array.from(labelled.splits.train, ({ label }) => label),
  };
  const classes = { size: labelled.numClasses, isResidue: () => true };
  return unigramBaseline([labels], targets, classes);
}

/** The targets of weight 1, a batch at a time. */
function* countedTargets(batches: Iterable<Batch>): Generator<Pick<EncodedSequence, "tokenIds">> {
  for (const { targetIds, weights } of batches) {
    yield { tokenIds: targetIds.filter((_, place) => weights[place] === 1) };
  }
}

/** @returns null without a training split */
export function meanBaseline({ labelled }: RunDataset, split: SplitName): MeanBaseline | null {
  const labelsOf = (name: SplitName) => (labelled?.splits[name] ?? []).map(({ label }) => label);
  const train = labelsOf("train");
  if (train.length === 0) return null;
  const predicted = mean(train);
  const labels = labelsOf(split);
  const moments = pairMoments(
    labels,
    labels.map(() => predicted),
  );
  return { meanSquaredError: meanSquaredErrorOf(moments), rSquared: rSquaredOf(moments) };
}
