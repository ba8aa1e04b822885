/** How a benchmark tells how far it is. */

import { reportProgress, untilAborted, type ProgressReport, type TaskContext, type Work } from "../runs/events.ts";
import type { Skipped } from "./available-memory.ts";

/** Progress of a benchmark; once the signal is aborted, the next update throws its reason. */
export function benchProgress({ signal, onEvent }: TaskContext, work: Work): ProgressReport {
  return reportProgress(untilAborted(signal, onEvent), work);
}

/** The same, counted. */
export interface CountedProgress extends Disposable {
  /** One more is done; with what was measured. */
  readonly next: (fields: { readonly measuring: string } | { readonly measured: string }) => void;
  readonly skip: (skipped: Skipped) => void;
}

export function countProgress(context: TaskContext, label: string, total: number): CountedProgress {
  const progress = benchProgress(context, { label, total });
  let done = 0;
  return {
    next: (fields) => progress.update(++done, fields),
    skip: ({ what, reason }) => progress.log(`${label}: ${what} is skipped: ${reason}`),
    [Symbol.dispose]: progress.stop,
  };
}
