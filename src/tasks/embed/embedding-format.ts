/** What a format of embedding files must say: files are written window by window. */

import type { Pooling, SequenceEmbedding } from "../../inference/embed.ts";
import type { JsonValue } from "../../storage/json.ts";
import type { Precision } from "./numbers.ts";

/** What all windows of a file have in common. */
export interface EmbeddingPlan {
  readonly modelDim: number;
  readonly pooling: Pooling;
  readonly precision: Precision;
  /** What is told of the vectors where a format has room for it. */
  readonly about: Readonly<Record<string, string>>;
}

/** Counts of what has been written so far. */
export interface WrittenSoFar {
  readonly records: number;
  readonly residues: number;
  /** The size of each file. */
  readonly bytes: readonly number[];
}

/** What a window adds. */
export interface FormatBlock {
  /** To each file. */
  readonly parts: readonly Uint8Array[];
  /** What `end` must know of this window. */
  readonly mark?: JsonValue;
}

export interface FormatEnd {
  /** Added to the first file. */
  readonly tail: Uint8Array;
  /** Takes the place of as many bytes at the beginning of the first file. */
  readonly head?: Uint8Array;
}

/** The bytes of a window depend on it and on what came before it alone, so that a file can be gone on with. */
export interface EmbeddingFormat {
  /** What follows the name in each file's name; the first file is the one asked for. */
  readonly suffixes: readonly string[];
  readonly begin: (plan: EmbeddingPlan) => readonly Uint8Array[];
  readonly block: (
    embeddings: readonly SequenceEmbedding[],
    plan: EmbeddingPlan,
    before: WrittenSoFar,
  ) => Promise<FormatBlock>;
  readonly end: (plan: EmbeddingPlan, written: WrittenSoFar, marks: readonly JsonValue[]) => Promise<FormatEnd>;
}
