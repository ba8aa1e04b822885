// A trained model from its run folder, ready to be used.

import { DataError } from "../data/index.ts";
import type { ProteinDataset } from "../data/index.ts";
import { checkTensors } from "../model/tensors.ts";
import type { NdArray } from "../graph/ndarray.ts";
import type { Backend } from "../runtime/index.ts";
import { createBackend } from "../runtime/node.ts";
import { openRunFolder, readModel } from "../storage/run-folder.ts";
import { dataSource, digestOf, loadData } from "./dataset.ts";
import { UsageError } from "./failures.ts";
import { readRunConfig } from "./run-config.ts";
import type { RunConfig } from "./run-config.ts";
import type { DataOptions, EngineOptions } from "./verb.ts";

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

/**
 * The run's own sequences, or those of `--fasta`.
 *
 * @param use what they are for, for the message: `evaluate on`
 * @throws DataError when the run's own data are no longer what it was trained with
 * @throws UsageError for `--split-by` without `--fasta`
 */
export async function loadRunData(
  { data }: RunConfig,
  { fasta, splitBy }: DataOptions,
  use: string,
): Promise<ProteinDataset> {
  if (fasta === undefined && splitBy !== undefined) {
    throw new UsageError("--split-by must come with --fasta: a run's own data are parted as in training; leave it out");
  }
  const dataset = await loadData(fasta === undefined ? data : dataSource(fasta, splitBy));
  if (fasta === undefined && digestOf(dataset) !== data.digest) {
    throw new DataError({
      who: dataset.name,
      rule: "the run's own data must be the sequences that it was trained with",
      got: "other ones",
      fix: `restore the file, or name the sequences to ${use} with --fasta`,
    });
  }
  return dataset;
}
