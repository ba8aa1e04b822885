/** What --sequence and --fasta give: proteins as a model reads them, one after the other, whatever the file's size. */

import { problem } from "../../graph/errors.ts";
import { stat } from "node:fs/promises";
import { basename } from "node:path";

import {
  DataError,
  embeddedProteinsUrl,
  openFile,
  readFasta,
  type EncodedSequence,
  type FastaRecord,
  type Vocabulary,
} from "../../data/index.ts";
import type { ByteSource } from "../../data/bytes.ts";
import { refuseResidue } from "../../data/residue-errors.ts";
import { nearestName } from "../../graph/nearest-name.ts";
import { UsageError } from "../../runs/usage.ts";
import { formatCount } from "../../text/numbers.ts";

export interface SequenceOptions {
  /** A protein in one-letter code. */
  readonly sequence?: readonly string[];
  /** A file; `-` is standard input. */
  readonly fasta?: string;
  /** What `-` stands for. */
  readonly standardInput?: () => ByteSource;
}

/** A protein, with its letters as the model reads them. */
export interface InputSequence extends EncodedSequence {
  /** Upper case, without blanks. */
  readonly residues: string;
}

/** Identifiers among which repetitions are looked for: a list of all would grow with the file. */
const REMEMBERED_IDS = 100_000;

/**
 * The proteins that a command line names: those of `--sequence` first, then those of the file, which is streamed.
 *
 * Lower case is made upper case, blanks and a final `*` are dropped. An accession that comes twice is kept, and told
 * once.
 *
 * @param vocabulary of the model, for residues
 * @param tell is told what people should know, a line at a time
 * @throws UsageError when neither is given, and for a model that reads no proteins
 * @throws DataError with file, line and record for gaps, stop codons inside, letters outside the alphabet, records
 *   without residues and gzip data that end early; for an accession that is not there with the nearest one that is
 */
export async function* readSequences(
  { sequence = [], fasta, standardInput }: SequenceOptions,
  vocabulary: Vocabulary,
  tell: (line: string) => void = () => undefined,
): AsyncGenerator<InputSequence> {
  requireProteins(vocabulary);
  if (sequence.length === 0 && fasta === undefined) {
    throw new UsageError(
      problem`the proteins must be given with --sequence or --fasta, got neither; add --sequence MKVLA… or --fasta
      FILE`,
    );
  }
  const warn = repetitionWarner(tell);
  for await (const record of namedRecords(sequence)) yield encoded(record, vocabulary);
  if (fasta === undefined) return;
  const { name, source } = openInputFile(fasta, standardInput);
  for await (const record of readFasta(source, { name })) {
    warn(record, name);
    yield encoded(record, vocabulary, name);
  }
}

/**
 * A file, or standard input.
 *
 * @throws UsageError for `-` where there is no standard input
 */
export function openInputFile(
  path: string,
  standardInput: (() => ByteSource) | undefined,
): { readonly name: string; readonly source: ByteSource } {
  if (path !== "-") return { name: basename(path), source: openFile(path) };
  if (standardInput === undefined) throw new UsageError(problem`there is no standard input here, got '-'; give a file`);
  return { name: "standard input", source: standardInput() };
}

/** What there is to do, in numbers. */
export interface SequenceSurvey {
  readonly residues: number;
  /** Letters of the longest identifier. */
  readonly longestId: number;
}

/**
 * Reads everything once, so that what is wrong with the last record is told before hours of work, and how much there is
 * to do is known.
 *
 * @returns undefined for pipes, which can be read only once
 * @throws what `readSequences` throws; the signal's reason once it is aborted
 */
export async function surveySequences(
  options: SequenceOptions,
  vocabulary: Vocabulary,
  tell?: (line: string) => void,
  signal?: AbortSignal,
): Promise<SequenceSurvey | undefined> {
  if (await isPipe(options)) return undefined;
  let residues = 0;
  let longestId = 0;
  for await (const { id, tokenIds } of readSequences(options, vocabulary, tell)) {
    signal?.throwIfAborted();
    residues += tokenIds.length;
    longestId = Math.max(longestId, id.length);
  }
  return { residues, longestId };
}

