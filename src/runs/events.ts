/** What a task reports while it works. Its result is what it returns; events are for whoever watches. */

import type { EvaluationResult } from "../training/evaluate.ts";
import type { TrainingProgress } from "../training/trainer.ts";

/** Numbers to show beside the progress, by name. */
export type ProgressFields = Readonly<Record<string, string | number>>;

/** Work that takes a while and can be counted. */
export interface Work {
  /** What is being done, in a word or two: "train". */
  readonly label: string;
  /** What the units of work are: "steps". Default: they are not named. */
  readonly unit?: string;
  /** How many units of work there are. Default: not known, as of input through a pipe. */
  readonly total?: number;
  /** Units that were done before, when a run is resumed: time left is estimated from the rest. Default 0. */
  readonly start?: number;
}

/** A line for people. */
export interface NoticeEvent {
  readonly type: "notice";
  readonly text: string;
}

/** How much of some work is done; cheap, and sent as often as at every step. */
export interface ProgressEvent extends Work {
  readonly type: "progress";
  /** Units that are done, `start` included. */
  readonly done: number;
  /** Since the work began. */
  readonly elapsedMs: number;
  readonly fields?: ProgressFields;
}

/** Work that was reported is over, finished or not. */
export interface ProgressEndEvent {
  readonly type: "progress-end";
  readonly label: string;
}

/** The run's folder is there; training is about to begin. */
export interface RunEvent {
  readonly type: "run";
  readonly folder: string;
  /** Steps that were done before, when a run is resumed. */
  readonly step: number;
  readonly totalSteps: number;
}

/** One training step is done. */
export interface StepEvent extends TrainingProgress {
  readonly type: "step";
  /** What one prediction is of: "tokens". */
  readonly unit: string;
}

/** The validation split was evaluated during training. */
export interface EvaluationEvent {
  readonly type: "evaluation";
  readonly step: number;
  readonly result: EvaluationResult;
}

/** A checkpoint is complete on disk. */
export interface CheckpointEvent {
  readonly type: "checkpoint";
  readonly step: number;
  readonly folder: string;
}

/** A part of a task begins in which an aborted signal means something of its own; it lasts until the next one. */
export interface PhaseEvent {
  readonly type: "phase";
  readonly name: string;
}

/** A piece of generated text; all pieces together are the text, its prompt included. */
export interface TextEvent {
  readonly type: "text";
  readonly text: string;
}

export type TaskEvent =
  | NoticeEvent
  | ProgressEvent
  | ProgressEndEvent
  | RunEvent
  | StepEvent
  | EvaluationEvent
  | CheckpointEvent
  | PhaseEvent
  | TextEvent;

/**
 * Called for every event, in order. An error that it throws ends the task with that error; to end a task in order,
 * abort its signal.
 */
export type OnEvent = (event: TaskEvent) => void;

/** What every task takes beside its input. */
export interface TaskContext {
  /** Ends the task at the next place where nothing is lost. */
  readonly signal?: AbortSignal;
  /** Default: nobody watches. */
  readonly onEvent?: OnEvent;
}

/** Reports the progress of one piece of work; disposing of it is `stop`. */
export interface ProgressReport extends Disposable {
  /** Tells how many units are done, `start` included. */
  readonly update: (done: number, fields?: ProgressFields) => void;
  /** A line for people, which stays. */
  readonly log: (line: string) => void;
  /** Tells that the work is over; may be called twice. To be called in `finally`. */
  readonly stop: () => void;
}

/** Progress of some work as events; nothing is sent before the first update. */
export function reportProgress(onEvent: OnEvent = ignoreEvent, work: Work): ProgressReport {
  const beganMs = performance.now();
  let status: "waiting" | "reported" | "stopped" = "waiting";
  const stop = () => {
    if (status === "reported") onEvent({ type: "progress-end", label: work.label });
    status = "stopped";
  };
  return {
    update: (done, fields) => {
      if (status === "stopped") return;
      status = "reported";
      onEvent({ type: "progress", ...work, done, elapsedMs: performance.now() - beganMs, ...(fields && { fields }) });
    },
    log: (text) => onEvent({ type: "notice", text }),
    stop,
    [Symbol.dispose]: stop,
  };
}

/** Where nobody watches. */
export function ignoreEvent(): void {}

/** Sends a line for people. */
export function notice(onEvent: OnEvent | undefined, text: string): void {
  onEvent?.({ type: "notice", text });
}

/** Lets work end at its next event once the signal is aborted: the event's listener throws the signal's reason. */
export function untilAborted(signal: AbortSignal | undefined, onEvent: OnEvent = ignoreEvent): OnEvent {
  return (event) => {
    // The end of some work is reported all the same, so that nobody waits for more.
    if (event.type !== "progress-end") signal?.throwIfAborted();
    onEvent(event);
  };
}

/** What a model reads one of at a time. */
export type ReadUnit = "residues" | "tokens" | "patches" | "intensities";

/**
 * Progress of reading sequences, with the speed.
 *
 * @param work its total is undefined for input of unknown size
 */
export function reportReading(
  onEvent: OnEvent | undefined,
  {
    unit = "residues",
    start = 0,
    total,
    label,
  }: { readonly [K in keyof Work]?: Work[K] | undefined } & { readonly label: string; readonly unit?: ReadUnit },
): ProgressReport {
  const beganMs = performance.now();
  const progress = reportProgress(onEvent, { label, unit, start, ...(total !== undefined && { total }) });
  return {
    ...progress,
    update: (done) => {
      const perSecond = (1000 * (done - start)) / (performance.now() - beganMs);
      progress.update(done, { [`${unit}/s`]: Math.round(perSecond) });
    },
  };
}
