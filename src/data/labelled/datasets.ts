/** Labelled and tagged sequences from tables. */
import { emptySplits, type SplitName } from "../datasets.ts";
import {
  findColumns,
  readId,
  readSequenceCell,
  readSplit,
  refuseCell,
  type ColumnOptions,
  type Columns,
} from "./columns.ts";
import { classLookup, collectClasses, readClassName, readValue } from "./labels.ts";
import type { ByteSource } from "../bytes.ts";
import { DataError } from "../errors.ts";
import { openFile } from "../files.ts";
import { readTable, type TableRow, type TableSource } from "./tables.ts";
import type { Vocabulary } from "../vocabulary.ts";
import type { LabelledDataset, LabelledSequence, LabelTask, TaggedDataset, TaggedSequence } from "./types.ts";

/** Options of both loaders. */
export interface TableDatasetOptions extends Omit<TableSource, "source" | "name">, ColumnOptions {
  /** The table's path, relative to the working directory (in a page: in its storage, or an address), or its bytes. */
  readonly source: ByteSource | string;
  /**
   * The file's name: for messages, and to tell the format by its ending. Default: the last part of the path; bytes need
   * one.
   */
  readonly name?: string;
  /** How sequences become tokens; the model must have the same. */
  readonly vocabulary: Vocabulary;
  /**
   * The classes by id, such as those that a stored model knows; others are refused. Default: all that the table has,
   * integers in ascending order, else by name.
   */
  readonly classNames?: readonly string[];
}

/** Options of `loadLabelled`. */
export interface LoadLabelledOptions extends TableDatasetOptions {
  /** Default "classification". */
  readonly task?: LabelTask;
}

/**
 * Reads sequences with labels from CSV, TSV, JSON lines or Parquet.
 *
 * Rows go to the split that their column names, and without such a column by a stable hash of their sequence, 90 %
 * train, 5 % valid, 5 % test.
 *
 * @throws DataError, naming file, line or row, and column, on tables that cannot be read, on columns that are not
 *   there, on empty sequences, on sequences outside the vocabulary, and on labels that are no class or no number
 */
export async function loadLabelled(options: LoadLabelledOptions): Promise<LabelledDataset> {
  const { vocabulary, task = "classification" } = options;
  const { name, rows, columns } = await openTable(options, "label");
  const splits = emptySplits<LabelledSequence>();
  const classNames =
    task === "regression"
      ? []
      : (options.classNames ?? collectClasses(rows.map((row) => readClassName(row, columns.label))));
  const classOf = classLookup(classNames);
  for (const [index, row] of rows.entries()) {
    const { split, ...sequence } = readSequence(row, columns, index, vocabulary);
    const label =
      task === "regression"
        ? readValue(row, columns.label)
        : classOf(readClassName(row, columns.label), row, columns.label);
    splits[split].push({ ...sequence, label });
  }
  return { name, vocabulary, task, classNames, numClasses: classNames.length, splits };
}

/**
 * Reads sequences with a class for each token, e.g. secondary structure along a protein: a column of the same length as
 * the sequence's tokens, either text with one character a token or (JSON lines, Parquet) a list of classes. A blank,
 * "-" or null tells nothing about its token.
 *
 * @throws DataError as `loadLabelled`, and when the tags are not as many as the tokens
 */
export async function loadTagged(options: TableDatasetOptions): Promise<TaggedDataset> {
  const { vocabulary } = options;
  const { name, rows, columns } = await openTable(options, "tags");
  const tagsOfRows = rows.map((row) => readTags(row, columns.label));
  const classNames =
    options.classNames ?? collectClasses(tagsOfRows.flatMap((tags) => tags.filter((tag) => tag !== undefined)));
  const classOf = classLookup(classNames);
  const splits = emptySplits<TaggedSequence>();
  for (const [index, row] of rows.entries()) {
    const { split, ...sequence } = readSequence(row, columns, index, vocabulary);
    const tags = tagsOfRows[index] ?? [];
    const numTokens = sequence.tokenIds.length;
    if (tags.length !== numTokens) {
      throw refuseCell(
        row,
        columns.label,
        `there must be one tag for each of the sequence's ${numTokens} tokens`,
        Array(tags.length),
        "mend the row; a vocabulary of one character a token counts characters",
      );
    }
    const tagIds = Int32Array.from(tags, (tag) => (tag === undefined ? -1 : classOf(tag, row, columns.label)));
    splits[split].push({ ...sequence, tagIds });
  }
  return { name, vocabulary, task: "tagging", classNames, numClasses: classNames.length, splits };
}

async function openTable(
  options: TableDatasetOptions,
  labelDefault: string,
): Promise<{ readonly name: string; readonly rows: readonly TableRow[]; readonly columns: Columns }> {
  const { source, format } = options;
  const isPath = typeof source === "string";
  const name = options.name ?? (isPath ? source.split(/[/\\]/).at(-1) : undefined);
  if (name === undefined) {
    throw new DataError({
      who: "table",
      rule: "bytes must come with a name, which tells their format and stands in messages",
      got: "none",
      fix: 'add name: "mails.csv"',
    });
  }
  const rows = await readTable({ source: isPath ? openFile(source) : source, name, ...(format && { format }) });
  const [first = { where: name, cells: {} }] = rows;
  return { name, rows, columns: findColumns(first, options, labelDefault) };
}

function readSequence(
  row: TableRow,
  columns: Columns,
  index: number,
  vocabulary: Vocabulary,
): { readonly id: string; readonly split: SplitName; readonly tokenIds: Int32Array } {
  const text = readSequenceCell(row, columns.sequence);
  const id = readId(row, columns.id, index);
  const tokenIds = vocabulary.encode(text, { recordId: id, fileName: `${row.where}, column ${columns.sequence}` });
  return { id, split: readSplit(row, columns.split, text), tokenIds };
}

/** A class name for each token; undefined where there is none. */
function readTags(row: TableRow, column: string): readonly (string | undefined)[] {
  const cell = row.cells[column];
  if (typeof cell !== "string" && !Array.isArray(cell)) {
    throw refuseCell(row, column, "tags must be text with one character a token, or a list", cell, "mend the row");
  }
  const tags: readonly unknown[] = Array.from<unknown>(cell);
  return tags.map((tag) =>
    tag === null || tag === undefined || tag === " " || tag === "-" ? undefined : readClassName(row, column, tag),
  );
}
