/** The table as it was measured, cell by cell. */

import type { HeldOutSplit } from "../training-runs/subject.ts";

/** The paper's letters: U predicts the next residue from those before it, B hidden residues from all others. */
export type ObjectiveLetter = "U" | "B";

/** A cell of the table: means over seeds, accuracy in per cent. */
export interface Cell {
  readonly objective: ObjectiveLetter;
  readonly model: string;
  readonly split: HeldOutSplit;
  readonly accuracy: number;
  readonly perplexity: number;
  /** Standard error of `perplexity` over seeds; null for a single seed and for the baseline. */
  readonly standardError: number | null;
}
