/**
 * Figures of a model beside those of the baseline: what there is to show of each task, and as a table for a terminal.
 */

import type { Interval } from "../statistics/index.ts";
import type { MaskFigures, SplitFigures } from "./evaluation.ts";
import { formatCount, formatFixed, formatPercent } from "../text/numbers.ts";
import { formatTable } from "../text/table.ts";

/** Where nothing is held out of training. */
export const NO_FIGURES =
  "no test split: too little data, so nothing tells how well the model does on what it has not seen";

/** One figure, of the model and of its baseline, which is NaN where there is none. */
export interface Figure {
  /** For a terminal: "loss, nats". */
  readonly name: string;
  /** For a page: "Loss (nats per residue)". */
  readonly title: string;
  readonly model: number;
  readonly baseline: number;
  readonly format: (value: number) => string;
  /** The model's minus the baseline's. */
  readonly formatDifference: (difference: number) => string;
  readonly isBetter: boolean;
  /** The 95 % interval of the model's figure. */
  readonly interval?: Interval;
}

/** How predictions are called. */
interface FigureWords {
  readonly unit: string;
  readonly units: string;
  readonly predicted: string;
}

/** What the baseline of a task is called. */
export function baselineName({ task }: Pick<SplitFigures, "task">): string {
  if (task === "regression") return "mean";
  return task === "classification" ? "majority" : "unigram";
}

/** The figures of a split in the order in which they are shown. */
export function listFigures(figures: SplitFigures, words: FigureWords): readonly Figure[] {
  const listed = listOwn(figures, words);
  const measured = figures.measured ?? [];
  const added = measured.filter(({ name }) => !listed.some((figure) => figure.name === name));
  const intervalOf = (name: string) => measured.find((each) => each.name === name)?.interval;
  return [
    ...listed,
    ...added.map(({ name, title, value, baseline }) => higher(name, title, value, baseline ?? undefined, 3)),
  ].map((figure) => {
    const interval = intervalOf(figure.name);
    return interval === undefined ? figure : { ...figure, interval };
  });
}

/** "0.81 to 0.93"; empty where there is none. */
export function formatInterval({ interval, format }: Figure): string {
  return interval === undefined ? "" : `${format(interval.low)} to ${format(interval.high)}`;
}

function listOwn(figures: SplitFigures, words: FigureWords): readonly Figure[] {
  const { unit, predicted } = words;
  if (figures.task === "regression") {
    const { meanSquaredError, rSquared, pearson, mean } = figures;
    return [
      lower("squared error", "Mean squared error (lower is better)", meanSquaredError, mean?.meanSquaredError, 4),
      higher("R²", "R²: share of the variance that is told", rSquared, mean?.rSquared, 3),
      higher("correlation", "Correlation of prediction and label", pearson, undefined, 3),
    ];
  }
  const { accuracy, perplexity, lossNats, bitsPerByte, bitsPerDimension, behindMask } = figures;
  const base = figures.unigram ?? figures.majority ?? undefined;
  const baseLoss = base && Math.log(base.perplexity);
  const bits = (name: string, title: string, value: number | undefined) =>
    value === undefined
      ? []
      : [lower(name, `${title} (lower is better)`, value, baseLoss && baseLoss * (value / lossNats), 3)];
  return [
    ...bits("bits per byte", "Bits per byte", bitsPerByte),
    ...bits("bits per dimension", "Bits per dimension", bitsPerDimension),
    lower("perplexity", "Perplexity (lower is better)", perplexity, base?.perplexity, 2),
    share("accuracy", `Accuracy of ${predicted.replace(/^a /, "the ")}`, accuracy, base?.accuracy),
    lower("loss, nats", `Loss (nats per ${unit})`, lossNats, baseLoss, 3),
    ...listBehindMask(behindMask, words),
  ];
}

/** Without those of the chosen tokens that stay, or are replaced by others. */
function listBehindMask(figures: MaskFigures | undefined, { units }: FigureWords): readonly Figure[] {
  if (figures === undefined) return [];
  const { accuracy, perplexity, unigram } = figures;
  const which = `of ${units} behind the mask`;
  return [
    lower("behind the mask: perplexity", `Perplexity ${which} (lower is better)`, perplexity, unigram?.perplexity, 2),
    share("behind the mask: accuracy", `Accuracy ${which}`, accuracy, unigram?.accuracy),
  ];
}

/** In per cent. */
function share(name: string, title: string, model: number, baseline: number | undefined): Figure {
  return {
    ...higher(name, title, model, baseline, 1),
    format: formatPercent,
    formatDifference: (difference) => signed(100 * difference, 1, " points"),
  };
}

function lower(name: string, title: string, model: number, baseline = Number.NaN, digits = 2): Figure {
  return { ...higher(name, title, model, baseline, digits), isBetter: model < baseline };
}

function higher(name: string, title: string, model: number, baseline = Number.NaN, digits = 2): Figure {
  return {
    name,
    title,
    model,
    baseline,
    format: (value) => formatFixed(value, digits),
    formatDifference: (difference) => signed(difference, digits),
    isBetter: model > baseline,
  };
}

/**
 * A line for each figure of each split: the model's, the baseline's, and what lies between them.
 *
 * @returns lines joined by line breaks, none at the end; without a split, a line that says so
 */
export function formatFigures(all: readonly SplitFigures[], words: FigureWords): string {
  const [first] = all;
  if (first === undefined) return NO_FIGURES;
  const withIntervals = all.some(({ measured }) => measured !== undefined);
  const rows = all.flatMap((figures) => {
    const shown = listFigures(figures, words);
    return shown.map((figure, index) => [
      [figures.split, `${formatCount(figures.tokens)} ${words.units}`][index] ?? "",
      figure.name,
      figure.format(figure.model),
      figure.format(figure.baseline),
      figure.formatDifference(figure.model - figure.baseline),
      ...(withIntervals ? [formatInterval(figure)] : []),
    ]);
  });
  const columns = [
    "split",
    "",
    "model",
    baselineName(first),
    "difference",
    ...(withIntervals ? ["95 % interval"] : []),
  ];
  return formatTable(columns, rows);
}

function signed(value: number, digits: number, unit = ""): string {
  if (!Number.isFinite(value)) return formatFixed(value, digits);
  const size = formatFixed(Math.abs(value), digits);
  // What rounds to nothing has no direction.
  const sign = Number(size) === 0 ? "" : value < 0 ? "−" : "+";
  return `${sign}${size}${unit}`;
}
