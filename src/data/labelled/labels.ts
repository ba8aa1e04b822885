/** Labels in tables: names of classes with ids of their own, and numbers. */
import { distance } from "fastest-levenshtein";
import { refuseCell } from "./columns.ts";
import type { TableRow } from "./tables.ts";

/** The name of a class: text, or an integer or truth value written as text. */
export function readClassName(row: TableRow, column: string, cell: unknown = row.cells[column]): string {
  if (typeof cell === "string" && cell.trim() !== "") return cell.trim();
  if (typeof cell === "boolean" || typeof cell === "bigint") return String(cell);
  if (typeof cell === "number" && Number.isInteger(cell)) return String(cell);
  const fix = typeof cell === "number" ? 'pass task: "regression" to learn numbers' : "fill the cell or remove the row";
  throw refuseCell(row, column, "a class must be text, an integer or true or false", cell, fix);
}

/** A finite number; numbers written as text count. */
export function readValue(row: TableRow, column: string): number {
  const cell = row.cells[column];
  const isText = typeof cell === "string" && cell.trim() !== "";
  const value = isText || typeof cell === "number" || typeof cell === "bigint" ? Number(cell) : Number.NaN;
  if (Number.isFinite(value)) return value;
  throw refuseCell(
    row,
    column,
    "a value to learn must be a finite number",
    cell,
    'mend the cell, or pass task: "classification" to learn classes',
  );
}

/**
 * Distinct names in ascending order: as numbers where all are integers, else by their UTF-16 units, upper case first.
 */
export function collectClasses(names: Iterable<string>): readonly string[] {
  const distinct = [...new Set(names)];
  if (distinct.every((name) => /^-?\d+$/.test(name))) return distinct.sort((a, b) => Number(a) - Number(b));
  return distinct.sort((a, b) => (a < b ? -1 : 1));
}

/** Looks a class up, naming the nearest one when there is none of that name. */
export function classLookup(classNames: readonly string[]): (name: string, row: TableRow, column: string) => number {
  const idOf = new Map(classNames.map((name, id) => [name, id]));
  return (name, row, column) => {
    const id = idOf.get(name);
    if (id !== undefined) return id;
    const [nearest = ""] = classNames.toSorted((a, b) => distance(name, a) - distance(name, b));
    // Numbers are near in value, not in their digits.
    const guess = /^-?\d+$/.test(nearest) ? "" : `the nearest is ${JSON.stringify(nearest)}; `;
    throw refuseCell(
      row,
      column,
      `a class must be one of the ${classNames.length} in classNames`,
      name,
      `${guess}leave classNames out to collect them from the table`,
    );
  };
}
