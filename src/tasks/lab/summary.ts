/** Claims, experiments and their results as text for people. */

import {
  roundTo,
  type Claim,
  type ClaimResult,
  type Experiment,
  type JsonValue,
  type ResultTable,
} from "../../lab/index.ts";
import { formatCount } from "../../text/numbers.ts";
import { formatTable } from "../../text/table.ts";
import type { ResultFiles } from "./write-result.ts";

/** Longer lists are told by their ends; all of them stand in result.json. */
const LONGEST_LIST = 8;
const TITLE_LETTERS = 100;

/** One line each; what is too long for it ends in dots. What was published stands in `--json`. */
export function formatLabList(claims: readonly Claim[], experiments: readonly Experiment[]): string {
  const table = formatTable(
    ["claim", "title"],
    claims.map(({ claim, title }) => [claim, shorten(title, TITLE_LETTERS)]),
  );
  if (experiments.length === 0) return table;
  const others = formatTable(
    ["experiment", "title"],
    experiments.map(({ experiment, title }) => [experiment, shorten(title, TITLE_LETTERS)]),
  );
  return `${table}\n\n${others}`;
}

/** What was published, chosen and measured, one figure a line, and whether it fits together. */
export function formatClaimResult(title: string, result: ClaimResult, files: ResultFiles): string {
  const { claim, setting, published, measured, holds } = result;
  const publishedRows: Row[] = typeof published === "string" ? [["", published]] : rowsOf(published);
  const rows: Row[] = [
    ...section("setting", rowsOf(setting)),
    ...section("published", publishedRows),
    ...section("measured", rowsOf(measured)),
    ["holds", holds ? "yes" : "no"],
    ["result", files.resultPath],
    ["figure", files.figurePath],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`.trimEnd());
  return `${claim}: ${title}\nholds: ${holds ? "yes" : "no"}\n\n${lines.join("\n")}`;
}

/** What came out of an experiment, a row each. */
export function formatExperiment(table: ResultTable, files: ResultFiles): string {
  return `${formatTable(table.header, table.rows)}\n\n${describeFiles(files)}`;
}

export function describeFiles({ resultPath, figurePath }: ResultFiles): string {
  return `written to ${resultPath} and ${figurePath}`;
}

type Row = readonly [name: string, value: string];

function section(name: string, rows: readonly Row[]): Row[] {
  // Words alone stand beside the heading, figures under it.
  const [only] = rows;
  const body: Row[] =
    only !== undefined && rows.length === 1 && only[0] === ""
      ? [[name, only[1]]]
      : [[name, ""], ...rows.map(([row, value]): Row => [`  ${row}`, value])];
  return [...body, ["", ""]];
}

/** Every figure with its path: { a: { b: 1 } } is "a.b" and "1". */
function rowsOf(value: JsonValue, path = ""): Row[] {
  if (isList(value)) {
    if (value.every(isPlain)) return [[path, formatList(value)]];
    if (value.length > LONGEST_LIST) return [[path, `${formatCount(value.length)} entries, in result.json`]];
    return value.flatMap((item, index) => rowsOf(item, `${path}[${index}]`));
  }
  if (isPlain(value)) return [[path, formatPlain(value)]];
  return Object.entries(value).flatMap(([name, item]) => rowsOf(item, path === "" ? name : `${path}.${name}`));
}

function formatList(values: readonly Plain[]): string {
  if (values.length <= LONGEST_LIST) return values.map(formatPlain).join(", ");
  const numbers = values.filter((value) => typeof value === "number");
  const count = `${formatCount(values.length)} values`;
  if (numbers.length < values.length) return `${count}, in result.json`;
  return `${count}, ${formatPlain(Math.min(...numbers))} … ${formatPlain(Math.max(...numbers))}`;
}

function formatPlain(value: Plain): string {
  if (value === null) return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return value;
  // Large counts with their thousands apart; what is measured with as many digits as a reader compares.
  if (!Number.isInteger(value)) return String(roundTo(value));
  return Math.abs(value) < 10_000 ? String(value) : formatCount(value);
}

function shorten(text: string, letters: number): string {
  return text.length <= letters ? text : `${text.slice(0, letters - 1).trimEnd()}…`;
}

type Plain = null | boolean | number | string;

function isPlain(value: JsonValue): value is Plain {
  return value === null || typeof value !== "object";
}

/** Array.isArray does not recognise lists that are readonly. */
function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
