/** How well a trained model predicts a split of its data, or of other data, beside the baseline of its task. */

import type { SplitName } from "../../data/index.ts";
import type { WeightDtype } from "../../onnx/weight-dtype.ts";
import type { DataOptions } from "../../runs/data/options.ts";
import type { Words } from "../../runs/data/words.ts";
import type { EngineOptions } from "../../runs/engine-options.ts";
import { reportProgress, untilAborted, type TaskContext } from "../../runs/events.ts";
import { loadRunData, openRunModel } from "../../runs/run-model.ts";
import { evaluateStored, type StoredFigures } from "./evaluate-stored.ts";

export interface EvaluateOptions extends DataOptions, EngineOptions {
  /** Which split. Default `test`. */
  readonly split: SplitName;
  /** How weights are stored. */
  readonly dtype: WeightDtype;
}

export interface Evaluation {
  readonly figures: StoredFigures;
  /** What the pieces are called that the model predicts. */
  readonly words: Words;
}

/**
 * @param folder of a run
 * @throws StorageError, ConfigError for what is no run; DataError and UsageError for data that do not fit it
 */
export async function evaluateRun(
  folder: string,
  { split, dtype, ...options }: EvaluateOptions,
  { signal, onEvent }: TaskContext = {},
): Promise<Evaluation> {
  const told = untilAborted(signal, onEvent);
  const { config, tensors, backend } = await openRunModel(folder, options);
  const dataset = await loadRunData(config, options, "evaluate on", told);
  const progress = (total: number) => reportProgress(told, { label: `evaluate ${split}`, unit: "batches", total });
  const figures = await evaluateStored({ config, tensors, dataset, split, backend, dtype, progress });
  return { figures, words: dataset.words };
}
