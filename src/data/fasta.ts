/** Reads FASTA: one record after the other from a stream, whatever the file's size. */
import { readPieces, type ByteSource } from "./bytes.ts";
import { createFastaScanner, emptyRecord, parseFastaHeader, type FastaHeader } from "./fasta-scan.ts";

/** One sequence of a FASTA file. */
export interface FastaRecord {
  /** The header up to the first blank, without the ">". */
  readonly id: string;
  /** The rest of the header, "" when there is none. */
  readonly description: string;
  /** The residues in upper case, without blanks and without a final "*". Not checked against any alphabet. */
  readonly sequence: string;
  /** The header's line number, counted from 1. */
  readonly line: number;
}

/**
 * The records of a FASTA file, plain or gzip, with LF or CR LF line ends; blank lines are skipped.
 *
 * @param options.name the file's name, for messages
 * @throws DataError, naming file and line, on an empty file, on anything that is not FASTA text, on a header without an
 *   identifier, on a record without residues, and on gzip data that end early
 */
export async function* readFasta(source: ByteSource, options: { readonly name: string }): AsyncGenerator<FastaRecord> {
  const { name } = options;
  let open: OpenRecord | undefined;
  let complete: FastaRecord[] = [];
  const scanner = createFastaScanner(name, {
    header: (bytes, line) => {
      open = { ...parseFastaHeader(bytes, line, name), line, decoder: new TextDecoder(), pieces: [] };
    },
    residues: (bytes) => {
      open?.pieces.push(open.decoder.decode(bytes, { stream: true }));
    },
    end: () => {
      if (open !== undefined) complete.push(finishRecord(open, name));
    },
  });
  for await (const piece of readPieces(source, () => `${name}, line ${scanner.line()}`)) {
    scanner.push(piece);
    yield* complete;
    complete = [];
  }
  scanner.finish();
  yield* complete;
}

interface OpenRecord extends FastaHeader {
  readonly line: number;
  /** A character may come in two pieces. */
  readonly decoder: TextDecoder;
  readonly pieces: string[];
}

function finishRecord({ id, description, line, decoder, pieces }: OpenRecord, name: string): FastaRecord {
  const sequence = [...pieces, decoder.decode()]
    .join("")
    .replace(/\s+/g, "")
    .replace(/\*$/, "")
    // Only a–z: toUpperCase on other letters can change the length ("ß" becomes "SS").
    .replace(/[a-z]+/g, (letters) => letters.toUpperCase());
  if (sequence === "") throw emptyRecord(id, line, name);
  return { id, description, sequence, line };
}
