/** The runs of a comparison, summed up by mechanism. */

import { mean, roundTo, standardError, type JsonRecord, type ResultTable } from "performer-ts/lab";
import type { TrainingJobResult } from "../training-runs/job.ts";
import { measures, type Measure, type SplitResult } from "../training-runs/subject.ts";

export interface ComparedRun {
  readonly label: string;
  readonly seed: number;
  readonly result: TrainingJobResult;
}

/** What came out for one mechanism: means over the seeds whose runs did not fail. */
export interface ComparedRow {
  readonly mechanism: string;
  /** In the measure of the data, on the test split; null when every run failed. */
  readonly test: number | null;
  /** Standard error of that mean; null for a single seed. */
  readonly testStandardError: number | null;
  readonly accuracy: number | null;
  readonly lossNats: number | null;
  readonly stepMs: number;
  readonly peakMemoryBytes: number;
  readonly numParameters: number;
  /** Runs whose loss was no longer finite. */
  readonly failed: number;
}

export function compareRuns(runs: readonly ComparedRun[], measure: Measure): readonly ComparedRow[] {
  const labels = [...new Set(runs.map(({ label }) => label))];
  return labels.map((label) => {
    const results = runs.filter((run) => run.label === label).map(({ result }) => result);
    const tests = results.map(({ test }) => test).filter((test) => test !== null);
    const values = tests.map(measure.of);
    const meanOf = (of: (test: SplitResult) => number) => (tests.length === 0 ? null : roundTo(mean(tests.map(of)), 6));
    return {
      mechanism: label,
      test: values.length === 0 ? null : roundTo(mean(values), 6),
      testStandardError: values.length < 2 ? null : roundTo(standardError(values), 3),
      accuracy: meanOf(({ accuracy }) => accuracy),
      lossNats: meanOf(({ lossNats }) => lossNats),
      stepMs: roundTo(mean(results.map(({ stepMs }) => stepMs)), 4),
      peakMemoryBytes: Math.max(...results.map(({ peakMemoryBytes }) => peakMemoryBytes)),
      numParameters: results[0]?.numParameters ?? 0,
      failed: results.length - tests.length,
    };
  });
}

/**
 * For people: the best first is not the point, so rows stay as they were asked for, with the distance to the first one.
 */
export function tableOf(rows: readonly ComparedRow[], measure: Measure): ResultTable {
  const [first] = rows;
  const shown = (value: number | null, digits: number) => (value === null ? "–" : value.toFixed(digits));
  const percent = (value: number | null, digits = 2) => (value === null ? "–" : `${(100 * value).toFixed(digits)} %`);
  const columns: readonly (readonly [title: string, cell: (row: ComparedRow) => string | number])[] = [
    ["mechanism", (row) => (row.failed > 0 ? `${row.mechanism} (${row.failed} failed)` : row.mechanism)],
    [measure.name, ({ test }) => shown(test, 4)],
    ["±", ({ testStandardError }) => shown(testStandardError, 4)],
    [
      `over ${first?.mechanism ?? ""}`,
      ({ test }) => percent(test !== null && first?.test ? test / first.test - 1 : null),
    ],
    ["accuracy", ({ accuracy }) => percent(accuracy)],
    ["ms a step", ({ stepMs }) => Math.round(stepMs)],
    ["memory, MB", ({ peakMemoryBytes }) => Math.round(peakMemoryBytes / 1e6)],
    ["parameters", ({ numParameters }) => numParameters],
  ];
  // One seed has no error, and a measure that is an accuracy needs it no second time.
  const isSaid = (title: string) =>
    (title !== "±" || rows.some(({ testStandardError }) => testStandardError !== null)) &&
    (title !== "accuracy" || measure !== measures.accuracy);
  const kept = columns.filter(([title]) => isSaid(title));
  return { header: kept.map(([title]) => title), rows: rows.map((row) => kept.map(([, cell]) => cell(row))) };
}

/** Rows as plain data. */
export function recordsOf(rows: readonly ComparedRow[]): readonly JsonRecord[] {
  return rows.map((row) => ({ ...row }));
}
