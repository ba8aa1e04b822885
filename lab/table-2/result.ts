// A cell of the table that was measured.

import type { HeldOutSplit } from "../training-runs/subject.ts";

/** A cell of the table: means over seeds, accuracy in per cent. */
export interface Cell {
  readonly objective: "U" | "B";
  readonly model: string;
  readonly split: HeldOutSplit;
  readonly accuracy: number;
  readonly perplexity: number;
  /** Of the perplexity; null for a single seed and for the baseline. */
  readonly standardError: number | null;
}
