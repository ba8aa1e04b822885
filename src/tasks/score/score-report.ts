/** Scores for people and for programs. */

import type { SequenceScore } from "../../inference/score.ts";
import { formatCount } from "../../text/numbers.ts";

/** Identifiers beyond this push the numbers aside. */
const WIDEST_ID = 40;

/** What --json tells of a protein; numbers have the digits that float32 has. */
export function scoreDocument({ id, tokens, logLikelihoodNats, perplexity, perTokenNats }: SequenceScore) {
  return {
    id,
    tokens,
    logLikelihoodNats: sevenDigits(logLikelihoodNats),
    perplexity: sevenDigits(perplexity),
    perResidueNats: Array.from(perTokenNats, sevenDigits),
  };
}

export function sevenDigits(value: number): number {
  return Number(value.toPrecision(7));
}

/** A table that is written line by line, so its columns cannot wait for the longest entry. */
export interface ScoreTable {
  /** One line, with its end; the first brings the heading. */
  readonly row: (score: SequenceScore) => string;
}

/** @param longestId letters, where that is known */
export function createScoreTable(longestId = WIDEST_ID): ScoreTable {
  const widths = [Math.min(WIDEST_ID, Math.max(longestId, "sequence".length)), 7, 14, 12, 10];
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ");
  const heading = [
    line(["sequence", "length", "log-likelihood", "nats/residue", "perplexity"]),
    widths.map((width) => "─".repeat(width)).join("  "),
  ].join("\n");
  let isFirst = true;
  return {
    row: ({ id, tokens, logLikelihoodNats, perplexity }) => {
      const cells = [
        id,
        formatCount(tokens),
        logLikelihoodNats.toFixed(2),
        (logLikelihoodNats / tokens).toFixed(4),
        perplexity.toFixed(3),
      ];
      const before = isFirst ? `${heading}\n` : "";
      isFirst = false;
      return `${before}${line(cells)}\n`;
    },
  };
}
