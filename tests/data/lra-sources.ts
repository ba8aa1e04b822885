/** Small settings and sources of generated tasks, and the counts of their classes. */
import type { LabelledSequence } from "../../src/data/labelled/types.ts";

export function classCounts(sequences: readonly LabelledSequence[], numClasses: number): number[] {
  return Array.from(
    { length: numClasses },
    (_, label) => sequences.filter((sequence) => sequence.label === label).length,
  );
}

export const smallListOps = { minLength: 5, maxLength: 60, maxDepth: 4, maxArgs: 5 };

/** Three documents for retrieval. */
export const documents = ["abcdefgh", "ijklmnop", "qrstuvwx"].map((letters, n) => ({
  name: letters,
  // No passage of 20 characters repeats: the counter runs through.
  text: Array.from({ length: 900 }, (_, i) => `${letters[i % 8]}${(i + n).toString(36)}`).join(""),
}));
