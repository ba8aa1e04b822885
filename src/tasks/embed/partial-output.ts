/*
 * Files that are written in parts, and gone on with after an interruption.
 *
 * While it is written, FILE stands under FILE.partial. FILE.partial.journal says on its first line what was asked for,
 * and then on a line each what every finished part has brought; what the files hold beyond that belongs to a part that
 * was cut off, and is dropped.
 */

import { problem } from "../../graph/errors.ts";
import * as fs from "node:fs/promises";

import { StorageError } from "../../storage/errors.ts";
import { explainFailure } from "../../storage/failures.ts";
import { appendToFile, exists, readTextOrExplain, writeFileAtomically } from "../../storage/files.ts";
import { parseJson, type JsonValue } from "../../storage/json.ts";
import { UsageError } from "../../runs/usage.ts";
import { formatCount } from "../../text/numbers.ts";
import type { FormatBlock, FormatEnd, WrittenSoFar } from "./embedding-format.ts";

/** What the bytes of a file depend on, by names for people; values are compared as JSON. */
export type OutputRequest = Readonly<Record<string, JsonValue>>;

export interface PartialOutputOptions {
  readonly path: string;
  /** What follows the path in each file's name, the first of them nothing. */
  readonly suffixes: readonly string[];
  readonly request: OutputRequest;
  /** What each file begins with. */
  readonly begin: readonly Uint8Array[];
  /** Go on with an unfinished file, where there is one. */
  readonly resume: boolean;
  /** Take the place of a finished file, and of an unfinished one. */
  readonly overwrite: boolean;
}

export interface PartialOutput extends AsyncDisposable {
  readonly written: WrittenSoFar;
  readonly marks: readonly JsonValue[];
  /** Adds a part. When this has returned the part survives a power cut. */
  readonly append: (block: FormatBlock, counts: Pick<WrittenSoFar, "records" | "residues">) => Promise<void>;
  /** Gives the files their names. */
  readonly finish: (end: FormatEnd) => Promise<void>;
}

interface JournalLine extends WrittenSoFar {
  readonly mark?: JsonValue;
}

const partialOf = (path: string) => `${path}.partial`;
const journalOf = (path: string) => `${path}.partial.journal`;

/**
 * Begins the files, or finds those again that were begun.
 *
 * @throws UsageError for a finished file without `overwrite`, for an unfinished one without `resume` or `overwrite`,
 *   and for one that was begun with another request
 * @throws StorageError for an unfinished file that is damaged, and when the disk is full, read-only or not ours to
 *   write
 */
export async function openPartialOutput(options: PartialOutputOptions): Promise<PartialOutput> {
  const { path, suffixes, request, begin, resume, overwrite } = options;
  const finished = suffixes.map((suffix) => path + suffix);
  const partial = finished.map(partialOf);
  if (resume && overwrite)
    throw new UsageError(problem`--resume and --overwrite must not come together; leave one out`);
  if (!overwrite) await refuseFinished(finished);
  const isBegun = await exists(journalOf(path));
  if (isBegun && !resume && !overwrite) {
    const { records } = lastOf((await readJournal(path)).lines);
    throw new UsageError(
      problem`${partialOf(path)} must not be there before a new file is begun, got one with ${formatCount(records)}
      sequences of an interrupted command; add --resume to go on with it, or --overwrite to begin anew`,
    );
  }
  const lines = isBegun && resume ? await goOn(path, partial, request) : await beginAnew(path, partial, begin, request);
  return openFiles({ path, finished, partial, lines });
}

async function refuseFinished(finished: readonly string[]): Promise<void> {
  for (const path of finished) {
    if (!(await exists(path))) continue;
    throw new UsageError(problem`${path} must not be there yet, got one; choose another --out, or add --overwrite`);
  }
}

async function beginAnew(
  path: string,
  partial: readonly string[],
  begin: readonly Uint8Array[],
  request: OutputRequest,
): Promise<JournalLine[]> {
  await fs.rm(journalOf(path), { force: true });
  for (const [index, file] of partial.entries()) await writeFileAtomically(file, begin[index] ?? new Uint8Array(0));
  const first: JournalLine = { records: 0, residues: 0, bytes: begin.map(({ length }) => length) };
  // Last, and in one go: where there is a journal there are files that it speaks of.
  await writeFileAtomically(journalOf(path), `${JSON.stringify(request)}\n${JSON.stringify(first)}\n`);
  return [first];
}

