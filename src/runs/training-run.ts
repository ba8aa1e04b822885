/** A run that is ready to train: everything is checked and read, and nothing is written yet. */

import type { RunFolder } from "../storage/run-folder.ts";
import type { TrainingState } from "../training/trainer.ts";
import type { RunDataset } from "./dataset.ts";
import type { RunConfig } from "./run-config.ts";

export interface TrainingRun {
  readonly config: RunConfig;
  readonly dataset: RunDataset;
  /** Called when everything has been checked, right before the first step. */
  readonly begin: () => Promise<RunFolder>;
  /** The newest checkpoint of a run that is resumed, or of a run that is fine-tuned the weights that it begins with. */
  readonly initial?: TrainingState;
  /** Starts even what is estimated not to fit into memory. Default false. */
  readonly ignoreMemory?: boolean;
}
