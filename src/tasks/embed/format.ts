// Files of embeddings, written window by window: what a format must say, and the table of formats.

import type { Pooling, SequenceEmbedding } from "../../inference/embed.ts";
import type { JsonValue } from "../../storage/json.ts";
import { UsageError } from "../../runs/usage.ts";
import { jsonlFormat } from "./jsonl.ts";
import { npyFormat } from "./npy.ts";
import type { Precision } from "./numbers.ts";
import { parquetFormat } from "./parquet.ts";

/** What all windows of a file have in common. */
export interface EmbeddingPlan {
  readonly modelDim: number;
  readonly pooling: Pooling;
  readonly precision: Precision;
  /** What is told of the vectors where a format has room for it. */
  readonly about: Readonly<Record<string, string>>;
}

/** What has been written so far. */
export interface WrittenSoFar {
  readonly records: number;
  readonly residues: number;
  /** Of each file. */
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

export const formats = {
  parquet: parquetFormat,
  npy: npyFormat,
  jsonl: jsonlFormat,
} as const satisfies Record<string, EmbeddingFormat>;
export type FormatName = keyof typeof formats;

export const formatNames = Object.keys(formats) as readonly FormatName[]; // its own keys

/**
 * The format of a file by its ending.
 *
 * @throws UsageError for any other ending
 */
export function formatOf(path: string): FormatName {
  const found = formatNames.find((name) => path.toLowerCase().endsWith(`.${name}`));
  if (found !== undefined) return found;
  throw new UsageError(
    `--out must end in ${formatNames.map((name) => `.${name}`).join(", ")}, got ${JSON.stringify(path)}; ` +
      "rename it, or say which with --format",
  );
}
