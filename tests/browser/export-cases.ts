/** What the test of exports asks of its page. */

/** Texts of unequal lengths, through exact attention or through FAVOR+. */
export type ExportCase = {
  readonly texts: readonly string[];
  /** Null for exact attention. */
  readonly numFeatures: number | null;
  readonly seed: number;
};
