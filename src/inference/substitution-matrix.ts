/**
 * Substitution matrices, which say how readily evolution takes one amino acid for another, in NCBI's text format;
 * BLOSUM62 among them.
 */
import { readLines, type ByteSource } from "../data/bytes.ts";
import { DataError, quoted } from "../data/errors.ts";
import { openPackaged, type PackagedOptions } from "../data/files.ts";

/** Scores of pairs of letters. */
export interface SubstitutionMatrix {
  readonly name: string;
  /** In the order of the file, `*` for a stop or a gap among them. */
  readonly letters: string;
  /**
   * The score of a pair, in the unit of the file (BLOSUM62: half bits).
   *
   * @throws DataError for a letter that the matrix has not
   */
  readonly score: (a: string, b: string) => number;
}

/**
 * Reads a matrix: `#` comments, a line of letters, then a line for each letter with its scores.
 *
 * @param options.name of the matrix, for messages
 * @throws DataError naming the line, where rows or columns are missing, scores are no numbers or the matrix is not
 *   symmetric
 */
export async function readSubstitutionMatrix(
  source: ByteSource,
  { name }: { readonly name: string },
): Promise<SubstitutionMatrix> {
  let letters: readonly string[] | undefined;
  const rows = new Map<string, readonly number[]>();
  for await (const { text, number } of readLines(source, name)) {
    const who = `${name}, line ${number}`;
    const cells = text.trim().split(/\s+/);
    if (cells[0] === "" || text.startsWith("#")) continue;
    if (letters === undefined) letters = readHeader(who, cells);
    else rows.set(cells[0] ?? "", readRow(who, cells, letters, rows));
  }
  return finish(name, letters ?? [], rows);
}

/** NCBI's BLOSUM62, which comes with this package. Source: Henikoff and Henikoff, PNAS 89:10915 (1992). */
export async function loadBlosum62(options: PackagedOptions = {}): Promise<SubstitutionMatrix> {
  return readSubstitutionMatrix(openPackaged("BLOSUM62", options), { name: "BLOSUM62" });
}

function readHeader(who: string, cells: readonly string[]): readonly string[] {
  const wrong = cells.find((cell, index) => cell.length !== 1 || cells.indexOf(cell) !== index);
  if (wrong === undefined) return cells;
  throw new DataError({
    who,
    rule: "the first line must hold distinct letters",
    got: quoted(wrong),
    fix: "give a matrix in NCBI's format, as BLOSUM62 is",
  });
}

function readRow(
  who: string,
  [letter = "", ...cells]: readonly string[],
  letters: readonly string[],
  known: ReadonlyMap<string, unknown>,
): readonly number[] {
  const refuse = (rule: string, got: string) => {
    throw new DataError({ who, rule, got, fix: "give a matrix in NCBI's format, as BLOSUM62 is" });
  };
  if (!letters.includes(letter) || known.has(letter)) {
    refuse("a line must begin with one of the letters of the first line, each once", quoted(letter));
  }
  if (cells.length !== letters.length) {
    refuse(`a line must hold a score for each of the ${letters.length} letters`, `${cells.length} scores`);
  }
  const scores = cells.map(Number);
  const wrong = scores.findIndex((score) => !Number.isFinite(score));
  if (wrong >= 0) refuse("a score must be a number", quoted(cells[wrong] ?? ""));
  return scores;
}

function finish(
  name: string,
  letters: readonly string[],
  rows: ReadonlyMap<string, readonly number[]>,
): SubstitutionMatrix {
  const missing = letters.find((letter) => !rows.has(letter));
  if (missing !== undefined || letters.length === 0) {
    throw new DataError({
      who: name,
      rule: "a matrix must have a line for each of its letters",
      got: missing === undefined ? "no letters" : `none for ${quoted(missing)}`,
      fix: "check that the file is whole",
    });
  }
  const columns = new Map(letters.map((letter, index) => [letter, index]));
  const score = (a: string, b: string): number => {
    const found = rows.get(a)?.[columns.get(b) ?? -1];
    if (found !== undefined) return found;
    throw new DataError({
      who: name,
      rule: `letters must be among ${letters.join("")}`,
      got: quoted(columns.has(a) ? b : a),
      fix: "score residues by their one-letter codes in upper case",
    });
  };
  for (const a of letters) {
    const b = letters.find((other) => score(a, other) !== score(other, a));
    if (b === undefined) continue;
    throw new DataError({
      who: name,
      rule: "a matrix must be symmetric",
      got: `${score(a, b)} for ${a}${b} and ${score(b, a)} for ${b}${a}`,
      fix: "check that the file is whole",
    });
  }
  return { name, letters: letters.join(""), score };
}
