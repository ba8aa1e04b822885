/** One map, one projection, one pair of vectors: the mean of the estimates beside the kernel. */

import { mean, roundTo, type JsonRecord, type Moments } from "performer-ts/lab";
import type { ProjectionName } from "performer-ts/random";

import type { PairShape } from "../vector-pairs.ts";

/** A mean is further from its truth than this many standard errors in six of 100,000 cells, if it is normal. */
export const STANDARD_ERRORS = 4;

/**
 * Relative, for what is computed in float32 from vectors rounded to float32: exponents of at most 10, each wrong by
 * 6e-8 of itself. Where estimates vary less than this they do not vary at all, and must be right to it.
 */
const ROUNDING = 1e-5;

export interface Cell {
  readonly map: string;
  readonly projection: ProjectionName;
  readonly pair: PairShape;
  /** Mean estimate over kernel; null where the kernel is 0. */
  readonly ratio: number | null;
  /** The standard error of the ratio; null where the kernel is 0. */
  readonly standardError: number | null;
  /** The distance of the mean from the kernel in standard errors; null where estimates do not vary. */
  readonly z: number | null;
  readonly agrees: boolean;
}

/** Compares the mean of estimates with the kernel. */
export function compare(moments: Moments, kernel: number): Pick<Cell, "ratio" | "standardError" | "z" | "agrees"> {
  const error = moments.standardError();
  const distance = moments.mean() - kernel;
  const relative = kernel === 0 ? null : { ratio: moments.mean() / kernel, standardError: error / kernel };
  const varies = error > ROUNDING * kernel;
  const z = varies ? distance / error : null;
  const agrees = z === null ? Math.abs(distance) <= ROUNDING * kernel : Math.abs(z) < STANDARD_ERRORS;
  return { ratio: relative?.ratio ?? null, standardError: relative?.standardError ?? null, z, agrees };
}

/** The cell as result.json holds it. */
export function describeCell({ map, projection, pair, ratio, standardError, z }: Cell): JsonRecord {
  const rounded = (value: number | null, digits: number) => (value === null ? null : roundTo(value, digits));
  return {
    map,
    projection,
    norm: pair.normX,
    angleDegrees: pair.angleDegrees,
    ratio: rounded(ratio, 6),
    standardError: rounded(standardError, 2),
    z: rounded(z, 3),
  };
}

/** The cells of one map and projection in three figures. */
export function summarise(cells: readonly Cell[]): JsonRecord {
  const numbers = (of: (cell: Cell) => number | null) => cells.map(of).filter((value) => value !== null);
  const ratios = numbers(({ ratio }) => ratio);
  return {
    ratio: [roundTo(Math.min(...ratios), 5), roundTo(Math.max(...ratios), 5)],
    standardErrorAtMost: roundTo(Math.max(...numbers(({ standardError }) => standardError)), 2),
    farthestInStandardErrors: roundTo(Math.max(...zScores(cells).map(Math.abs)), 3),
  };
}

/** The distances of all cells whose estimates vary. */
export function zScores(cells: readonly Cell[]): readonly number[] {
  return cells.map(({ z }) => z).filter((z) => z !== null);
}

/** √mean z²: 1 when the standard errors tell the truth. */
export function rootMeanSquare(values: readonly number[]): number {
  return Math.sqrt(mean(values.map((value) => value ** 2)));
}
