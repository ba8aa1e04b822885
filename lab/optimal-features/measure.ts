/** Relative errors of attention by seed, and the comparison of two maps on the same data and projections. */

import { mean, meanInterval, roundTo, type Interval, type JsonRecord } from "performer-ts/lab";
import { mechanisms, type AttentionMechanism } from "performer-ts/attention";

import { outputErrors, type ExactHead, type HeadScales, type HeadSizes } from "../attention-outputs.ts";

/** All with orthogonal projections. */
export const maps = {
  positive: mechanisms.favor,
  rescaled: mechanisms["favor-rescaled"],
  optimal: mechanisms["favor-optimal"],
  saderf: mechanisms["favor-saderf"],
} as const satisfies Record<string, AttentionMechanism>;

export type MapName = keyof typeof maps;

export interface Size extends HeadSizes {
  readonly numFeatures: number;
}

export interface MapErrors {
  readonly map: MapName;
  readonly scales: HeadScales;
  readonly size: Size;
  /** Relative Frobenius error, a mean over projections for each seed. */
  readonly bySeed: readonly number[];
}

export interface MeasureOptions {
  readonly map: MapName;
  readonly scales: HeadScales;
  readonly size: Size;
  readonly heads: readonly ExactHead[];
  readonly numDraws: number;
  readonly onOutputs: (count: number) => void;
}

export async function measureMap({ map, scales, size, ...rest }: MeasureOptions): Promise<MapErrors> {
  const errors = await outputErrors({ ...rest, mechanism: maps[map], sizes: size, numRows: size.numFeatures });
  return { map, scales, size, bySeed: errors.map((draws) => mean(draws.map(({ relative }) => relative))) };
}

/** How much less one map errs than another, paired by seed. */
export interface Reduction {
  readonly better: MapName;
  readonly than: MapName;
  /** Mean difference as a share of the other map's error; above 0 when `better` is. */
  readonly share: number;
  /** 95 % confidence of that share. */
  readonly interval: Interval;
}

/** Both on the same data, from `all` of one size and one pair of scales. */
export function compare(all: readonly MapErrors[], better: MapName, than: MapName): Reduction {
  const of = (name: MapName) => all.find(({ map }) => map === name)?.bySeed ?? [];
  const own = of(better);
  const differences = of(than).map((value, seed) => value - (own[seed] ?? Number.NaN));
  const scale = mean(of(than));
  const { low, high } = meanInterval(differences);
  return { better, than, share: mean(differences) / scale, interval: { low: low / scale, high: high / scale } };
}

export function describeReduction({ share, interval }: Reduction): JsonRecord {
  return { share: roundTo(share, 3), low: roundTo(interval.low, 3), high: roundTo(interval.high, 3) };
}
