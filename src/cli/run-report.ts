// report.html of a run, from its folder and what was measured at its end.

import { mechanisms } from "../attention/mechanisms.ts";
import { unigramBaseline } from "../data/index.ts";
import type { ProteinDataset } from "../data/index.ts";
import { countParameters } from "../model/parameters.ts";
import { readMetrics } from "../storage/metrics.ts";
import type { MetricsRecord } from "../storage/metrics.ts";
import { writeReport } from "../storage/run-folder.ts";
import type { RunFolder } from "../storage/run-folder.ts";
import type { SplitFigures } from "./evaluation.ts";
import { formatCount } from "./output/numbers.ts";
import type { CurvePoint, ReportData } from "./report/data.ts";
import type { RunConfig } from "./run-config.ts";
import type { Sample } from "./samples.ts";

export interface RunResults {
  readonly steps: number;
  /** Residues predicted in training. */
  readonly tokens: number;
  readonly elapsedSeconds: number;
  readonly figures: readonly SplitFigures[];
  readonly samples: readonly Sample[];
}

/** Renders and writes the page. */
export async function writeRunReport(
  folder: RunFolder,
  config: RunConfig,
  dataset: ProteinDataset,
  results: RunResults,
): Promise<void> {
  // Loaded when it is needed: plots and a document cost every other command a third of a second.
  const { renderReport } = await import("./report/report.ts");
  const metrics = (await readMetrics(folder)).map(toCurvePoint);
  await writeReport(folder, renderReport(toReportData(config, dataset, results, metrics)));
}

function toReportData(
  config: RunConfig,
  dataset: ProteinDataset,
  { steps, tokens, elapsedSeconds, figures, samples }: RunResults,
  metrics: readonly CurvePoint[],
): ReportData {
  const { train, valid } = dataset.splits;
  const baseline = unigramBaseline(train, valid.length > 0 ? valid : train);
  return {
    title: `Performer: ${config.name}`,
    createdAt: new Date().toISOString(),
    summary:
      `A causal protein language model with linear-time attention, trained on the ${formatCount(train.length)} training ` +
      `sequences of ${config.data.name}.`,
    model: { parameters: countParameters(config.model), description: describeModel(config) },
    training: {
      steps,
      tokensSeen: tokens,
      elapsedSeconds,
      tokensPerSecond: elapsedSeconds > 0 ? tokens / elapsedSeconds : 0,
    },
    metrics,
    unigramLossNats: Math.log(baseline.perplexity),
    evaluations: figures.flatMap(({ unigram, ...rest }) => (unigram === null ? [] : [{ ...rest, unigram }])),
    samples,
    config,
  };
}

/** "4 layers, width 128, 4 heads, attention favor with 64 features". */
export function describeModel({ model }: RunConfig): string {
  const { numLayers, modelDim, numHeads, mechanism, numFeatures } = model;
  // Only mechanisms with a feature map have features.
  const features = "map" in mechanisms[mechanism] ? ` with ${formatCount(numFeatures)} features` : "";
  return `${formatCount(numLayers)} layers, width ${formatCount(modelDim)}, ${formatCount(numHeads)} heads, attention ${mechanism}${features}`;
}

function toCurvePoint(record: MetricsRecord): CurvePoint {
  const names = ["trainLossNats", "validLossNats", "learningRate"] as const;
  const measured = names.flatMap((name) => (typeof record[name] === "number" ? [[name, record[name]] as const] : []));
  return { step: record.step, ...Object.fromEntries(measured) };
}
