/**
 * From a trained run and a table of labels to a run that is ready to fine-tune: the run's body, a new output layer, its
 * own settings.
 */

import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";

import { DataError, getSplit, openFile, vocabularyFrom, type LabelledDataset } from "../../data/index.ts";
import { findColumns } from "../../data/labelled/columns.ts";
import { collectClasses, readClassName } from "../../data/labelled/labels.ts";
import { readTable } from "../../data/labelled/tables.ts";
import { fingerprint } from "../../inference/fingerprint.ts";
import { mean, roundTo, variance } from "../../statistics/index.ts";
import { withFreshHead } from "../../model/fresh-head.ts";
import { defaultDevice } from "../../runtime/node.ts";
import { nextFreePath } from "../../storage/new-folder.ts";
import { createRunFolder, requireNewRunFolder, writeConfig } from "../../storage/run-folder.ts";
import { trainableNames } from "../../training/freeze.ts";
import { stateFrom } from "../../training/trainer.ts";
import { refuseUntold, toldByLabels } from "../data/label-task.ts";
import { dataSource, type DataSource } from "../data/source.ts";
import { namingOptions } from "../data/table.ts";
import { digestOf, loadData, type RunDataset } from "../dataset.ts";
import { asUsage } from "../usage.ts";
import { formatCount, plural } from "../../text/numbers.ts";
import { architecturesOf, packageVersion, type RunConfig } from "../run-config.ts";
import { openRunModel } from "../run-model.ts";
import { readSettings, type FinetuneOptions } from "./settings.ts";
import type { TrainingRun } from "../training-run.ts";
import type { OnEvent } from "../events.ts";

/** Folder in which runs without `--out` are put, below the working directory. */
const DEFAULT_OUT = join("runs", "finetune");

/**
 * Checks everything and reads run and data; nothing is written before the run begins.
 *
 * @param path the folder of the trained run
 * @throws UsageError, ConfigError, DataError or StorageError about the first thing that is wrong
 */
export async function prepareFinetuning(
  path: string,
  options: FinetuneOptions,
  onEvent?: OnEvent,
): Promise<TrainingRun> {
  const { out } = options;
  const settings = readSettings(options);
  if (out !== undefined) await requireNewRunFolder(out);
  const base = await openRunModel(path, options);
  const source = await asUsage(() => sourceOf(options));
  const dataset = await loadLabels(source, base.config, onEvent);
  const labelled = labelsOf(dataset);
  const training = await asUsage(() => settings.training(labelled, base.config.model.maxSeqLen));
  const { seed, freeze } = training;
  const headed = await asUsage(() =>
    withFreshHead(base.config.model, base.tensors, { ...headFor(labelled), ...settings.model }, seed),
  );
  await asUsage(() => trainableNames(headed.config, freeze));
  const config: RunConfig = {
    model_type: "performer",
    architectures: architecturesOf(headed.config),
    name: "finetune",
    model: headed.config,
    training,
    data: { name: dataset.name, ...source, task: dataset.task, digest: digestOf(dataset) },
    vocabulary: base.config.vocabulary,
    classNames: labelled.classNames,
    engine: { device: options.device ?? defaultDevice(), threads: options.threads ?? availableParallelism() },
    base: {
      run: path,
      name: base.config.name,
      task: base.config.data.task,
      version: base.config.version,
      fingerprint: fingerprint(base.config.model, base.tensors),
    },
    version: await packageVersion(),
  };
  return {
    config,
    dataset: { ...dataset, notice: notices(config, labelled, headed.dropped).join("\n") },
    initial: stateFrom(headed.config, headed.tensors, freeze),
    ignoreMemory: options.ignoreMemory === true,
    begin: async () => {
      const folder = await createRunFolder(out ?? (await nextFreePath(DEFAULT_OUT)));
      await writeConfig(folder, config);
      return folder;
    },
  };
}

function sourceOf({ data, sequenceColumn, labelColumn, task }: FinetuneOptions): Promise<DataSource> {
  const given = { sequenceColumn, labelColumn, task };
  return dataSource(
    {
      path: resolve(data),
      kind: "table",
      ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    },
    "--data",
  );
}

