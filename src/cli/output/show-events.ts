/** The events of a task on standard error: progress as bars or lines, notices as lines that stay. */

import type { EvaluationEvent, OnEvent, RunEvent, StepEvent, TaskEvent } from "../../runs/events.ts";
import { formatFixed, formatLarge, formatPercent } from "../../text/numbers.ts";
import { isQuiet } from "./verbosity.ts";
import { createProgress, type Progress, type ProgressStream } from "./progress.ts";

/** Weight of the newest step in what is shown: single batches differ too much to be read. */
const SHOWN_SHARE = 0.1;

export interface EventDisplay extends Disposable {
  readonly onEvent: OnEvent;
  /** A line for people, above whatever is drawn. */
  readonly log: (line: string) => void;
}

/**
 * Shows what a task reports. To be disposed of at the end: a bar's timer keeps the process alive.
 *
 * @param stream default standard error: standard output is for results
 */
export function showEvents(stream: ProgressStream = process.stderr): EventDisplay {
  const bars = new Map<string, Progress>();
  let shown: { readonly lossNats: number; readonly tokensPerSecond: number } | undefined;
  const end = (label: string) => {
    bars.get(label)?.stop();
    bars.delete(label);
  };
  const quiet = isQuiet();
  const log = (line: string) => {
    if (quiet) return;
    const [bar] = bars.values();
    if (bar === undefined) stream.write(`${line}\n`);
    else bar.log(line);
  };
  const barOf = (work: Parameters<typeof createProgress>[0]): Progress => {
    const open = bars.get(work.label) ?? createProgress({ ...work, stream, quiet });
    bars.set(work.label, open);
    return open;
  };
  const showRun = ({ folder, step, totalSteps }: RunEvent) => {
    log(`run folder: ${folder}`);
    // From here on time is counted.
    barOf({ label: "train", unit: "steps", total: totalSteps, start: step });
  };
  const showStep = ({ step, totalSteps, lossNats, tokensPerSecond, unit }: StepEvent) => {
    shown = { lossNats: mix(shown?.lossNats, lossNats), tokensPerSecond: mix(shown?.tokensPerSecond, tokensPerSecond) };
    barOf({ label: "train", unit: "steps", total: totalSteps }).update(step, {
      loss: formatFixed(shown.lossNats, 3),
      [`${unit}/s`]: formatLarge(Math.round(shown.tokensPerSecond)),
    });
  };
  return {
    log,
    onEvent: (event: TaskEvent) => {
      switch (event.type) {
        case "notice":
          return log(event.text);
        case "progress":
          return barOf(event).update(event.done, event.fields);
        case "progress-end":
          return end(event.label);
        case "run":
          return showRun(event);
        case "step":
          return showStep(event);
        case "evaluation":
          return log(describeEvaluation(event));
        case "checkpoint":
        case "phase":
        // For whoever writes to standard output.
        case "text":
          return undefined;
      }
    },
    [Symbol.dispose]: () => {
      for (const label of bars.keys()) end(label);
    },
  };
}

function describeEvaluation({ step, result }: EvaluationEvent): string {
  const { lossNats, accuracy, perplexity, regression } = result;
  if (regression !== undefined) {
    const { meanSquaredError, rSquared } = regression;
    return `step ${step}: validation squared error ${formatFixed(meanSquaredError, 4)}, R² ${formatFixed(rSquared, 3)}`;
  }
  return (
    `step ${step}: validation loss ${formatFixed(lossNats, 3)}, perplexity ${formatFixed(perplexity, 2)}, ` +
    `accuracy ${formatPercent(accuracy)}`
  );
}

function mix(before: number | undefined, now: number): number {
  return before === undefined ? now : before + SHOWN_SHARE * (now - before);
}
