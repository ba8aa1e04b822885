/** How time grows with the length: the exponent p of time ∝ Lᵖ. */

import { slope } from "../statistics/index.ts";

/** What a measured time belongs to. */
interface Measured {
  readonly mechanism: string;
  readonly causal: boolean;
  readonly pass: string;
  readonly seqLen: number;
  readonly medianMs: number;
}

export interface Scaling {
  readonly mechanism: string;
  readonly causal: boolean;
  readonly pass: string;
  /** Slope of log time over log length, by least squares: 1 is linear, 2 quadratic. */
  readonly exponent: number;
  /** Shortest and longest length of the fit, tokens. */
  readonly from: number;
  readonly to: number;
}

/** Below so many lengths a slope says nothing about how well it fits. */
const FEWEST_LENGTHS = 3;

/** A slope for everything that was measured at three lengths or more. */
export function fitScaling(rows: readonly Measured[]): readonly Scaling[] {
  const series = new Map<string, Measured[]>();
  for (const row of rows) {
    const key = JSON.stringify([row.mechanism, row.causal, row.pass]);
    series.set(key, [...(series.get(key) ?? []), row]);
  }
  return [...series.values()].flatMap((points) => {
    const [first] = points;
    const lengths = points.map(({ seqLen }) => seqLen);
    if (first === undefined || new Set(lengths).size < FEWEST_LENGTHS) return [];
    const { mechanism, causal, pass } = first;
    const exponent = slope(
      lengths.map(Math.log),
      points.map(({ medianMs }) => Math.log(medianMs)),
    );
    return [{ mechanism, causal, pass, exponent, from: Math.min(...lengths), to: Math.max(...lengths) }];
  });
}
