// A trained model from its run folder, ready to be used.

import { checkTensors } from "../model/tensors.ts";
import type { NdArray } from "../graph/ndarray.ts";
import type { Backend } from "../runtime/index.ts";
import { createBackend } from "../runtime/node.ts";
import { openRunFolder, readModel } from "../storage/run-folder.ts";
import { readRunConfig } from "./run-config.ts";
import type { RunConfig } from "./run-config.ts";
import type { EngineOptions } from "./verb.ts";

export interface RunModel {
  readonly config: RunConfig;
  /** Weights and projections. */
  readonly tensors: Readonly<Record<string, NdArray>>;
  readonly backend: Backend;
}

/**
 * Reads config.json and model.safetensors.
 *
 * @throws StorageError when the folder is no run, has no checkpoint yet, or the file was cut short
 * @throws ConfigError when the weights are of another architecture
 */
export async function openRunModel(path: string, engine: EngineOptions): Promise<RunModel> {
  const folder = await openRunFolder(path);
  const config = await readRunConfig(folder);
  const { tensors } = await readModel(folder);
  checkTensors(config.model, tensors, folder.modelPath);
  return { config, tensors, backend: createBackend(engine) };
}