async function goOn(path: string, partial: readonly string[], request: OutputRequest): Promise<JournalLine[]> {
  const journal = await readJournal(path);
  refuseOther(path, journal.request, request);
  const { bytes } = lastOf(journal.lines);
  for (const [index, file] of partial.entries()) {
    const needed = bytes[index] ?? 0;
    const size = await fs.stat(file).then(
      (stat) => stat.size,
      () => -1,
    );
    if (size < needed) {
      const got = size < 0 ? "none" : `${size}`;
      throw new StorageError(
        problem`${file} must hold the ${needed} bytes that ${journalOf(path)} speaks of, got ${got}; begin anew with
        --overwrite.`,
      );
    }
    await fs.truncate(file, needed);
  }
  // Without a line that was cut off.
  await writeFileAtomically(
    journalOf(path),
    [journal.request, ...journal.lines].map((line) => `${JSON.stringify(line)}\n`).join(""),
  );
  return journal.lines;
}

/** Names everything that differs. */
function refuseOther(path: string, before: OutputRequest, now: OutputRequest): void {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  const differing = names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(now[name]));
  if (differing.length === 0) return;
  const told = differing.map((name) => {
    const said = (value: JsonValue | undefined) => (value === undefined ? "nothing" : JSON.stringify(value));
    return `${name} was ${said(before[name])} and is ${said(now[name])}`;
  });
  throw new UsageError(
    problem`--resume must ask for what ${partialOf(path)} was begun with, got something else: ${told.join("; ")}; give
    the same, or begin anew with --overwrite`,
  );
}

async function readJournal(path: string): Promise<{ readonly request: OutputRequest; readonly lines: JournalLine[] }> {
  const name = journalOf(path);
  const text = await readTextOrExplain(name, "what an unfinished file was begun with");
  // Behind the last line break stands nothing, or a line that was cut off.
  const [request, ...lines] = text
    .split("\n")
    .slice(0, -1)
    .map((line) => parseJson(line, name));
  if (!isRecord(request) || !lines.every(isJournalLine)) {
    throw new StorageError(
      problem`${name} must be the journal of an unfinished file, got another; begin anew with --overwrite.`,
    );
  }
  return { request, lines };
}

function isRecord(value: JsonValue | undefined): value is { readonly [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isJournalLine(value: JsonValue): value is JsonValue & JournalLine {
  if (!isRecord(value)) return false;
  const { records, residues, bytes } = value;
  return Number.isSafeInteger(records) && Number.isSafeInteger(residues) && Array.isArray(bytes);
}

function lastOf(lines: readonly JournalLine[]): JournalLine {
  return lines.at(-1) ?? { records: 0, residues: 0, bytes: [] };
}

interface OpenFiles {
  readonly path: string;
  readonly finished: readonly string[];
  readonly partial: readonly string[];
  readonly lines: readonly JournalLine[];
}

async function openFiles({ path, finished, partial, lines }: OpenFiles): Promise<PartialOutput> {
  const files: fs.FileHandle[] = [];
  const marks = lines.flatMap(({ mark }) => (mark === undefined ? [] : [mark]));
  let written: WrittenSoFar = lastOf(lines);
  const dispose = async () => {
    for (const file of files.splice(0)) await file.close();
  };
  try {
    for (const file of partial) files.push(await fs.open(file, "r+"));
  } catch (error) {
    await dispose();
    throw await explainFailure(error, { action: "write", path });
  }
  return {
    get written() {
      return written;
    },
    marks,
    append: async ({ parts, mark }, { records, residues }) => {
      for (const [index, file] of files.entries()) {
        const part = parts[index] ?? new Uint8Array(0);
        await writeAt(file, part, written.bytes[index] ?? 0, partial[index] ?? path);
      }
      const { bytes } = written;
      written = {
        records: written.records + records,
        residues: written.residues + residues,
        bytes: bytes.map((size, index) => size + (parts[index]?.length ?? 0)),
      };
      if (mark !== undefined) marks.push(mark);
      const line: JournalLine = { ...written, ...(mark !== undefined && { mark }) };
      await appendToFile(journalOf(path), `${JSON.stringify(line)}\n`);
    },
    finish: async ({ tail, head }) => {
      const [file] = files;
      if (file !== undefined) {
        await writeAt(file, tail, written.bytes[0] ?? 0, partial[0] ?? path);
        if (head !== undefined) await writeAt(file, head, 0, partial[0] ?? path);
      }
      await dispose();
      // The file asked for comes last: where it is, the others are.
      for (const index of finished.keys()) {
        const at = finished.length - 1 - index;
        await fs.rename(partial[at] ?? "", finished[at] ?? "");
      }
      await fs.rm(journalOf(path), { force: true });
    },
    [Symbol.asyncDispose]: dispose,
  };
}

async function writeAt(file: fs.FileHandle, bytes: Uint8Array, position: number, path: string): Promise<void> {
  try {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
      done += bytesWritten;
    }
    await file.datasync();
  } catch (error) {
    const stillThere = `${path} holds all that came before, go on with --resume`;
    throw await explainFailure(error, { action: "write", path, sizeBytes: bytes.length, stillThere });
  }
}
