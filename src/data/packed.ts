/**
 * Sequences of letters packed into one byte a token, beside a table of where each begins; nothing of them is held as
 * objects.
 */
import { DataError } from "./errors.ts";
import {
  emptyRecord,
  isBlankByte,
  parseFastaHeader,
  parseFastaId,
  type FastaHeader,
  type FastaSink,
} from "./fasta-scan.ts";
import { refuseResidue } from "./residue-errors.ts";
import type { EncodedSequence } from "./datasets.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Bytes to be read by their place: an array, or a file. */
export interface ByteStore {
  /** @returns a view that is valid until the next read */
  read(start: number, length: number): Uint8Array;
}

/** Where the records of a file lie; 24 bytes a record. */
export interface RecordTable {
  /** The position after each record's last token. */
  readonly tokenEnds: Float64Array;
  /** The position after each record's header. */
  readonly headerEnds: Float64Array;
  /** The line of each record's header in the file, counted from 1. */
  readonly lines: Float64Array;
}

/** A FASTA file, packed. */
export interface PackedRecords extends RecordTable {
  readonly vocabulary: Vocabulary;
  /** One byte a token: its id. */
  readonly tokens: ByteStore;
  /** Headers, trimmed, with their ">". */
  readonly headers: ByteStore;
}

/** The meaning of a byte of a sequence line that is not a token id. */
const BLANK = 254;
const STOP = 253;
const FOREIGN = 252;

/**
 * Packs records as they are scanned. What has been packed can be taken away, so that a file need not fit into memory.
 */
export interface Packer extends FastaSink {
  readonly tokens: ByteBuffer;
  readonly headers: ByteBuffer;
  /** The table of what has been packed so far. */
  readonly table: () => RecordTable;
}

/**
 * A sink that checks letters and packs: lower case is raised, blanks and a final "*" are left out.
 *
 * @param name the file's name, for messages
 * @throws DataError from its methods, naming file, line and record: on letters outside the vocabulary, gaps, stops
 *   inside a sequence, records without residues and headers without an identifier
 */
export function createPacker(name: string, vocabulary: Vocabulary): Packer {
  const codes = codesOf(vocabulary);
  const tokens = new ByteBuffer();
  const headers = new ByteBuffer();
  const tokenEnds = new NumberList();
  const headerEnds = new NumberList();
  const lines = new NumberList();
  let open: { readonly header: Uint8Array; readonly line: number; readonly start: number } | undefined;
  // A "*" is dropped at the end of a record and refused before another residue.
  let hasStop = false;

  function idOf({ header, line }: { readonly header: Uint8Array; readonly line: number }): string {
    return parseFastaHeader(header, line, name).id;
  }

  function refuse(bytes: Uint8Array, index: number, position: number): never {
    const { header, line } = open ?? { header: new Uint8Array(), line: 1 };
    throw refuseResidue({
      bytes,
      index,
      position,
      vocabulary,
      who: `${name}, line ${line}, record ${idOf({ header, line })}`,
    });
  }

  return {
    tokens,
    headers,
    table: () => ({ tokenEnds: tokenEnds.toArray(), headerEnds: headerEnds.toArray(), lines: lines.toArray() }),
    header: (bytes, line) => {
      if (parseFastaId(bytes) === "") parseFastaHeader(bytes, line, name);
      headers.append(bytes);
      headerEnds.push(headers.end);
      lines.push(line);
      open = { header: bytes.slice(), line, start: tokens.end };
      hasStop = false;
    },
    residues: (bytes) => {
      const target = tokens.reserve(bytes.length);
      let at = tokens.used;
      for (let i = 0; i < bytes.length; i++) {
        const code = codes[bytes[i] ?? 0] ?? FOREIGN;
        if (code < FOREIGN && !hasStop) {
          target[at] = code;
          at += 1;
        } else if (code === STOP && !hasStop) {
          hasStop = true;
        } else if (code !== BLANK) {
          const position = tokens.base + at - (open?.start ?? 0) + 1;
          // A residue behind a stop: the stop is what should not be there.
          refuse(hasStop ? Uint8Array.of(42) : bytes, hasStop ? 0 : i, position);
        }
      }
      tokens.used = at;
    },
    end: () => {
      if (open !== undefined && tokens.end === open.start) throw emptyRecord(idOf(open), open.line, name);
      tokenEnds.push(tokens.end);
    },
  };
}

