/** Sequences from a table: with their labels, to be told from them, or without, as text. */

import { basename } from "node:path";

import {
  DataError,
  loadLabelled,
  openFile,
  type EncodedSequence,
  type LabelledDataset,
  type SequenceDataset,
  type Vocabulary,
} from "../../data/index.ts";
import { emptySplits } from "../../data/datasets.ts";
import { findColumns, readId, readSequenceCell, readSplit, refuseCell } from "../../data/labelled/columns.ts";
import { readClassName } from "../../data/labelled/labels.ts";
import { readTable, type TableRow } from "../../data/labelled/tables.ts";
import { describeUntold, refuseUntold, toldByLabels } from "./label-task.ts";
import { chooseVocabulary } from "./text.ts";
import type { DataSource, Task } from "./source.ts";

/** Names of classes in a message. */
const MOST_SHOWN = 10;

/** What a trained model knows of its data. */
export interface KnownData {
  readonly vocabulary: Vocabulary;
  readonly task: Task;
  readonly classNames: readonly string[];
}

export interface LoadedTable {
  readonly dataset: SequenceDataset | LabelledDataset;
  readonly task: Task;
  /** What was chosen where the table does not say it. */
  readonly notice?: string;
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
  const asked = known?.task ?? source.task;
  const told = asked === undefined && labelColumn !== undefined ? toldByLabels(rows, labelColumn) : undefined;
  const untold = told !== undefined && "nothing" in told ? told : undefined;
  if (untold !== undefined && source.labelColumn !== undefined && source.labelColumn in first.cells) {
    throw refuseUntold(name, source.labelColumn, untold);
  }
  const task = asked ?? (told !== undefined && "task" in told ? told.task : unlabelled);
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
    if (classNames.classNames !== undefined) requireKnownClasses(rows, columns.label, classNames.classNames);
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
  const dataset = { name, vocabulary, splits };
  if (asked !== undefined) return { dataset, task };
  const taken = [columns.sequence, columns.split];
  const others = Object.keys(first.cells).filter((column) => !taken.includes(column));
  return { dataset, task, notice: describeUntold(untold, task, others) };
}

/** @throws DataError about the first label that is none of a trained model's classes */
function requireKnownClasses(rows: readonly TableRow[], column: string, classNames: readonly string[]): void {
  for (const row of rows) {
    const label = readClassName(row, column);
    if (classNames.includes(label)) continue;
    const more = classNames.length > MOST_SHOWN ? ` and ${classNames.length - MOST_SHOWN} more` : "";
    const known = `the run knows the classes ${classNames.slice(0, MOST_SHOWN).join(", ")}${more}`;
    throw refuseCell(
      row,
      column,
      "a label must be a class of the run",
      label,
      `${known}; mend the cell, or remove the row`,
    );
  }
}

/** A message about columns in the words of the command line. */
export function namingOptions(error: unknown): unknown {
  if (!(error instanceof DataError)) return error;
  const fix = error.fix
    ?.replace(/\b(sequence|label)Column: ("[^"]*")/g, "--$1-column $2")
    .replace(/\btask: "(\w+)"/g, "--task $1");
  return new DataError({ ...error.problem, fix }, { cause: error });
}
