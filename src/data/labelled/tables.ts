/** Tables of any of the usual formats as rows of cells: CSV, TSV, JSON lines, Parquet. */
import { isRecord } from "../../graph/arguments.ts";
import { readBytes, readLines, readText, type ByteSource } from "../bytes.ts";
import { DataError, unreadableBy, quoted } from "../errors.ts";

/** How a table is written. */
export type TableFormat = "csv" | "tsv" | "jsonl" | "parquet";

/** One row. */
export interface TableRow {
  /** For messages: the file, and the row or line, e.g. "mails.csv, line 12". */
  readonly where: string;
  readonly cells: Readonly<Record<string, unknown>>;
}

/** Options of `readTable`. */
export interface TableSource {
  readonly source: ByteSource;
  /** The file's name: for messages, and to tell the format by its ending. */
  readonly name: string;
  /** Default: by the name's ending (.csv, .tsv, .jsonl, .ndjson, .parquet; .gz behind it is no matter). */
  readonly format?: TableFormat;
}

const formatOfEnding: Readonly<Record<string, TableFormat>> = {
  csv: "csv",
  tsv: "tsv",
  tab: "tsv",
  jsonl: "jsonl",
  ndjson: "jsonl",
  parquet: "parquet",
};

const readers = {
  csv: (table) => readDelimited(table, ","),
  tsv: (table) => readDelimited(table, "\t"),
  jsonl: readJsonLines,
  parquet: readParquet,
} satisfies Record<TableFormat, (table: TableSource) => Promise<readonly TableRow[]>>;

/**
 * All rows of a table. CSV and TSV start with a line of column names; in CSV quotes follow RFC 4180, in TSV they are
 * plain characters. Text formats may be compressed with gzip; Parquet with any of its codecs.
 *
 * @throws DataError when the format cannot be told from the name, when the file is damaged, and when it holds no row
 */
export async function readTable(table: TableSource): Promise<readonly TableRow[]> {
  const ending = table.name.toLowerCase().replace(/\.gz$/, "").split(".").at(-1) ?? "";
  const format = table.format ?? formatOfEnding[ending];
  if (format === undefined) {
    throw new DataError({
      who: table.name,
      rule: `the file's ending must tell its format (${Object.keys(formatOfEnding).join(", ")})`,
      got: quoted(ending),
      fix: `pass format: ${Object.keys(readers)
        .map((name) => JSON.stringify(name))
        .join(", ")}`,
    });
  }
  const rows = await readers[format](table);
  if (rows.length > 0) return rows;
  throw new DataError({
    who: table.name,
    rule: "a table must hold at least one row",
    got: "none",
    fix: "check that the path is right and that the download has finished",
  });
}

async function readDelimited({ source, name }: TableSource, delimiter: string): Promise<TableRow[]> {
  const text = await readText(source, name);
  // Loaded on use, as the other readers are. The browser's build runs in Node as well.
  const { parse, CsvError } = await import("csv-parse/browser/esm/sync");
  const rows: TableRow[] = [];
  try {
    parse(text, {
      columns: true,
      delimiter,
      bom: true,
      skip_empty_lines: true,
      ...(delimiter === "\t" ? { quote: null } : {}),
      on_record: (cells: Record<string, unknown>, { lines }) => {
        // The line on which the record ends.
        rows.push({ where: `${name}, line ${lines}`, cells });
        return null;
      },
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new DataError(
      {
        who: name,
        rule: "every line must have the columns of the first",
        got: `"${error.message}"`,
        fix:
          'mend the line: put fields that hold separators, line ends or quotes in double quotes, and write " inside ' +
          'as ""',
      },
      { cause: error },
    );
  }
  return rows;
}

async function readJsonLines({ source, name }: TableSource): Promise<TableRow[]> {
  const rows: TableRow[] = [];
  for await (const { text, number } of readLines(source, name)) {
    if (text.trim() === "") continue;
    const where = `${name}, line ${number}`;
    const cells = parseJson(text);
    if (!isRecord(cells)) {
      throw new DataError({
        who: where,
        rule: "every line must be a JSON object",
        got: quoted(text),
        fix: 'write one object a line, such as {"sequence": "ACD", "label": "enzyme"}',
      });
    }
    rows.push({ where, cells });
  }
  return rows;
}

async function readParquet({ source, name }: TableSource): Promise<TableRow[]> {
  const { buffer } = await readBytes(source, name);
  const [{ parquetReadObjects }, { compressors }] = await Promise.all([
    import("hyparquet"),
    import("hyparquet-compressors"),
  ]);
  let records: readonly Record<string, unknown>[] = [];
  try {
    records = await parquetReadObjects({ file: buffer, compressors });
  } catch (error) {
    throw unreadableBy(name, "a Parquet file must be complete and intact", "reader", "fetch the file again", error);
  }
  return records.map((cells, i) => ({ where: `${name}, row ${i + 1}`, cells }));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
