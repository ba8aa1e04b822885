/**
 * What is trained when mechanisms are compared, and what comes out: plain data, for it crosses to a process of its own
 * and back.
 */

import type { ModelOptions } from "performer-ts/model";
import type { TrainingOptions } from "performer-ts/training";
import type { SplitResult, Subject, SubjectRequest } from "./subject.ts";

export interface TrainingJob {
  readonly subject: SubjectRequest;
  /** What differs from the subject's own model: the mechanism, at least. */
  readonly model: Partial<ModelOptions>;
  /** What differs from the subject's own training. */
  readonly training: TrainingOptions;
  /** Evaluations on the way, besides the one at the end. Default 0. */
  readonly evaluations?: number;
}

/** A point of the validation curve. */
export interface CurvePoint extends SplitResult {
  readonly step: number;
  /** The time of training alone. */
  readonly seconds: number;
}

export interface TrainingJobResult {
  readonly numParameters: number;
  readonly steps: number;
  readonly tokensPerStep: number;
  /** Median; compilation is not in it. */
  readonly stepMs: number;
  /** The most memory that the process has held, the engine and the data included. */
  readonly peakMemoryBytes: number;
  readonly curve: readonly CurvePoint[];
  /** After the last step; null for a run that failed. */
  readonly valid: SplitResult | null;
  readonly test: SplitResult | null;
  /** Null for data without such a split, too. */
  readonly ood: SplitResult | null;
  /** The unigram baseline of each split; null for data without ood. */
  readonly unigram: Subject["unigram"] | null;
  /** The step whose loss was not finite, counted from 1; null when all were. */
  readonly failedAt: number | null;
}
