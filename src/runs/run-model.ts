/** A trained model from its run folder, ready to be used. */

import { problem } from "../graph/errors.ts";
import { resolve } from "node:path";

import { isDeepStrictEqual } from "node:util";

import { DataError } from "../data/index.ts";
import type { NdArray } from "../graph/ndarray.ts";
import { openTrained, type SavedModel } from "../models/open-saved-model.ts";
import type { Backend } from "../runtime/index.ts";
import { createBackend } from "../runtime/node.ts";
import { openFolderSource } from "../storage/folder-source.ts";
import { openRunFolder } from "../storage/run-folder.ts";
import { digestOf, loadData, type RunDataset } from "./dataset.ts";
import { dataSource, readSourceOption, type DataSettings, type DataSource } from "./data/source.ts";
import { asUsage, UsageError } from "./usage.ts";
import { knownData, parseRunConfig, refusePretrained, type RunConfig } from "./run-config.ts";
import type { DataOptions } from "./data/options.ts";
import type { EngineOptions } from "./engine-options.ts";
import type { OnEvent } from "./events.ts";

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
 * @throws UsageError when the folder is that of a pretrained or a converted model
 * @throws ConfigError when the weights are of another architecture
 */
export async function openRunModel(path: string, engine: EngineOptions): Promise<RunModel> {
  const folder = await openRunFolder(path);
  await refusePretrained(folder);
  return runModelOf(await openTrained(await openFolderSource(path)), engine);
}

/** @throws ConfigError for a model that no run trains */
export function runModelOf({ name, description, tensors }: SavedModel, engine: EngineOptions): RunModel {
  return { config: parseRunConfig(`${name}/config.json`, description), tensors, backend: createBackend(engine) };
}

/**
 * The run's own data, or those of `--data` or `--fasta`, in the run's vocabulary.
 *
 * @param use what they are for, for the message: `evaluate on`
 * @throws DataError when the run's own data are no longer what it was trained with, or others are of another kind
 * @throws UsageError for options of data without data
 */
export async function loadRunData(
  config: RunConfig,
  options: DataOptions,
  use: string,
  onEvent?: OnEvent,
): Promise<RunDataset> {
  const { data } = config;
  const known = knownData(config);
  const other = await otherSource(data, options);
  if (other !== undefined) {
    const dataset = await loadData(other, { known, onEvent });
    // Text is read by the run's vocabulary, but images have their shape from their files.
    if (isDeepStrictEqual(dataset.vocabulary.toJSON(), known.vocabulary.toJSON())) return dataset;
    throw new DataError({
      who: dataset.name,
      rule: "images must have the shape of those that the run was trained on",
      got: "another one",
      fix: "bring them to the size that config.json of the run says",
    });
  }
  if (data.digest === undefined) {
    throw new DataError({
      who: "the model",
      rule: `data to ${use} must be named, because save_pretrained stores none with a model`,
      got: "none",
      fix: "name them with --data or --fasta",
    });
  }
  const dataset = await loadData(data, { known, onEvent });
  if (digestOf(dataset, data.digest) !== data.digest) {
    throw new DataError({
      who: dataset.name,
      rule: "the run's own data must be those that it was trained with",
      got: "other ones",
      fix: `restore the file, or name the data to ${use} with --data`,
    });
  }
  return dataset;
}

/** @returns undefined when the options name no other data */
async function otherSource(own: RunConfig["data"], options: DataOptions): Promise<DataSource | undefined> {
  const { data, fasta, splitBy, sequenceColumn, labelColumn } = options;
  const named = { splitBy, sequenceColumn, labelColumn };
  if (labelColumn !== undefined && own.kind === "table" && own.task !== "classification" && own.task !== "regression") {
    throw new UsageError(
      problem`--label-column must come with a run that has learnt labels, got one of task ${own.task}; leave it out`,
    );
  }
  if (data === undefined && fasta === undefined) {
    const [alone] = Object.entries(named).find(([, value]) => value !== undefined) ?? [];
    if (alone === undefined) return undefined;
    const flag = `--${alone.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw new UsageError(
      problem`${flag} must come with --data or --fasta: a run's own data are read as in training; leave it out`,
    );
  }
  if (data !== undefined && fasta !== undefined) {
    throw new UsageError(problem`--data and --fasta must not come together, for both name the data; leave one out`);
  }
  const given = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
  return asUsage(async () => {
    const place: DataSettings =
      fasta === undefined ? await readSourceOption(data ?? "") : { path: resolve(fasta), kind: "proteins" };
    const source = await dataSource({ ...place, ...given }, "--data");
    if (source.kind !== own.kind) {
      throw new UsageError(
        problem`the data must be of the kind that the run was trained on, ${own.kind}, got ${source.kind}; name other
        data`,
      );
    }
    const { imageSize, channels, sequenceColumn: sequence, labelColumn: label, tags } = own;
    // The same tags, found in the same way.
    const families = tags === "family" ? own.families : undefined;
    const inherited = { imageSize, channels, sequenceColumn: sequence, labelColumn: label, tags, families };
    return { ...Object.fromEntries(Object.entries(inherited).filter(([, value]) => value !== undefined)), ...source };
  });
}
