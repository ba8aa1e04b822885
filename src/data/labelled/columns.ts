/** Which columns of a table hold the sequence, the label, the split and the identifier, and what their cells say. */
import { distance } from "fastest-levenshtein";
import { splitByHash, splitNames, type SplitName } from "../datasets.ts";
import { DataError, quoted } from "../errors.ts";
import type { TableRow } from "./tables.ts";

/** Column names; each has defaults. */
export interface ColumnOptions {
  /** Default: "sequence", else "text". */
  readonly sequenceColumn?: string;
  /** Default: "label" ("tags" for `loadTagged`). */
  readonly labelColumn?: string;
  /** Names the split of each row: train, valid (validation, val, dev), test, ood. Default: "split" if there is one. */
  readonly splitColumn?: string;
  /** Default: "id" if there is one. */
  readonly idColumn?: string;
}

/** The columns of one table; those that are not there are undefined. */
export interface Columns {
  readonly sequence: string;
  readonly label: string;
  readonly split: string | undefined;
  readonly id: string | undefined;
}

/**
 * Finds the columns by the first row.
 *
 * @throws DataError naming the nearest column when one is not there
 */
export function findColumns(first: TableRow, options: ColumnOptions, labelDefault: string): Columns {
  const present = Object.keys(first.cells);
  function find(option: string, named: string | undefined, defaults: readonly string[]): string {
    const found = (named === undefined ? defaults : [named]).find((column) => present.includes(column));
    if (found !== undefined) return found;
    const wanted = named ?? defaults[0] ?? "";
    const [nearest = ""] = present.toSorted((a, b) => distance(wanted, a) - distance(wanted, b));
    throw new DataError({
      who: first.where,
      rule:
        "there must be a column " +
        `${(named === undefined ? defaults : [named]).map((name) => JSON.stringify(name)).join(" or ")}`,
      got: `the columns ${present.map((name) => JSON.stringify(name)).join(", ")}`,
      fix: `pass ${option}: ${JSON.stringify(nearest)} or another of them`,
    });
  }
  function findOptional(option: string, named: string | undefined, fallback: string): string | undefined {
    if (named !== undefined) return find(option, named, []);
    return present.includes(fallback) ? fallback : undefined;
  }
  return {
    sequence: find("sequenceColumn", options.sequenceColumn, ["sequence", "text"]),
    label: find("labelColumn", options.labelColumn, [labelDefault]),
    split: findOptional("splitColumn", options.splitColumn, "split"),
    id: findOptional("idColumn", options.idColumn, "id"),
  };
}

/** Refuses a cell. */
export function refuseCell(row: TableRow, column: string, rule: string, got: unknown, fix: string): DataError {
  return new DataError({ who: `${row.where}, column ${column}`, rule, got: showCell(got), fix });
}

/** A sequence's text. */
export function readSequenceCell(row: TableRow, column: string): string {
  const cell = row.cells[column];
  if (typeof cell === "string" && cell !== "") return cell;
  throw refuseCell(row, column, "a sequence must be text and not empty", cell, "fill the cell or remove the row");
}

/** A row's identifier: that of the table, or its number. */
export function readId(row: TableRow, column: string | undefined, index: number): string {
  if (column === undefined) return String(index + 1);
  const cell = row.cells[column];
  if (typeof cell === "string" && cell !== "") return cell;
  if (typeof cell === "number" || typeof cell === "bigint") return String(cell);
  throw refuseCell(row, column, "an identifier must be text or a number", cell, "fill the cell or remove the row");
}

const splitSynonyms: Readonly<Record<string, SplitName>> = { validation: "valid", val: "valid", dev: "valid" };

/** A row's split: that of the table, or else by a stable hash of the sequence, so that copies stay together. */
export function readSplit(row: TableRow, column: string | undefined, sequence: string): SplitName {
  if (column === undefined) return splitByHash(sequence);
  const cell = row.cells[column];
  const word = typeof cell === "string" ? cell.trim().toLowerCase() : "";
  const split = splitNames.find((name) => name === word) ?? splitSynonyms[word];
  if (split !== undefined) return split;
  throw refuseCell(
    row,
    column,
    `a split must be one of ${[...splitNames, ...Object.keys(splitSynonyms)].join(", ")}`,
    cell,
    "rename it, or name another column with splitColumn",
  );
}

/** A cell as a message shows it. */
function showCell(cell: unknown): string {
  if (typeof cell === "string") return cell === "" ? "an empty cell" : quoted(cell);
  if (cell === undefined || cell === null) return "an empty cell";
  if (typeof cell === "number" || typeof cell === "bigint" || typeof cell === "boolean") return String(cell);
  return Array.isArray(cell) ? `a list of ${cell.length}` : `a value of type ${typeof cell}`;
}
