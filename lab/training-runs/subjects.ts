// What models are trained on to be compared: data as batches, the measure that is usual for them, and a model of a size that suits.

import { bitsPerDimension } from "performer-ts/data";
import type { ModelOptions } from "performer-ts/model";
import type { BatchSource, TrainingBatch, TrainingConfig } from "performer-ts/training";
import type { SplitResult } from "./job.ts";
import { copySubject } from "./subjects/copy.ts";
import { fashionSubject } from "./subjects/images.ts";
import { lraPrefix, lraSubject } from "./subjects/lra.ts";
import { proteinSubject } from "./subjects/proteins.ts";
import { textSubject } from "./subjects/text.ts";

/** `causal`: every token from those before it; `masked`: hidden tokens from all others. */
export type Objective = "causal" | "masked";

export interface SubjectRequest {
  /** A name of the table `subjects`, or a file. */
  readonly data: string;
  readonly objective: Objective;
  /** Tokens of the longest row. Default: the subject's own. */
  readonly length?: number;
  /** Fewer evaluation batches; for tasks that are generated, smaller ones. */
  readonly quick: boolean;
  /** Where a task reads its files, for those that have them. */
  readonly folder?: string;
}

/** How a result is told for a kind of data. */
export interface Measure {
  readonly name: string;
  readonly of: (result: SplitResult) => number;
}

export const measures = {
  perplexity: { name: "perplexity", of: ({ lossNats }) => Math.exp(lossNats) },
  natsPerByte: { name: "nats per byte", of: ({ lossNats }) => lossNats },
  bitsPerDimension: { name: "bits per dimension", of: ({ lossNats }) => bitsPerDimension(lossNats) },
  accuracy: { name: "accuracy, %", of: ({ accuracy }) => 100 * accuracy },
} as const satisfies Record<string, Measure>;

export interface Subject {
  readonly title: string;
  readonly measure: Measure;
  /** The vocabulary, the longest row, and sizes that train within minutes. */
  readonly model: ModelOptions;
  readonly batches: (seed: number) => BatchSource;
  readonly valid: readonly TrainingBatch[];
  readonly test: readonly TrainingBatch[];
}

export type SubjectMaker = (request: SubjectRequest, training: TrainingConfig) => Promise<Subject>;

export const subjects = {
  proteins: proteinSubject,
  "pride-and-prejudice": textSubject,
  "fashion-mnist": fashionSubject,
  copy: copySubject,
} as const satisfies Record<string, SubjectMaker>;

/** @throws ConfigError or DataError for data that do not exist, and objectives that they do not have */
export function loadSubject(request: SubjectRequest, training: TrainingConfig): Promise<Subject> {
  return makerOf(request.data)(request, training);
}

function makerOf(data: string): SubjectMaker {
  if (Object.hasOwn(subjects, data)) return subjects[data as keyof typeof subjects]; // one of its keys, just asked
  if (data.startsWith(lraPrefix)) return lraSubject;
  return /\.(fa|fasta|faa)(\.gz)?$/.test(data) ? proteinSubject : textSubject;
}
