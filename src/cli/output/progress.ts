/** Progress of a long command on standard error: a bar on a terminal, a few plain lines elsewhere. */

import { MultiBar } from "cli-progress";

import { formatCount, formatSeconds } from "../../text/numbers.ts";

const BAR_LENGTH = 24;
const PLAIN_INTERVAL_MS = 5000;

/** Where progress is written; process.stderr is one. */
export type ProgressStream = NodeJS.WritableStream & { readonly isTTY?: boolean };

export interface ProgressOptions {
  /** What is being done, in a word or two: "train". */
  readonly label: string;
  /** What the units of work are: "steps". Default: they are not named. */
  readonly unit?: string;
  /** How many units of work there are. Default: not known, as of what comes through a pipe. */
  readonly total?: number;
  /** Units that were done before, when a run is resumed: time left is estimated from the rest. Default 0. */
  readonly start?: number;
  /** Time that the work has taken before. Default 0. */
  readonly elapsedMs?: number;
  /** Default standard error: standard output is for results. */
  readonly stream?: ProgressStream;
  /** Write nothing at all. Default false. */
  readonly quiet?: boolean;
}

/** Numbers to show beside the progress, by name. */
export type ProgressFields = Readonly<Record<string, string | number>>;

export interface Progress {
  /** Tells how many units are done, `start` included. Cheap: may be called at every step. */
  readonly update: (done: number, fields?: ProgressFields) => void;
  /** Writes a line that stays, above the bar. */
  readonly log: (line: string) => void;
  /**
   * Shows the last state and ends; may be called twice. To be called in `finally`: the bar's timer keeps the process
   * alive.
   */
  readonly stop: () => void;
}

interface State {
  readonly label: string;
  readonly unit: string | undefined;
  readonly total: number | undefined;
  readonly start: number;
  readonly done: number;
  readonly elapsedSeconds: number;
  readonly fields: ProgressFields;
}

/** Starts to show progress; nothing is written before the first update. */
export function createProgress(options: ProgressOptions): Progress {
  const { stream = process.stderr, quiet = false } = options;
  if (quiet) return { update: () => undefined, log: () => undefined, stop: () => undefined };
  // A dumb terminal cannot move its cursor, which a bar needs.
  const canDraw = stream.isTTY === true && process.env["TERM"] !== "dumb";
  return canDraw ? createBar(options, stream) : createLines(options, stream);
}

function createBar(
  { label, unit, total, start = 0, elapsedMs = 0 }: ProgressOptions,
  stream: ProgressStream,
): Progress {
  const beganMs = performance.now() - elapsedMs;
  let done = start;
  let fields: ProgressFields = {};
  let status: "waiting" | "drawing" | "stopped" = "waiting";
  const bars = new MultiBar({
    stream,
    // Called for each frame, so the time moves while a step is computed.
    format: () => barLine({ label, unit, total, start, done, elapsedSeconds: secondsSince(beganMs), fields }),
    forceRedraw: true,
    // The command decides what an interrupt means, so the bar changes nothing on the terminal that would need undoing.
    gracefulExit: false,
    hideCursor: null,
    linewrap: null,
    fps: 8,
  });
  return {
    update: (newDone, newFields = {}) => {
      if (status === "stopped") return;
      done = newDone;
      fields = newFields;
      // What is drawn comes from the variables above; the library only wants to know that there is a bar.
      if (status === "waiting") bars.create(Math.max(1, total ?? 0), 0);
      status = "drawing";
    },
    log: (line) => {
      if (status !== "drawing") {
        stream.write(`${line}\n`);
        return;
      }
      bars.log(`${line}\n`);
      bars.update();
    },
    stop: () => {
      if (status === "drawing") bars.stop();
      status = "stopped";
    },
  };
}

function createLines(
  { label, unit, total, start = 0, elapsedMs = 0 }: ProgressOptions,
  stream: ProgressStream,
): Progress {
  const beganMs = performance.now() - elapsedMs;
  let printedMs = Number.NEGATIVE_INFINITY;
  let pending: State | undefined;
  const print = (state: State): void => {
    stream.write(`${plainLine(state)}\n`);
    printedMs = performance.now();
    pending = undefined;
  };
  return {
    update: (done, fields = {}) => {
      const state = { label, unit, total, start, done, elapsedSeconds: secondsSince(beganMs), fields };
      if (performance.now() - printedMs >= PLAIN_INTERVAL_MS) print(state);
      else pending = state;
    },
    log: (line) => {
      stream.write(`${line}\n`);
    },
    stop: () => {
      if (pending !== undefined) print(pending);
    },
  };
}

function barLine(state: State): string {
  const filled = Math.round(fractionOf(state) * BAR_LENGTH);
  const bar = "█".repeat(filled) + "░".repeat(BAR_LENGTH - filled);
  return `${state.label} ${bar} ${describe(state)}`;
}

function plainLine(state: State): string {
  return `${state.label} ${describe(state)}`;
}

/** "450/1,000 steps (45 %) · 1 min 3 s, 1 min 17 s left · loss 2.531". */
function describe(state: State): string {
  const { unit, total, done, elapsedSeconds, fields } = state;
  const percent = Math.floor(fractionOf(state) * 100);
  const left = secondsLeft(state);
  const time =
    left === undefined
      ? formatSeconds(elapsedSeconds)
      : `${formatSeconds(elapsedSeconds)}, ${formatSeconds(left)} left`;
  const shown = Object.entries(fields).map(([name, value]) => `${name} ${formatField(value)}`);
  const counted =
    total === undefined
      ? [formatCount(done), unit]
      : [`${formatCount(done)}/${formatCount(total)}`, unit, `(${percent} %)`];
  return [counted.filter((part) => part !== undefined).join(" "), time, ...shown].join(" · ");
}

function fractionOf({ done, total }: State): number {
  if (total === undefined) return 0;
  return total > 0 ? Math.min(1, Math.max(0, done / total)) : 1;
}

/** At the mean speed so far; undefined before there is one, and at the end. */
function secondsLeft({ total, start, done, elapsedSeconds }: State): number | undefined {
  if (total === undefined || done <= start || done >= total) return undefined;
  return (elapsedSeconds * (total - done)) / (done - start);
}

function secondsSince(beganMs: number): number {
  return (performance.now() - beganMs) / 1000;
}

function formatField(value: string | number): string {
  if (typeof value === "string") return value;
  return Number.isInteger(value) ? formatCount(value) : String(Number(value.toPrecision(4)));
}