/** Standard input, a named pipe, `<(zcat …)`: what can be read only once. */
export async function isPipe({ fasta }: Pick<SequenceOptions, "fasta">): Promise<boolean> {
  if (fasta === undefined) return false;
  // What cannot be looked at is refused by who reads it.
  const found = fasta === "-" ? undefined : await stat(fasta).catch(() => undefined);
  return fasta === "-" || (found !== undefined && !found.isFile() && !found.isDirectory());
}

/** @throws UsageError for a vocabulary of text, pixels or words */
export function requireProteins(vocabulary: Vocabulary): void {
  const { kind } = vocabulary.toJSON();
  if (kind === "letters") return;
  throw new UsageError(
    problem`the model must read proteins by their letters, got one with a vocabulary of ${kind}; name a run that was
    trained on proteins, and measure this one with eval`,
  );
}

/** A record, and whether its line is one of a file. */
type Named = Pick<FastaRecord, "id" | "sequence"> & Partial<Pick<FastaRecord, "line">>;

function encoded({ id, sequence, line }: Named, vocabulary: Vocabulary, fileName?: string): InputSequence {
  const wrong = Array.from(sequence).findIndex((letter) => !vocabulary.tokens.includes(letter));
  if (wrong >= 0) {
    const place = fileName === undefined ? [id] : [fileName, `line ${line ?? 1}`, `record ${id}`];
    const bytes = new TextEncoder().encode(sequence.slice(wrong));
    throw refuseResidue({ bytes, index: 0, position: wrong + 1, vocabulary, who: place.join(", ") });
  }
  return { id, tokenIds: vocabulary.encode(sequence), residues: sequence };
}

/** What `--sequence` gave. */
async function* namedRecords(texts: readonly string[]): AsyncGenerator<Named> {
  let known: ReadonlyMap<string, FastaRecord> | undefined;
  for (const [index, text] of texts.entries()) {
    const id = `sequence ${index + 1}`;
    const residues = text.replace(/\s+/g, "").replace(/\*$/, "").toUpperCase();
    if (residues === "") {
      throw new DataError({
        who: id,
        rule: "--sequence must name at least one residue",
        got: JSON.stringify(text),
        fix: "write its one-letter codes, such as MKVLA",
      });
    }
    if (!/[0-9_|]/.test(residues)) {
      yield { id, sequence: residues };
      continue;
    }
    known ??= await embeddedRecords();
    yield lookUp(residues, known);
  }
}

/** Every embedded protein by its accession, its entry name, and both as they stand in the file. */
async function embeddedRecords(): Promise<ReadonlyMap<string, FastaRecord>> {
  const byName = new Map<string, FastaRecord>();
  for await (const record of readFasta(openFile(embeddedProteinsUrl), {
    name: basename(embeddedProteinsUrl.pathname),
  })) {
    for (const name of [record.id, ...record.id.split("|")]) byName.set(name, record);
  }
  return byName;
}

function lookUp(name: string, known: ReadonlyMap<string, FastaRecord>): Named {
  const record = known.get(name);
  // Its line says nothing to somebody who has named it by its accession.
  if (record !== undefined) return { id: record.id, sequence: record.sequence };
  const isEntryName = name.includes("_");
  const near = nearestName(
    name,
    [...known.keys()].filter((key) => key.includes("_") === isEntryName && !key.includes("|")),
  );
  throw new DataError({
    who: `--sequence ${name}`,
    rule: `an accession must be one of the ${formatCount(new Set(known.values()).size)} embedded proteins`,
    got: JSON.stringify(name),
    fix: `${near === undefined ? "" : `did you mean ${near}? Otherwise `}give its residues, or a FASTA file with --fasta`,
  });
}

/** Tells the first identifier that comes a second time. */
function repetitionWarner(tell: (line: string) => void): (record: FastaRecord, file: string) => void {
  let seen: Set<string> | undefined = new Set();
  return ({ id, line }, file) => {
    if (seen === undefined) return;
    if (seen.has(id)) {
      tell(`${file}, line ${line}: ${id} comes a second time; all records are kept, told apart by their order only`);
      seen = undefined;
    } else if (seen.size < REMEMBERED_IDS) {
      seen.add(id);
    }
  };
}