function codesOf(vocabulary: Vocabulary): Uint8Array {
  // Tags, of which there may be thousands, stand behind the letters and are never packed.
  const numPacked = vocabulary.size - (vocabulary.tags?.length ?? 0);
  if (vocabulary.toJSON().kind !== "letters" || numPacked > FOREIGN) {
    throw new DataError({
      who: "createPacker",
      rule: `packed sequences must be of an alphabet of at most ${FOREIGN} tokens`,
      got: `the vocabulary ${vocabulary.name} of ${numPacked} tokens`,
      fix: "pass proteinVocabulary, or make one with letterVocabulary",
    });
  }
  const codes = new Uint8Array(256).fill(FOREIGN);
  for (let byte = 0; byte < 128; byte++) if (isBlankByte(byte)) codes[byte] = BLANK;
  codes["*".charCodeAt(0)] = STOP;
  for (const [id, token] of vocabulary.tokens.entries()) {
    if (!vocabulary.isResidue(id)) continue;
    const lower = token.toLowerCase().charCodeAt(0);
    if (codes[lower] === FOREIGN) codes[lower] = id;
  }
  // After the lower ones: an alphabet may tell cases apart.
  for (const [id, token] of vocabulary.tokens.entries()) if (vocabulary.isResidue(id)) codes[token.charCodeAt(0)] = id;
  return codes;
}

/** A sequence of packed records. An object with getters, because there may be millions and few are read at a time. */
class PackedSequence implements EncodedSequence {
  readonly #records: PackedRecords;
  readonly #index: number;
  readonly family?: string;
  readonly startId?: number;

  constructor(records: PackedRecords, index: number, { family, startId }: PackedFacts) {
    this.#records = records;
    this.#index = index;
    if (family !== undefined) this.family = family;
    if (startId !== undefined) this.startId = startId;
  }

  get id(): string {
    return readId(this.#records, this.#index);
  }

  get length(): number {
    return recordLength(this.#records, this.#index);
  }

  get tokenIds(): Int32Array {
    return this.readTokens(0, this.length);
  }

  readBytes(): Uint8Array {
    return readRecord(this.#records, this.#index, 0, this.length);
  }

  readTokens(start: number, end: number): Int32Array {
    const bytes = readRecord(this.#records, this.#index, start, Math.min(end, this.length));
    const ids = new Int32Array(bytes.length);
    // A loop: typed arrays' set is no faster between kinds.
    for (let i = 0; i < bytes.length; i++) ids[i] = bytes[i] ?? 0;
    return ids;
  }
}

/** A record's data other than its tokens. */
type PackedFacts = Pick<EncodedSequence, "family" | "startId">;

/** A record as a sequence that is read on demand. */
export function packedSequence(records: PackedRecords, index: number, facts: PackedFacts = {}): EncodedSequence {
  return new PackedSequence(records, index, facts);
}

/** The number of records. */
export function countRecords({ tokenEnds }: RecordTable): number {
  return tokenEnds.length;
}

/** The number of tokens of a record. */
export function recordLength({ tokenEnds }: RecordTable, index: number): number {
  return (tokenEnds[index] ?? 0) - (index === 0 ? 0 : (tokenEnds[index - 1] ?? 0));
}

/** The ids of a record's tokens start … end − 1 as bytes, valid until the next read. */
export function readRecord(
  { tokenEnds, tokens }: PackedRecords,
  index: number,
  start: number,
  end: number,
): Uint8Array {
  const first = index === 0 ? 0 : (tokenEnds[index - 1] ?? 0);
  return tokens.read(first + start, Math.max(0, end - start));
}

/** Identifier and description of a record. */
export function readHeader(records: PackedRecords, index: number): FastaHeader {
  return parseFastaHeader(headerBytes(records, index), index + 1, "packed records");
}

/** The identifier of a record. */
export function readId(records: PackedRecords, index: number): string {
  return parseFastaId(headerBytes(records, index));
}

function headerBytes({ headerEnds, headers }: PackedRecords, index: number): Uint8Array {
  const start = index === 0 ? 0 : (headerEnds[index - 1] ?? 0);
  return headers.read(start, (headerEnds[index] ?? 0) - start);
}

/** Bytes that grow at their end and can be taken away from their beginning. */
export class ByteBuffer implements ByteStore {
  #bytes = new Uint8Array(65_536);
  /** Bytes taken away so far. */
  base = 0;
  /** Bytes that are here. */
  used = 0;

  /** The place behind the last byte, those that were taken away included. */
  get end(): number {
    return this.base + this.used;
  }

  /** The array, with room for so many bytes behind `used`. */
  reserve(count: number): Uint8Array {
    if (this.used + count > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.used + count, 2 * this.#bytes.length));
      grown.set(this.#bytes.subarray(0, this.used));
      this.#bytes = grown;
    }
    return this.#bytes;
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length).set(bytes, this.used);
    this.used += bytes.length;
  }

  /** Everything that is here, valid until the next byte comes. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.used);
    this.base += this.used;
    this.used = 0;
    return taken;
  }

  read(start: number, length: number): Uint8Array {
    return this.#bytes.subarray(start - this.base, start - this.base + length);
  }
}

/** Numbers that grow at their end, 8 bytes each. */
class NumberList {
  #numbers = new Float64Array(1024);
  #length = 0;

  push(value: number): void {
    if (this.#length === this.#numbers.length) {
      const grown = new Float64Array(2 * this.#length);
      grown.set(this.#numbers);
      this.#numbers = grown;
    }
    this.#numbers[this.#length] = value;
    this.#length += 1;
  }

  toArray(): Float64Array {
    return this.#numbers.subarray(0, this.#length);
  }
}
