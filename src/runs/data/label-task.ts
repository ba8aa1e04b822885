/** What the labels of a table suggest to learn, and what is said where they suggest nothing. */

import { DataError } from "../../data/index.ts";
import { refuseCell } from "../../data/labelled/columns.ts";
import type { TableRow } from "../../data/labelled/tables.ts";
import { formatCount } from "../../text/numbers.ts";
import type { Task } from "./source.ts";

/** More different labels than these are names or numbers, not classes. */
const MOST_CLASSES = 100;

/** A task, or why labels tell none: "60 different whole numbers". */
type ToldByLabels = { readonly task: "classification" | "regression" } | { readonly nothing: string };

/**
 * Few different words or whole numbers are classes, and numbers with fractions are values; anything else tells nothing.
 *
 * @param needed whether nothing can be learnt without labels, so that leaving them out is no way out
 * @throws DataError about the first cell that is unlike most: an empty one, or one that is no number where most are
 */
export function toldByLabels(rows: readonly TableRow[], column: string, needed = false): ToldByLabels {
  const labels = rows.map(({ cells }) => textOf(cells[column]));
  if (labels.every((label) => label === "")) return { nothing: `the column '${column}' is empty` };
  refuseOdd(
    rows,
    column,
    (label) => label !== "",
    "a label must be there",
    needed
      ? "fill the cell, or remove the row"
      : "fill the cell, remove the row, or pass --task language-modeling to leave labels out",
  );
  const areMostlyNumbers = labels.filter(isNumber).length > labels.length / 2;
  if (areMostlyNumbers) {
    refuseOdd(
      rows,
      column,
      isNumber,
      "a label must be a finite number where most are",
      "mend the cell, or pass --task classification to take every label for the name of a class",
    );
    if (labels.some((label) => !Number.isInteger(Number(label)))) return { task: "regression" };
  }
  const numClasses = new Set(labels).size;
  const what = areMostlyNumbers ? "whole numbers" : "texts";
  if (numClasses === 1) return { nothing: `all are the same, '${labels[0] ?? ""}'` };
  const areFew = numClasses <= Math.min(MOST_CLASSES, Math.max(2, labels.length / 2));
  return areFew
    ? { task: "classification" }
    : { nothing: `${formatCount(numClasses)} different ${what} in ${formatCount(labels.length)} rows` };
}

/**
 * The line about a table whose labels tell no task, or that has none: what is trained, and how to choose otherwise.
 *
 * @param told undefined where there is no column of labels
 * @param others the columns that could hold labels
 */
export function describeUntold(
  told: { readonly nothing: string } | undefined,
  task: Task,
  others: readonly string[],
): string {
  const chosen = `training a ${task === "masked" ? "masked language model" : "language model"}`;
  if (told !== undefined) return `labels: ${told.nothing}: ${chosen}; pass --task classification or regression`;
  const named =
    others.length === 0
      ? "to learn labels, put them into a column 'label'"
      : `to learn labels, name their column with --label-column: ${others.map((name) => JSON.stringify(name)).join(", ")}`;
  return `labels: the table has no column 'label': ${chosen}; ${named}`;
}

/** The refusal of a column that was named, and that tells no task. */
export function refuseUntold(
  name: string,
  column: string,
  { nothing }: { readonly nothing: string },
  needed = false,
): DataError {
  return new DataError({
    who: `${name}, column ${column}`,
    rule: "labels must be a few classes, or numbers with fractions, where no task is named",
    got: nothing.startsWith("all ") ? `labels of which ${nothing}` : nothing,
    fix: needed
      ? "pass --task classification or --task regression, or name another column with --label-column"
      : "pass --task classification or --task regression, or leave --label-column out to learn sequences alone",
  });
}

/** @param fits of the trimmed text of a cell */
function refuseOdd(
  rows: readonly TableRow[],
  column: string,
  fits: (label: string) => boolean,
  rule: string,
  fix: string,
): void {
  const odd = rows.find(({ cells }) => !fits(textOf(cells[column])));
  if (odd !== undefined) throw refuseCell(odd, column, rule, odd.cells[column], fix);
}

function isNumber(label: string): boolean {
  return label !== "" && Number.isFinite(Number(label));
}

function textOf(cell: unknown): string {
  if (typeof cell === "string") return cell.trim();
  return typeof cell === "number" || typeof cell === "bigint" || typeof cell === "boolean" ? String(cell) : "";
}
