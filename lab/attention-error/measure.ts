/** The errors of every subject at every number of features, by seed. */

import { mean, median, meanInterval, roundTo, standardError, type Interval, type JsonRecord } from "performer-ts/lab";

import { outputErrors, type ExactHead, type HeadSizes, type OutputError } from "../attention-outputs.ts";
import { subjects, type Subject, type SubjectName } from "./subjects.ts";

/** One subject at one number of features. */
export interface Cell {
  readonly subject: SubjectName;
  readonly numFeatures: number;
  readonly numRows: number;
  /** By seed, then by projection. */
  readonly errors: readonly (readonly OutputError[])[];
}

export interface MeasureOptions {
  readonly sizes: HeadSizes;
  readonly heads: readonly ExactHead[];
  readonly numFeatures: readonly number[];
  /** Projections a seed. */
  readonly draws: Draws;
  readonly onOutputs: (count: number) => void;
}

export interface Draws {
  readonly paired: number;
  readonly other: number;
}

/**
 * Maps of two features a row are measured with half as many rows, and once more with as many: as in either reading of
 * m.
 */
function rowCounts({ featuresPerRow }: Subject, numFeatures: readonly number[]): readonly number[] {
  if (featuresPerRow === 1) return numFeatures;
  return [...numFeatures.map((count) => count / 2), ...numFeatures.slice(-1)];
}

function drawsOf({ paired }: Subject, draws: Draws): number {
  return paired ? draws.paired : draws.other;
}

/** Outputs that `measureErrors` computes. */
export function countOutputs(
  options: Pick<MeasureOptions, "numFeatures" | "draws"> & { readonly numSeeds: number },
): number {
  const { numSeeds, numFeatures, draws } = options;
  const each = subjects.map((subject) => rowCounts(subject, numFeatures).length * drawsOf(subject, draws));
  return each.reduce((total, count) => total + count, 0) * numSeeds;
}

export async function measureErrors(options: MeasureOptions): Promise<readonly Cell[]> {
  const { sizes, heads, numFeatures, draws, onOutputs } = options;
  const cells: Cell[] = [];
  for (const subject of subjects) {
    const { name, mechanism, projection, featuresPerRow } = subject;
    const common = { mechanism, sizes, heads, projection: { kind: projection }, onOutputs };
    for (const numRows of rowCounts(subject, numFeatures)) {
      const errors = await outputErrors({ ...common, numRows, numDraws: drawsOf(subject, draws) });
      cells.push({ subject: name, numRows, numFeatures: numRows * featuresPerRow, errors });
    }
  }
  return cells;
}

/** Mean squared error of each seed, over its projections. */
export function bySeed({ errors }: Cell): readonly number[] {
  return errors.map((draws) => mean(draws.map(({ meanSquared }) => meanSquared)));
}

export function meanSquared(cell: Cell): number {
  return mean(bySeed(cell));
}

/** The median over all projections of all seeds, which tells more than a mean where some denominators are nearly 0. */
export function medianSquared({ errors }: Cell): number {
  return median(errors.flat().map((error) => error.meanSquared));
}

export function cellsOf(cells: readonly Cell[], subject: SubjectName): readonly Cell[] {
  return cells.filter((cell) => cell.subject === subject);
}

/** Independent less orthogonal rows, paired by seed: above 0 where orthogonal rows are better. */
export interface Gain {
  readonly numFeatures: number;
  /** Mean difference as a share of the independent rows' error. */
  readonly share: number;
  /** 95 % confidence of that share. */
  readonly interval: Interval;
}

export function orthogonalGains(cells: readonly Cell[]): readonly Gain[] {
  const independent = cellsOf(cells, "positive, iid");
  return cellsOf(cells, "positive").flatMap((orthogonal) => {
    const other = independent.find(({ numFeatures }) => numFeatures === orthogonal.numFeatures);
    if (other === undefined) return [];
    const against = bySeed(other);
    const differences = bySeed(orthogonal).map((value, seed) => (against[seed] ?? Number.NaN) - value);
    const scale = mean(against);
    const { low, high } = meanInterval(differences);
    return [
      {
        numFeatures: orthogonal.numFeatures,
        share: mean(differences) / scale,
        interval: { low: low / scale, high: high / scale },
      },
    ];
  });
}

/**
 * How many times the least trigonometric mean, in either reading of m, is above the positive one at each number of
 * features.
 */
export function trigonometricOverPositive(cells: readonly Cell[]): readonly { numFeatures: number; ratio: number }[] {
  const trigonometric = [...cellsOf(cells, "trigonometric"), ...cellsOf(cells, "trigonometric, iid")];
  return cellsOf(cells, "positive").map(({ numFeatures }) => {
    const own = cells.filter((cell) => isPositive(cell.subject) && cell.numFeatures === numFeatures).map(meanSquared);
    const others = trigonometric.filter((cell) => cell.numFeatures === numFeatures || cell.numRows === numFeatures);
    return { numFeatures, ratio: Math.min(...others.map(meanSquared)) / Math.max(...own) };
  });
}

function isPositive(subject: SubjectName): boolean {
  return subject === "positive" || subject === "positive, iid";
}

/** One entry a subject; lists run over the numbers of features. */
export function describeCells(cells: readonly Cell[]): JsonRecord {
  return Object.fromEntries(
    subjects.map(({ name }): [string, JsonRecord] => {
      const own = cellsOf(cells, name);
      const relative = ({ errors }: Cell) => median(errors.flat().map((error) => error.relative));
      return [
        name,
        {
          numFeatures: own.map(({ numFeatures }) => numFeatures),
          numRows: own.map(({ numRows }) => numRows),
          mean: own.map((cell) => roundTo(meanSquared(cell))),
          standardError: own.map((cell) => roundTo(standardError(bySeed(cell)), 2)),
          median: own.map((cell) => roundTo(medianSquared(cell))),
          medianRelativeError: own.map((cell) => roundTo(relative(cell), 3)),
        },
      ];
    }),
  );
}

export function describeGains(gains: readonly Gain[]): JsonRecord {
  return {
    numFeatures: gains.map(({ numFeatures }) => numFeatures),
    share: gains.map(({ share }) => roundTo(share, 2)),
    low: gains.map(({ interval }) => roundTo(interval.low, 2)),
    high: gains.map(({ interval }) => roundTo(interval.high, 2)),
  };
}
