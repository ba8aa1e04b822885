/**
 * What a subject of comparisons is: data as batches, the measure that is usual for them, and a model of a size that
 * suits.
 */

import { bitsPerDimension, type UnigramBaseline } from "performer-ts/data";
import type { ModelOptions } from "performer-ts/model";
import type { BatchSource, TrainingBatch, TrainingConfig } from "performer-ts/training";

/** `causal`: every token from those before it; `masked`: hidden tokens from all others. */
export type Objective = "causal" | "masked";

export interface SubjectRequest {
  /** A name of the table `subjects`, or a file. */
  readonly data: string;
  readonly objective: Objective;
  /** Tokens of the longest row. Default: the subject's own. */
  readonly length?: number;
  /** Joins sequences into rows of exactly so many tokens. Default false. */
  readonly concatenate?: boolean;
  /** Whether test and ood count only masked tokens. Default false: all that are chosen, as published. */
  readonly behindMaskOnly?: boolean;
  /** Fewer evaluation batches; for tasks that are generated, smaller ones. */
  readonly quick: boolean;
  /** Where a task reads its files, for those that have them. */
  readonly folder?: string;
}

/** Mean loss and share of right predictions of a split. */
export interface SplitResult {
  readonly lossNats: number;
  readonly accuracy: number;
}

/** How a result is told for a kind of data. */
export interface Measure {
  readonly name: string;
  readonly best: "smallest" | "largest";
  readonly of: (result: SplitResult) => number;
}

export const measures = {
  perplexity: { name: "perplexity", best: "smallest", of: ({ lossNats }) => Math.exp(lossNats) },
  natsPerByte: { name: "nats per byte", best: "smallest", of: ({ lossNats }) => lossNats },
  bitsPerDimension: { name: "bits per dimension", best: "smallest", of: ({ lossNats }) => bitsPerDimension(lossNats) },
  accuracy: { name: "accuracy, %", best: "largest", of: ({ accuracy }) => 100 * accuracy },
} as const satisfies Record<string, Measure>;

export interface Subject {
  readonly title: string;
  readonly measure: Measure;
  /** The vocabulary, the longest row, and sizes that train within minutes. */
  readonly model: ModelOptions;
  readonly batches: (seed: number) => BatchSource;
  readonly valid: readonly TrainingBatch[];
  readonly test: readonly TrainingBatch[];
  /** What training has seen nothing like, for data that hold it. */
  readonly ood?: readonly TrainingBatch[];
  /** How well the training tokens' frequencies predict what those batches ask for. */
  readonly unigram?: Readonly<Record<HeldOutSplit, UnigramBaseline>>;
}

/** Splits of a data set with families. */
export type HeldOutSplit = "test" | "ood";

export type SubjectMaker = (request: SubjectRequest, training: TrainingConfig) => Promise<Subject>;
