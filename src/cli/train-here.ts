/** Training as the command shows it: progress on standard error, Ctrl-C ends in order, and what to do next is said. */

import type { OnEvent } from "../runs/events.ts";
import type { TrainingRun } from "../runs/training-run.ts";
import { runTraining, type TrainingResult } from "../tasks/train/train.ts";
import { formatCount } from "../text/numbers.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { performerCommand, shellQuoted } from "./invocation.ts";
import { showEvents } from "./output/show-events.ts";

/**
 * Prepares a run, trains it, and sets the process's exit code. The first Ctrl-C ends training after the step in
 * progress, with a checkpoint.
 */
export async function trainHere(
  prepare: (onEvent: OnEvent) => Promise<TrainingRun>,
): Promise<{ readonly run: TrainingRun; readonly result: TrainingResult }> {
  using display = showEvents();
  const run = await prepare(display.onEvent);
  let isTraining = true;
  using interrupt = listenForInterrupt(() => {
    if (!isTraining) return;
    display.log("interrupted: finishing this step and writing a checkpoint; interrupt again to stop at once");
  });
  const result = await runTraining(run, {
    signal: interrupt.signal,
    onEvent: (event) => {
      if (event.type === "progress-end" && event.label === "train") isTraining = false;
      display.onEvent(event);
    },
  });
  if (result.interrupted) {
    const { step, steps } = result;
    const state =
      step < steps
        ? `interrupted after step ${formatCount(step)}, checkpoint written`
        : "training is complete, its report is not";
    const command = `${performerCommand()} train --resume ${shellQuoted(result.run)}`;
    display.log(`${state}; continue with: ${command}`);
    process.exitCode = interrupt.exitCode() ?? 1;
  }
  return { run, result };
}
