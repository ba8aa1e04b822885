/** Reads FASTA: one record after the other from a stream, whatever the file's size. */
import { readLines } from "./bytes.ts";
import { DataError, quoted } from "./errors.ts";
import type { ByteSource } from "./bytes.ts";

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
  for await (const { text, number } of readLines(source, name)) {
    const line = text.trim();
    if (line === "") continue;
    if (line.startsWith(">")) {
      if (open !== undefined) yield finishRecord(open, name);
      open = openRecord(line, number, name);
    } else if (open !== undefined) {
      open.pieces.push(line);
    } else {
      throw new DataError({
        who: `${name}, line ${number}`,
        rule: 'a FASTA file must start with a header line ">identifier"',
        got: quoted(line),
        fix: 'give a FASTA file, plain or compressed with gzip, or put a line such as ">sequence1" above the sequence',
      });
    }
  }
  if (open === undefined) {
    throw new DataError({
      who: name,
      rule: "a FASTA file must hold at least one record",
      got: "an empty file",
      fix: "check that the path is right and that the download has finished",
    });
  }
  yield finishRecord(open, name);
}

interface OpenRecord {
  readonly id: string;
  readonly description: string;
  readonly line: number;
  readonly pieces: string[];
}

function openRecord(header: string, line: number, name: string): OpenRecord {
  const [id = "", ...words] = header.slice(1).trim().split(/\s+/);
  if (id === "") {
    throw new DataError({
      who: `${name}, line ${line}`,
      rule: 'a header must carry an identifier after the ">"',
      got: quoted(header),
      fix: 'write one, such as ">sequence1"',
    });
  }
  return { id, description: words.join(" "), line, pieces: [] };
}

function finishRecord({ id, description, line, pieces }: OpenRecord, name: string): FastaRecord {
  const sequence = pieces
    .join("")
    .replace(/\s+/g, "")
    .replace(/\*$/, "")
    // Only a–z: toUpperCase on other letters can change the length ("ß" becomes "SS").
    .replace(/[a-z]+/g, (letters) => letters.toUpperCase());
  if (sequence === "") {
    throw new DataError({
      who: `${name}, line ${line}`,
      rule: "a record must carry at least one residue",
      got: `the header ${quoted(`>${id}`)} without a sequence below it`,
      fix: "add the sequence or remove the record; if it is the last one, the file may have been cut off",
    });
  }
  return { id, description, sequence, line };
}
