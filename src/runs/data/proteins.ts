/**
 * Proteins as they were asked for: the embedded ones or a FASTA file of any size, indexed with progress, and what there
 * is to say of it.
 */

import { basename } from "node:path";

import {
  embeddedProteinsUrl,
  loadIndexedProteins,
  type PackedDataset,
  type SequenceDataset,
  type Vocabulary,
} from "../../data/index.ts";
import { formatCount, plural } from "../../text/numbers.ts";
import { reportProgress, type OnEvent, type ProgressReport } from "../events.ts";
import type { DataSource } from "./source.ts";

/** Shorter waits need no progress. */
const SILENT_MS = 1000;

export interface LoadedProteins {
  readonly dataset: SequenceDataset;
  /** Lines for people. */
  readonly notice?: string;
}

/**
 * @param known the vocabulary of a trained model: its tags are those of the data
 * @throws DataError naming file, line and record of what cannot be used
 */
export async function loadProteinSource(
  source: DataSource,
  known?: Vocabulary,
  onEvent?: OnEvent,
): Promise<LoadedProteins> {
  const { path, splitBy, families, minLength, maxLength, tags, minTagged } = source;
  const name = basename(path ?? embeddedProteinsUrl.pathname);
  const progress = reportBytes(`index ${name}`, onEvent);
  try {
    const dataset = await loadIndexedProteins(path ?? embeddedProteinsUrl, {
      name,
      // The remaining rule is one of text, which dataSource refuses for proteins.
      splitBy: splitBy === undefined || splitBy === "contiguous" ? "header" : splitBy,
      ...(families !== undefined && { families }),
      ...(minLength !== undefined && { minLength }),
      ...(maxLength !== undefined && { maxLength }),
      ...(tags !== undefined && { tags }),
      ...(minTagged !== undefined && { minTagged }),
      ...(known !== undefined && { vocabulary: known }),
      onProgress: progress.update,
    });
    const notice = describeProteins(dataset, source);
    return { dataset, ...(notice !== undefined && { notice }) };
  } finally {
    progress.stop();
  }
}

/** Progress in bytes of a file that begins to be reported when reading has taken a while. */
export function reportBytes(
  label: string,
  onEvent?: OnEvent,
): {
  readonly update: (done: number, total: number) => void;
  readonly stop: () => void;
} {
  const beganMs = performance.now();
  let shown: ProgressReport | undefined;
  return {
    update: (done, total) => {
      if (shown === undefined && performance.now() - beganMs < SILENT_MS) return;
      shown ??= reportProgress(onEvent, { label, unit: "bytes", total });
      shown.update(done);
    },
    stop: () => shown?.stop(),
  };
}

function describeProteins(
  { leftOut, duplicates, splits, vocabulary }: PackedDataset,
  source: DataSource,
): string | undefined {
  const { short, long } = leftOut;
  const tagged = splits.train.filter(({ startId }) => startId !== undefined).length;
  const { minLength = 1, maxLength = 0 } = source;
  const lines = [
    short + long > 0 &&
      `left out: ${[
        short > 0 &&
          `${formatCount(short)} ${plural(short, "sequence")} shorter than data.minLength = ${formatCount(minLength)}`,
        long > 0 &&
          `${formatCount(long)} ${plural(long, "sequence")} longer than data.maxLength = ${formatCount(maxLength)}`,
      ]
        .filter((each) => each !== false)
        .join(", ")}`,
    duplicates !== undefined &&
      `duplicates: ${formatCount(duplicates.count)} ${duplicates.count === 1 ? "record has" : "records have"} the accession of an earlier one, the first of them ${duplicates.first}; all are kept`,
    source.tags !== undefined &&
      `tags: ${formatCount(vocabulary.tags?.length ?? 0)} by ${source.tags}, in front of ${formatCount(tagged)} of ${formatCount(splits.train.length)} training sequences; the others begin with <bos>`,
  ].filter((each) => each !== false);
  return lines.length === 0 ? undefined : lines.join("\n");
}
