/** The one pass over a FASTA file's bytes: where headers and sequences lie, whatever the pieces they come in. */
import { nulByte } from "./bytes.ts";
import { DataError, quoted } from "./errors.ts";

/** Callbacks for the parts of a file. The bytes are only valid during the call. */
export interface FastaSink {
  /** A header line, trimmed, with its ">". */
  readonly header: (bytes: Uint8Array, line: number) => void;
  /** A part of a sequence line, without its line end; it may hold blanks. */
  readonly residues: (bytes: Uint8Array, line: number) => void;
  /** The open record is complete. */
  readonly end: () => void;
}

/** A pass in progress. */
export interface FastaScanner {
  /** The line being read, counted from 1. */
  readonly line: () => number;
  readonly push: (piece: Uint8Array) => void;
  /** Ends the last record; after that the scanner is done. */
  readonly finish: () => void;
}

/** How much of a line that should not be there is kept for the message. */
const SHOWN_BYTES = 200;
const NEWLINE = 10;
const GREATER = 62;

/** Space, tab, LF, vertical tab, form feed, CR. */
export function isBlankByte(byte: number): boolean {
  return byte === 32 || (byte >= 9 && byte <= 13);
}

/**
 * Parts a FASTA text, LF or CR LF, into headers and sequence lines; blank lines and a byte order mark are skipped.
 *
 * @param name the file's name, for messages
 * @throws DataError from push and finish, naming file and line: on NUL bytes, on text before the first header, and on a
 *   file without a record
 */
export function createFastaScanner(name: string, sink: FastaSink): FastaScanner {
  let line = 1;
  let state: "start" | "header" | "sequence" | "stray" = "start";
  let isOpen = false;
  // A header, or a line that should not be there, which may come in several pieces.
  let kept: Uint8Array[] = [];
  let markBytes = 0;

  function takeSegment(bytes: Uint8Array): void {
    let from = 0;
    if (state === "start") {
      while (from < bytes.length && isBlankByte(bytes[from] ?? 0)) from += 1;
      if (from === bytes.length) return;
      state = bytes[from] === GREATER ? "header" : isOpen ? "sequence" : "stray";
    }
    const rest = from === 0 ? bytes : bytes.subarray(from);
    if (state === "sequence") {
      sink.residues(rest, line);
      return;
    }
    kept.push(rest.slice());
    if (state === "stray" && kept.reduce((sum, { length }) => sum + length, 0) > SHOWN_BYTES) refuseStray();
  }

  function endLine(): void {
    if (state === "stray") refuseStray();
    if (state === "header") {
      if (isOpen) sink.end();
      isOpen = true;
      sink.header(trimEnd(joinBytes(kept)), line);
      kept = [];
    }
    state = "start";
  }

  function refuseStray(): never {
    throw new DataError({
      who: `${name}, line ${line}`,
      rule: 'a FASTA file must start with a header line ">identifier"',
      got: quoted(new TextDecoder().decode(trimEnd(joinBytes(kept)))),
      fix: 'give a FASTA file, plain or compressed with gzip, or put a line such as ">sequence1" above the sequence',
    });
  }

  function push(piece: Uint8Array): void {
    let at = 0;
    // UTF-8 files from Windows may begin with EF BB BF, which can come byte by byte.
    while (markBytes < MARK.length && at < piece.length) {
      if (piece[at] !== MARK[markBytes]) {
        if (markBytes > 0) takeSegment(MARK.subarray(0, markBytes));
        markBytes = MARK.length;
        break;
      }
      at += 1;
      markBytes += 1;
    }
    const nul = piece.indexOf(0, at);
    while (at < piece.length) {
      const newline = piece.indexOf(NEWLINE, at);
      const end = newline < 0 ? piece.length : newline;
      if (nul >= at && nul < end) throw nulByte(name, line);
      if (end > at) takeSegment(piece.subarray(at, end));
      if (newline < 0) return;
      endLine();
      line += 1;
      at = newline + 1;
    }
  }

  function finish(): void {
    endLine();
    if (isOpen) {
      sink.end();
      return;
    }
    throw new DataError({
      who: name,
      rule: "a FASTA file must hold at least one record",
      got: "an empty file",
      fix: "check that the path is right and that the download has finished",
    });
  }

  return { line: () => line, push, finish };
}

const MARK: Uint8Array = Uint8Array.of(0xef, 0xbb, 0xbf);

/** A header's identifier, up to the first blank and without the ">", and the words behind it. */
export interface FastaHeader {
  readonly id: string;
  readonly description: string;
}

/** One for all headers: to make one takes longer than to decode by it. */
const headerDecoder = new TextDecoder();

/** A header's identifier alone: of millions, most are asked for nothing else. */
export function parseFastaId(bytes: Uint8Array): string {
  let start = 1;
  while (start < bytes.length && isBlankByte(bytes[start] ?? 0)) start += 1;
  let end = start;
  while (end < bytes.length && !isBlankByte(bytes[end] ?? 0)) end += 1;
  return headerDecoder.decode(bytes.subarray(start, end));
}

/** @throws DataError when there is no identifier */
export function parseFastaHeader(bytes: Uint8Array, line: number, name: string): FastaHeader {
  const header = headerDecoder.decode(bytes);
  const [id = "", ...words] = header.slice(1).trim().split(/\s+/);
  if (id !== "") return { id, description: words.join(" ") };
  throw new DataError({
    who: `${name}, line ${line}`,
    rule: 'a header must carry an identifier after the ">"',
    got: quoted(header),
    fix: 'write one, such as ">sequence1"',
  });
}

/** The refusal of a record without residues. */
export function emptyRecord(id: string, line: number, name: string): DataError {
  return new DataError({
    who: `${name}, line ${line}`,
    rule: "a record must carry at least one residue",
    got: `the header ${quoted(`>${id}`)} without a sequence below it`,
    fix: "add the sequence or remove the record; if it is the last one, the file may have been cut off",
  });
}

function joinBytes(pieces: readonly Uint8Array[]): Uint8Array {
  const [first] = pieces;
  if (first !== undefined && pieces.length === 1) return first;
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}

function trimEnd(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && isBlankByte(bytes[end - 1] ?? 0)) end -= 1;
  return bytes.subarray(0, end);
}
