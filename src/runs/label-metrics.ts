/**
 * How well labels are predicted: the usual measures of classifications and regressions, with intervals, beside a
 * prediction that is blind.
 */

import { createRandom } from "../random/index.ts";
import {
  bootstrapInterval,
  mean,
  meanSquaredError,
  pearson,
  rSquared,
  spearman,
  type Interval,
} from "../statistics/index.ts";

/** A label and what was predicted for it: ids of classes, or numbers. */
export interface LabelPair {
  readonly label: number;
  readonly prediction: number;
}

export interface MeasuredLabel {
  /** For a terminal: "macro-F1". */
  readonly name: string;
  /** For a page. */
  readonly title: string;
  /** NaN where it is not defined, such as a correlation of labels that do not vary. */
  readonly value: number;
  /** 95 % bootstrap interval over sequences; NaN where the measure is not defined on some draws. */
  readonly interval: Interval;
  /**
   * The measure of a constant prediction, the most frequent class or the mean of the training labels; null where
   * undefined.
   */
  readonly baseline: number | null;
}

interface Measure {
  readonly name: string;
  readonly title: string;
  readonly of: (pairs: readonly LabelPair[]) => number;
}

const INTERVAL_SEED = 0;
/** Ends of intervals then move by some hundredths of their width. */
const RESAMPLES = 1000;

const ofClasses: readonly Measure[] = [
  { name: "accuracy", title: "Accuracy of the class", of: accuracy },
  { name: "macro-F1", title: "Macro-F1: mean of the classes' F1", of: macroF1 },
];
const ofTwoClasses: readonly Measure[] = [
  ...ofClasses,
  { name: "Matthews", title: "Matthews correlation of the two classes", of: matthews },
];
const ofNumbers: readonly Measure[] = [
  { name: "squared error", title: "Mean squared error (lower is better)", of: compared(meanSquaredError) },
  { name: "R²", title: "R²: share of the variance that is told", of: compared(rSquared) },
  { name: "correlation", title: "Pearson correlation of prediction and label", of: compared(pearson) },
  { name: "Spearman", title: "Spearman rank correlation of prediction and label", of: compared(spearman) },
];

/**
 * @param pairs of held-out sequences, at least one
 * @param blind what a prediction without looking is: the commonest class or the mean of the training labels
 * @param numClasses 0 for numbers
 */
export function measureLabels(
  pairs: readonly LabelPair[],
  blind: number,
  numClasses: number,
): readonly MeasuredLabel[] {
  const measures = numClasses === 0 ? ofNumbers : numClasses === 2 ? ofTwoClasses : ofClasses;
  const blindly = pairs.map(({ label }) => ({ label, prediction: blind }));
  return measures.map(({ name, title, of }) => {
    const random = createRandom(INTERVAL_SEED, "bootstrap", name);
    const baseline = of(blindly);
    return {
      name,
      title,
      value: of(pairs),
      interval: bootstrapInterval(pairs, of, { random, resamples: RESAMPLES }),
      baseline: Number.isFinite(baseline) ? baseline : null,
    };
  });
}

/** Share of labels that are told. */
export function accuracy(pairs: readonly LabelPair[]): number {
  return pairs.filter(({ label, prediction }) => label === prediction).length / pairs.length;
}

/** Mean over the classes that there are, as label or as prediction, of 2·hits / (labels + predictions). */
export function macroF1(pairs: readonly LabelPair[]): number {
  const hits = new Map<number, number>();
  const counted = new Map<number, number>();
  const add = (counts: Map<number, number>, key: number) => counts.set(key, (counts.get(key) ?? 0) + 1);
  for (const { label, prediction } of pairs) {
    add(counted, label);
    add(counted, prediction);
    if (label === prediction) add(hits, label);
  }
  return mean([...counted].map(([key, count]) => (2 * (hits.get(key) ?? 0)) / count));
}

/**
 * (TP·TN − FP·FN) / √((TP+FP)(TP+FN)(TN+FP)(TN+FN)), of the classes 0 and 1; 0 where one of them is never met or never
 * predicted.
 *
 * Source: Matthews, Biochim. Biophys. Acta 405 (1975).
 */
export function matthews(pairs: readonly LabelPair[]): number {
  const count = (label: number, prediction: number) =>
    pairs.filter((pair) => pair.label === label && pair.prediction === prediction).length;
  const [tp, tn, fp, fn] = [count(1, 1), count(0, 0), count(0, 1), count(1, 0)];
  const product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn);
  return product === 0 ? 0 : (tp * tn - fp * fn) / Math.sqrt(product);
}

/** A statistic of two lists, the labels and what was predicted for them, as one of pairs. */
function compared(of: (labels: readonly number[], predictions: readonly number[]) => number): Measure["of"] {
  return (pairs) =>
    of(
      pairs.map(({ label }) => label),
      pairs.map(({ prediction }) => prediction),
    );
}
