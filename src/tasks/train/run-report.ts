/** report.html of a run, from its folder and what was measured at its end. */

import { countParameters } from "../../model/parameters.ts";
import { describeMechanism, layerMechanisms } from "../../model/stacks.ts";
import { readMetrics, type MetricsRecord } from "../../storage/metrics.ts";
import { writeReport, type RunFolder } from "../../storage/run-folder.ts";
import { batchesOf } from "../../runs/batches.ts";
import { sizeOf, type RunDataset } from "../../runs/dataset.ts";
import type { Task } from "../../runs/data/source.ts";
import type { Words } from "../../runs/data/words.ts";
import { meanBaseline, tokenBaseline, type SplitFigures } from "../../runs/evaluation.ts";
import { baselineName } from "../../runs/figures.ts";
import { formatCount, plural } from "../../text/numbers.ts";
import type { CurvePoint, LossBaseline, ReportData } from "../../views/report/data.ts";
import type { RunConfig } from "../../runs/run-config.ts";
import { imageOf, isProtein, type Sample } from "../../runs/samples.ts";

export interface RunResults {
  readonly steps: number;
  /** Predictions made in training. */
  readonly tokens: number;
  readonly elapsedSeconds: number;
  readonly figures: readonly SplitFigures[];
  readonly samples: readonly Sample[];
}

/** Renders and writes the page. */
export async function writeRunReport(
  folder: RunFolder,
  config: RunConfig,
  dataset: RunDataset,
  results: RunResults,
): Promise<void> {
  // Loaded when it is needed: plots and a document cost every other command a third of a second.
  const { renderReport } = await import("../../views/report/report.ts");
  const metrics = await readCurves(folder);
  await writeReport(folder, renderReport(toReportData(config, dataset, results, metrics)));
}

const modelKinds = {
  "language-modeling": (units: string) => `A causal language model of ${units}`,
  masked: (units: string) => `A masked language model of ${units}`,
  classification: () => "A classifier",
  regression: () => "A regression model",
} as const satisfies Record<Task, (units: string) => string>;

function toReportData(
  config: RunConfig,
  dataset: RunDataset,
  { steps, tokens, elapsedSeconds, figures, samples }: RunResults,
  metrics: readonly CurvePoint[],
): ReportData {
  const { words, task, vocabulary } = dataset;
  const areProteins = dataset.kind === "proteins" && isProtein(vocabulary);
  return {
    title: `Performer: ${config.name}`,
    createdAt: new Date().toISOString(),
    summary: summarise(config, dataset),
    words,
    model: { parameters: countParameters(config.model), description: describeModel(config) },
    training: {
      steps,
      tokensSeen: tokens,
      elapsedSeconds,
      tokensPerSecond: elapsedSeconds > 0 ? tokens / elapsedSeconds : 0,
    },
    lossTitle: lossTitleOf(task, words),
    metrics,
    baseline: lossBaseline(config, dataset),
    evaluations: figures,
    samples: samples.map((sample) => ({ ...sample, image: imageOf(sample, vocabulary) })),
    areProteins,
    config: { ...config, vocabulary: summariseVocabulary(config) },
  };
}

/** What the axis of the curves says. */
export function lossTitleOf(task: Task, words: Words): string {
  return task === "regression" ? "Squared error" : `Loss (nats per ${words.unit})`;
}

/** "A causal language model of bytes, trained on 616,291 bytes of book.txt. Attention: exact softmax attention, …." */
export function summarise({ model }: Pick<RunConfig, "model">, dataset: RunDataset): string {
  const { count, unit } = sizeOf(dataset, "train");
  const attention = [...new Set(layerMechanisms(model).map(({ summary }) => summary))].join("; ");
  const kind = modelKinds[dataset.task](dataset.words.units);
  return `${kind}, trained on ${formatCount(count)} ${unit} of ${dataset.name}. Attention: ${attention}.`;
}

/** A tokenizer is megabytes. */
function summariseVocabulary({ vocabulary }: RunConfig): object {
  if (vocabulary.kind !== "tokenizer") return vocabulary;
  return { kind: vocabulary.kind, name: vocabulary.name };
}

/** On the validation split, or without one on the training split. */
function lossBaseline(config: RunConfig, dataset: RunDataset): LossBaseline | undefined {
  const split = dataset.splits.valid.length > 0 ? "valid" : "train";
  const { task, words } = dataset;
  const name = baselineName({ task });
  if (task === "regression") {
    const mean = meanBaseline(dataset, split);
    return mean === null ? undefined : { name, meaning: "the training labels' mean", loss: mean.meanSquaredError };
  }
  const base = tokenBaseline(dataset, split, batchesOf(config, dataset).evaluation(split));
  const meaning = `${task === "classification" ? "class" : words.unit} frequencies only`;
  return base === null ? undefined : { name, meaning, loss: Math.log(base.perplexity) };
}

/** "4 layers, width 128, 4 heads, attention favor with 64 features". */
export function describeModel({ model }: Pick<RunConfig, "model">): string {
  const { numLayers, modelDim, numHeads, numFeatures, architecture } = model;
  // Only mechanisms with a feature map have features.
  const hasFeatures = layerMechanisms(model).some((mechanism) => "map" in mechanism);
  const features = hasFeatures ? ` with ${formatCount(numFeatures)} features` : "";
  const kind = architecture === "decoder" ? "" : `${architecture}, `;
  const counted = (count: number, word: string) => `${formatCount(count)} ${plural(count, word)}`;
  const sizes = `${counted(numLayers, "layer")}, width ${formatCount(modelDim)}, ${counted(numHeads, "head")}`;
  return `${kind}${sizes}, attention ${describeMechanism(model)}${features}`;
}

/** What was recorded in training, as points of the curves. */
export async function readCurves(folder: RunFolder): Promise<readonly CurvePoint[]> {
  return (await readMetrics(folder)).map(toCurvePoint);
}

function toCurvePoint(record: MetricsRecord): CurvePoint {
  const names = ["trainLossNats", "validLossNats", "learningRate"] as const;
  const measured = names.flatMap((name) => (typeof record[name] === "number" ? [[name, record[name]] as const] : []));
  // The loss of a regression is its squared error.
  const { validMeanSquaredError: error } = record;
  const ofNumbers = typeof error === "number" ? { validLossNats: error } : {};
  return { step: record.step, ...Object.fromEntries(measured), ...ofNumbers };
}
