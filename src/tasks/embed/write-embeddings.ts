/** Embeddings into a file, window by window, so that an interrupted command can be gone on with; or as text. */

import { embedWindows, type EmbedOptions } from "../../inference/embed.ts";
import type { EncodedSequence } from "../../data/index.ts";
import { openJsonList, type WriteText } from "../../text/json-list.ts";
import { formats, type FormatName } from "./format.ts";
import type { EmbeddingPlan, WrittenSoFar } from "./embedding-format.ts";
import { embeddingJson } from "./jsonl.ts";
import { openPartialOutput, type OutputRequest } from "./partial-output.ts";

export interface EmbeddingJob extends Omit<EmbedOptions, "sequences" | "pooling"> {
  readonly plan: EmbeddingPlan;
  /** The input from its beginning, each time it is called. */
  readonly sequences: () => AsyncIterable<EncodedSequence>;
}

export interface FileJob extends EmbeddingJob {
  readonly path: string;
  readonly format: FormatName;
  /** Everything that the bytes depend on. */
  readonly request: OutputRequest;
  readonly resume: boolean;
  readonly overwrite: boolean;
  /** Ends the work after the present batch. */
  readonly signal?: AbortSignal;
  /** Called once with what an earlier, interrupted command wrote. */
  readonly onBegin?: (written: WrittenSoFar) => void;
}

export interface FileResult extends Pick<WrittenSoFar, "records" | "residues"> {
  /** Residues of this command, without those of an interrupted one before it. */
  readonly newResidues: number;
  /** The finished files; empty when interrupted. */
  readonly files: readonly string[];
}

/**
 * Writes a file, or goes on with it.
 *
 * @returns with files, or when the signal came without, and the rest can be written later
 * @throws as `openPartialOutput` and `embedWindows`
 */
export async function embedToFile(job: FileJob): Promise<FileResult> {
  const { plan, sequences, path, format, request, resume, overwrite, signal, onBegin, onProgress, ...rest } = job;
  const { suffixes, begin, block, end } = formats[format];
  await using output = await openPartialOutput({ path, suffixes, request, begin: begin(plan), resume, overwrite });
  const before = output.written;
  onBegin?.(before);
  const result = (files: readonly string[]) => {
    const { records, residues } = output.written;
    return { records, residues, newResidues: residues - before.residues, files };
  };
  try {
    const windows = embedWindows({
      ...rest,
      pooling: plan.pooling,
      sequences: without(before.records, sequences()),
      onProgress: (residues) => {
        signal?.throwIfAborted();
        onProgress?.(before.residues + residues);
      },
    });
    for await (const window of windows) {
      const residues = window.reduce((sum, { length }) => sum + length, 0);
      await output.append(await block(window, plan, output.written), { records: window.length, residues });
      signal?.throwIfAborted();
    }
  } catch (error) {
    if (signal?.aborted === true && error === signal.reason) return result([]);
    throw error;
  }
  await output.finish(await end(plan, output.written, output.marks));
  return result(suffixes.map((suffix) => path + suffix));
}

async function* without<T>(count: number, items: AsyncIterable<T>): AsyncGenerator<T> {
  let passed = 0;
  for await (const item of items) if (passed++ >= count) yield item;
}

/**
 * Hands out one JSON object a line, or all of them as one document `{ "embeddings": [ … ] }`.
 *
 * @returns when everything is handed over
 */
export async function embedToText(
  job: EmbeddingJob & { readonly isDocument: boolean },
  write: WriteText,
): Promise<void> {
  const { plan, sequences, isDocument, ...rest } = job;
  const list = openJsonList("embeddings", write);
  for await (const window of embedWindows({ ...rest, pooling: plan.pooling, sequences: sequences() })) {
    for (const each of window) {
      const json = embeddingJson(each, plan);
      await (isDocument ? list.addText(json) : write(`${json}\n`));
    }
  }
  if (isDocument) await list.end();
}