/** The labelled sequences in the run's vocabulary, for the task that is asked for or that the labels tell. */
async function loadLabels(source: DataSource, base: RunConfig, onEvent?: OnEvent): Promise<RunDataset> {
  const { path = "", sequenceColumn, labelColumn } = source;
  const table = { source: openFile(path), name: path };
  const rows = await readTable(table);
  const [first = { where: path, cells: {} }] = rows;
  let column: string;
  try {
    const named = { ...(sequenceColumn && { sequenceColumn }), ...(labelColumn && { labelColumn }) };
    column = findColumns(first, named, "label").label;
  } catch (error) {
    throw namingOptions(error);
  }
  const told = source.task === undefined ? toldByLabels(rows, column, true) : { task: source.task };
  if ("nothing" in told) throw refuseUntold(path, column, told, true);
  const { task } = told;
  const classNames = task === "classification" ? collectClasses(rows.map((row) => readClassName(row, column))) : [];
  if (task === "classification" && classNames.length < 2) {
    throw new DataError({
      who: `${path}, column ${column}`,
      rule: "a classification must have two classes or more",
      got: `'${classNames[0] ?? ""}' in all ${formatCount(rows.length)} rows`,
      fix: "add sequences of another class, or name another column with --label-column",
    });
  }
  return loadData(source, { known: { vocabulary: vocabularyFrom(base.vocabulary), task, classNames }, onEvent });
}

/** @throws DataError when there is nothing to learn from */
function labelsOf(dataset: RunDataset): LabelledDataset {
  getSplit(dataset, "train");
  const { labelled } = dataset;
  if (labelled === undefined) throw new TypeError("finetune: a table must have been read with its labels");
  const distinct = new Set(labelled.splits.train.map(({ label }) => label));
  if (distinct.size > 1) return labelled;
  const [only = 0] = distinct;
  throw new DataError({
    who: `${dataset.name}, split train`,
    rule: "training labels must differ",
    got: `'${labelled.classNames[only] ?? String(only)}' for all ${formatCount(labelled.splits.train.length)} sequences`,
    fix: "add sequences with other labels, or part them anew with a column 'split'",
  });
}

/** To which labels are scaled: more than training tells apart. */
const DIGITS = 6;

function headFor(labelled: LabelledDataset) {
  if (labelled.task === "classification") {
    return { head: "sequence-classification", numLabels: labelled.numClasses } as const;
  }
  const labels = labelled.splits.train.map(({ label }) => label);
  const [labelMean, labelDeviation] = [mean(labels), Math.sqrt(variance(labels))];
  // Digits in front of the deviation's first one say nothing of how labels differ.
  const digitsInFront = Math.max(0, Math.ceil(Math.log10(Math.abs(labelMean) / labelDeviation)));
  return {
    head: "regression",
    labelMean: roundTo(labelMean, DIGITS + digitsInFront),
    labelDeviation: roundTo(labelDeviation, DIGITS),
  } as const;
}

/** What people ought to know before training begins, a line each. */
function notices(config: RunConfig, labelled: LabelledDataset, dropped: readonly string[]): readonly string[] {
  const { splits, classNames } = labelled;
  const learnt = new Set(splits.train.map(({ label }) => label));
  const unseen = classNames.filter((_, id) => !learnt.has(id));
  return [
    describeBody(config, dropped),
    describeTraining(config),
    ...(unseen.length > 0 ? [`classes without training sequences cannot be learnt: ${unseen.join(", ")}`] : []),
    ...(splits.valid.length === 0
      ? ["no valid sequences: training ends with the last step; name some in a column 'split'"]
      : []),
    ...(splits.test.length === 0
      ? ["no test sequences: nothing tells how good the model is; name some in a column 'split'"]
      : []),
  ];
}

const pooled = { mean: "the mean over all tokens", first: "the first token", last: "the last token" } as const;

function describeBody({ model, base }: RunConfig, dropped: readonly string[]): string {
  const sight =
    model.architecture === "decoder"
      ? "causal as it was trained, so tokens see those before them alone"
      : "whose tokens see both sides";
  const left = dropped.length === 0 ? "" : `; left behind: ${dropped.join(", ")}`;
  return `body: ${base?.run ?? ""} (task ${base?.task ?? ""}), ${sight}; new output layer on ${pooled[model.pooling]}${left}`;
}

function describeTraining({ model, training }: RunConfig): string {
  const { freeze, steps, patience } = training;
  const [trained, all] = [trainableNames(model, freeze).length, trainableNames(model).length];
  const what = trained === all ? "all weights" : `${trained} of ${all} arrays of weights, the others stay as they are`;
  const end = patience > 0 ? `, or until ${patience} evaluations in a row bring no lower validation loss` : "";
  return `training ${what}, ${formatCount(steps)} ${plural(steps, "step")}${end}`;
}
