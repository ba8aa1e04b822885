/** One training of the comparison, with what it was made of. */

import type { TrainingRun } from "./training.ts";

/**
 * How long queries and keys begin: as the library initialises them, or with coordinates of variance 1, as Transformers
 * usually start.
 */
export type ScaleName = "short" | "full";

export type FeaturesName = "positive" | "trigonometric";

/** One run with what it was made of. */
export interface LabelledRun extends TrainingRun {
  readonly scale: ScaleName;
  readonly features: FeaturesName;
  readonly seed: number;
}
