/** The formats of embedding files. */

import { problem } from "../../graph/errors.ts";
import { UsageError } from "../../runs/usage.ts";
import type { EmbeddingFormat } from "./embedding-format.ts";
import { jsonlFormat } from "./jsonl.ts";
import { npyFormat } from "./npy.ts";
import { parquetFormat } from "./parquet.ts";

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
    problem`--out must end in ${formatNames.map((name) => `.${name}`).join(", ")}, got ${JSON.stringify(path)}; rename
    it, or say which with --format`,
  );
}
