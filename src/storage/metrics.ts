/** metrics.jsonl of a run: one JSON object a line, appended while training, cut back when a run is resumed. */

import { problem } from "../graph/errors.ts";
import { StorageError } from "./errors.ts";
import { appendToFile, exists, readTextOrExplain, writeFileAtomically } from "./files.ts";
import type { JsonValue } from "./json.ts";
import type { RunFolder } from "./run-folder.ts";

/** One line. Units are in the names of the fields (trainLossNats, tokensPerSecond). */
export interface MetricsRecord {
  readonly step: number;
  readonly [field: string]: JsonValue;
}

interface Line {
  readonly text: string;
  readonly record: MetricsRecord;
}

/**
 * Adds one line. NaN and infinities become null, which JSON has in their place: a run that diverges can still be read.
 *
 * @param record step and any JSON values
 */
export async function appendMetrics<R extends { readonly step: number }>(folder: RunFolder, record: R): Promise<void> {
  if (!Number.isSafeInteger(record.step)) {
    throw new StorageError(
      problem`appendMetrics: step must be an integer, got ${record.step}; give the number of the step.`,
    );
  }
  await appendToFile(folder.metricsPath, `${JSON.stringify(record)}\n`);
}

/**
 * Cuts the file back to what a run knew at `step`: lines of later steps are dropped, and a last line that an
 * interruption tore. To be called before a resumed run appends.
 */
export async function truncateMetrics(folder: RunFolder, step: number): Promise<void> {
  if (!(await exists(folder.metricsPath))) return;
  const kept = (await readLines(folder)).filter(({ record }) => record.step <= step);
  await writeFileAtomically(folder.metricsPath, kept.map(({ text }) => `${text}\n`).join(""));
}

/**
 * All lines in the file's order; none when there is no file yet. A torn last line is left out.
 *
 * @throws StorageError when another line is not a JSON object with a step
 */
export async function readMetrics(folder: RunFolder): Promise<readonly MetricsRecord[]> {
  if (!(await exists(folder.metricsPath))) return [];
  return (await readLines(folder)).map(({ record }) => record);
}

async function readLines({ metricsPath }: RunFolder): Promise<readonly Line[]> {
  const text = await readTextOrExplain(metricsPath, "the run's metrics");
  // What follows the last line break is empty, or a line that was never finished.
  const lines = text.split("\n").slice(0, -1);
  return lines.flatMap((line, index) => {
    if (line.trim() === "") return [];
    const record = parseRecord(line);
    if (record === undefined) {
      throw new StorageError(
        problem`${metricsPath}: line ${index + 1} must be a JSON object with a number "step", got ${line.slice(0, 80)};
        delete that line.`,
      );
    }
    return [{ text: line, record }];
  });
}

function parseRecord(line: string): MetricsRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  return isRecord(value) ? value : undefined;
}

function isRecord(value: unknown): value is MetricsRecord {
  return typeof value === "object" && value !== null && "step" in value && typeof value.step === "number";
}
