// A training run that was measured, with what it was made of.

import type { TrainingRun } from "./training.ts";

export type ScaleName = "short" | "full";

export type FeaturesName = "positive" | "trigonometric";

/** One run with what it was made of. */
export interface LabelledRun extends TrainingRun {
  readonly scale: ScaleName;
  readonly features: FeaturesName;
  readonly seed: number;
}
