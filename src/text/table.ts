/** Small aligned tables for people at a terminal. */

export type Cell = string | number;

const COLUMN_GAP = "  ";

/**
 * Lines up rows under a heading: columns that hold only numbers to the right, others to the left.
 *
 * @param header one text a column
 * @param rows as many cells each as the header
 * @returns lines joined by line breaks, none at the end
 * @throws RangeError when a row has another number of cells
 */
export function formatTable(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  for (const [index, row] of rows.entries()) {
    if (row.length !== header.length) {
      throw new RangeError(`formatTable: every row needs ${header.length} cells, got ${row.length} in row ${index}.`);
    }
  }
  const columns = header.map((title, column) => {
    const cells = rows.map((row) => row[column] ?? "");
    const width = Math.max(...[title, ...cells].map((cell) => lengthOf(String(cell))));
    const isNumeric = cells.length > 0 && cells.every((cell) => typeof cell === "number");
    return { width, isNumeric };
  });
  const formatRow = (cells: readonly Cell[]): string =>
    columns
      .map(({ width, isNumeric }, column) => {
        const text = String(cells[column] ?? "");
        const padding = " ".repeat(width - lengthOf(text));
        return isNumeric ? padding + text : text + padding;
      })
      .join(COLUMN_GAP)
      .trimEnd();
  const rule = columns.map(({ width }) => "─".repeat(width)).join(COLUMN_GAP);
  return [formatRow(header), rule, ...rows.map(formatRow)].join("\n");
}

/** In characters, not in UTF-16 units. */
function lengthOf(text: string): number {
  return Array.from(text).length;
}
