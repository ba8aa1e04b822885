/** What a benchmark measured, as points of curves over the length of the sequence. */

import type { AttentionBenchRow } from "./attention.ts";
import { directionOf } from "./contender.ts";
import type { MemoryBenchRow } from "./memory.ts";
import type { ModelBenchRow } from "./model.ts";

export interface CurvePoint {
  readonly series: string;
  /** Panels: what is measured and in which unit, or which way attention looks; and of what. */
  readonly column: string;
  readonly row: string;
  readonly tokens: number;
  readonly value: number;
}

const MIB = 2 ** 20;

export function attentionCurves(rows: readonly AttentionBenchRow[]): readonly CurvePoint[] {
  const measured = rows.map((row) => point(row, row.mechanism, directionOf(row), `${row.pass}, ms`, row.medianMs));
  const bounds = rows
    .filter(({ featuresPerToken }) => featuresPerToken !== undefined)
    .map((row) => point(row, "matrix products alone", directionOf(row), `${row.pass}, ms`, row.boundMs));
  return [...measured, ...bounds];
}

export function modelCurves(rows: readonly ModelBenchRow[]): readonly CurvePoint[] {
  return rows.flatMap((row) => {
    const panel = `${row.model}, ${directionOf(row)}, ${row.pass}`;
    return [
      point(row, row.mechanism, "time, ms", panel, row.medianMs),
      point(row, row.mechanism, "peak memory, MiB", panel, row.peakBytes / MIB),
    ];
  });
}

export function memoryCurves(rows: readonly MemoryBenchRow[]): readonly CurvePoint[] {
  return rows.map((row) => point(row, row.mechanism, directionOf(row), `${row.pass}, MiB`, row.peakBytes / MIB));
}

function point(
  { seqLen }: { readonly seqLen: number },
  series: string,
  column: string,
  row: string,
  value: number,
): CurvePoint {
  return { series, column, row, tokens: seqLen, value };
}
