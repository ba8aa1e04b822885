// Sequences from a table: with their labels, to be told from them, or without, as text.

import { basename } from "node:path";

import { DataError, loadLabelled, openFile } from "../../data/index.ts";
import type { EncodedSequence, LabelledDataset, SequenceDataset, Vocabulary } from "../../data/index.ts";
import { emptySplits } from "../../data/datasets.ts";
import { findColumns, readId, readSequenceCell, readSplit } from "../../data/labelled/columns.ts";
import { readTable } from "../../data/labelled/tables.ts";
import type { TableRow } from "../../data/labelled/tables.ts";
import { chooseVocabulary } from "./text.ts";
import type { DataSource, Task } from "./source.ts";

/** More different labels than these are names or numbers, not classes. */
const MOST_CLASSES = 100;

/** What a trained model knows of its data. */
export interface KnownData {
  readonly vocabulary: Vocabulary;
  readonly task: Task;
  readonly classNames: readonly string[];
}

export interface LoadedTable {
  readonly dataset: SequenceDataset | LabelledDataset;
  readonly task: Task;
}

/**
 * Reads a table for the task that is asked for, or else the one that its labels suggest.
 *
 * @param unlabelled the task of tables without labels that could be told
 */
export async function loadTableSource(source: DataSource, unlabelled: Task, known?: KnownData): Promise<LoadedTable> {
  return readTableSource(source, unlabelled, known).catch((error: unknown) => {
    throw namingOptions(error);
  });
}

async function readTableSource(source: DataSource, unlabelled: Task, known?: KnownData): Promise<LoadedTable> {
  const { path = "", sequenceColumn } = source;
  const name = basename(path);
  const rows = await readTable({ source: openFile(path), name });
  const [first = { where: name, cells: {} }] = rows;
  const labelColumn = source.labelColumn ?? ("label" in first.cells ? "label" : undefined);
  const task = known?.task ?? source.task ?? (labelColumn === undefined ? unlabelled : guessTask(rows, labelColumn));
  const named = {
    ...(sequenceColumn !== undefined && { sequenceColumn }),
    ...(source.labelColumn !== undefined && { labelColumn: source.labelColumn }),
  };
  // Where nothing is told from labels, any column stands in for theirs.
  const isLabelled = task === "classification" || task === "regression";
  const anyColumn = isLabelled ? {} : { labelColumn: labelColumn ?? Object.keys(first.cells)[0] ?? "" };
  const columns = findColumns(first, { ...named, ...anyColumn }, "label");
  const choice = known?.vocabulary ?? (await chooseVocabulary(source));
  const vocabulary =
    typeof choice === "function" ? choice(rows.map((row) => readSequenceCell(row, columns.sequence))) : choice;
  if (isLabelled) {
    const classNames = known === undefined || task === "regression" ? {} : { classNames: known.classNames };
    const options = { source: openFile(path), name, vocabulary, task, ...named, ...classNames };
    return { dataset: await loadLabelled(options), task };
  }
  const splits = emptySplits<EncodedSequence>();
  for (const [index, row] of rows.entries()) {
    const text = readSequenceCell(row, columns.sequence);
    const id = readId(row, columns.id, index);
    const tokenIds = vocabulary.encode(text, { recordId: id, fileName: `${row.where}, column ${columns.sequence}` });
    splits[readSplit(row, columns.split, text)].push({ id, tokenIds });
  }
  return { dataset: { name, vocabulary, splits }, task };
}

/** A message about columns in the words of the command line. */
function namingOptions(error: unknown): unknown {
  if (!(error instanceof DataError)) return error;
  const { who, rule, got } = error;
  const fix = error.fix.replace(/\b(sequence|label)Column: ("[^"]*")/g, "--$1-column $2");
  return new DataError({ who, rule, got, fix }, { cause: error });
}

/** Few different words or whole numbers are classes, numbers with fractions are values; anything else tells nothing. */
export function guessTask(rows: readonly TableRow[], labelColumn: string): Task {
  const labels = rows.map(({ cells }) => textOf(cells[labelColumn]));
  const areNumbers = labels.every((label) => label !== "" && Number.isFinite(Number(label)));
  if (areNumbers && labels.some((label) => !Number.isInteger(Number(label)))) return "regression";
  const numClasses = new Set(labels).size;
  const areFew = numClasses >= 2 && numClasses <= Math.min(MOST_CLASSES, Math.max(2, labels.length / 2));
  return areFew ? "classification" : "language-modeling";
}

function textOf(cell: unknown): string {
  if (typeof cell === "string") return cell.trim();
  return typeof cell === "number" || typeof cell === "bigint" || typeof cell === "boolean" ? String(cell) : "";
}
