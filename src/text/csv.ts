/** Rows of a table as CSV, RFC 4180. */

/** One line with its line break; cells with separators, quotes or line breaks are quoted. */
export function csvLine(cells: readonly string[]): string {
  const quoted = cells.map((text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text));
  return `${quoted.join(",")}\n`;
}
