// Figures of a model beside those of the baseline, for a terminal.

import { formatCount, formatFixed, formatPercent } from "./numbers.ts";
import { formatTable } from "./table.ts";

export interface ComparedFigures {
  readonly split: string;
  readonly tokens: number;
  readonly accuracy: number;
  readonly perplexity: number;
  readonly lossNats: number;
  readonly unigram: { readonly accuracy: number; readonly perplexity: number } | null;
}

/**
 * Three lines for each split: perplexity, accuracy, loss; the model's, the baseline's, and what lies between them.
 *
 * @returns lines joined by line breaks, none at the end
 */
export function formatFigures(figures: readonly ComparedFigures[]): string {
  const rows = figures.flatMap(({ split, tokens, accuracy, perplexity, lossNats, unigram }) => {
    const base = unigram ?? { accuracy: Number.NaN, perplexity: Number.NaN };
    const baseLossNats = Math.log(base.perplexity);
    return [
      [
        split,
        "perplexity",
        formatFixed(perplexity, 2),
        formatFixed(base.perplexity, 2),
        signed(perplexity - base.perplexity, 2),
      ],
      [
        `${formatCount(tokens)} residues`,
        "accuracy",
        formatPercent(accuracy),
        formatPercent(base.accuracy),
        signed(100 * (accuracy - base.accuracy), 1, " points"),
      ],
      ["", "loss, nats", formatFixed(lossNats, 3), formatFixed(baseLossNats, 3), signed(lossNats - baseLossNats, 3)],
    ];
  });
  return formatTable(["split", "", "model", "unigram", "difference"], rows);
}

function signed(value: number, digits: number, unit = ""): string {
  if (!Number.isFinite(value)) return formatFixed(value, digits);
  const size = formatFixed(Math.abs(value), digits);
  // What rounds to nothing has no direction.
  const sign = Number(size) === 0 ? "" : value < 0 ? "−" : "+";
  return `${sign}${size}${unit}`;
}
