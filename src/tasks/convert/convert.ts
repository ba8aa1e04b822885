/** Another attention in the place of a trained model's, measured against it, as a folder of its own. */

import { problem } from "../../graph/errors.ts";
import { parseMechanism } from "../../attention/choice-text.ts";
import type { projectionNames } from "../../attention/favor/projections.ts";
import {
  calibrateAttention,
  convertedFiles,
  convertModel,
  convertPretrained,
  reportConversion,
  type ConversionReport,
  type ConvertedModel,
  type ConvertibleModel,
  type ConvertOptions,
  type PositionRule,
} from "../../convert/index.ts";
import { describeMechanism } from "../../model/stacks.ts";
import type { EngineOptions } from "../../runs/engine-options.ts";
import { reportProgress, untilAborted, type OnEvent, type TaskContext } from "../../runs/events.ts";
import { openModel, embeddingModelOf, type EmbeddingModel, type OpenedModel } from "../../runs/open-model.ts";
import { asUsage, UsageError } from "../../runs/usage.ts";
import { toExactJson } from "../../storage/json.ts";
import { requireNewFolder, writeNewFolder } from "../../storage/new-folder.ts";
import { encodeSafetensors } from "../../storage/safetensors.ts";
import type { InputOptions } from "../input/input.ts";
import { readByModel, readCalibration, readSample, type Sample } from "./sample.ts";
import { compareVectors, type VectorComparison } from "./vectors.ts";

export interface ConvertTaskOptions extends EngineOptions, InputOptions {
  /** What takes the place of attention, as text. */
  readonly mechanism: string;
  /** Random features a head. Default: the model's. */
  readonly features?: number;
  /** How the projection is drawn. Default: what the mechanism is meant for. */
  readonly projection?: (typeof projectionNames)[number];
  /** Which layers change, from 0. Default: all. */
  readonly layers?: readonly number[];
  /** The longest sequence, in tokens. */
  readonly maxLength?: number;
  /** The position encoding of the new model. Default: the model's own. */
  readonly positions?: PositionRule;
  /** Same seed, same result. Default 0. */
  readonly seed: number;
  /** A file or a folder; true for texts or proteins of the package. */
  readonly calibrate?: true | string;
  /** Measure how far the new attention is from the old one. Default true. */
  readonly diagnosis: boolean;
  /** A new or an empty folder. */
  readonly out: string;
}

interface Measured {
  readonly vectors: VectorComparison;
  readonly report?: ConversionReport;
}

export interface ConvertResult {
  readonly out: string;
  readonly from: string;
  readonly mechanism: string;
  readonly layers: readonly number[];
  readonly numFeatures: number;
  readonly seed: number;
  readonly projection: string | null;
  readonly maxSeqLen: number;
  /** The errors of the layers; null where they were not measured. */
  readonly report: ConversionReport | null;
  /** How far vectors turn; null where there was nothing to measure on. */
  readonly vectors: VectorComparison | null;
}

export interface Converted {
  readonly result: ConvertResult;
  readonly numLayers: number;
  /** What it was measured on. */
  readonly sample: Sample | undefined;
}

/** Projections of an error at least: half of what a diagnosis draws, for a mean over all heads needs fewer. */
const REDRAWS = 4;
/** More features than this cost more than exact attention at any length that the models read. */
const MOST_FEATURES = 4096;

/**
 * @param folder of a run, or of a pretrained model, or its name on the hub
 * @throws UsageError or ConfigError for settings that do not fit the model; StorageError for folders
 */
export async function convertToLinear(
  folder: string,
  options: ConvertTaskOptions,
  { signal, onEvent }: TaskContext = {},
): Promise<Converted> {
  const { out, seed } = options;
  const told = untilAborted(signal, onEvent);
  const settings = await asUsage(() => settingsOf(options));
  await requireNewFolder(out);
  const opened = await openModel(folder, options, told);
  const start = options.calibrate === undefined ? opened : await calibrated(opened, options, told);
  const { after, files, layers } = await asUsage(() => converted(start, settings));
  const [before, subject] = [embeddingModelOf(opened), embeddingModelOf(after)];
  const sample = await readSample(before, options, told);
  const measured = sample && (await measure(before, embeddingModelOf(start), subject, layers, sample, options, told));
  signal?.throwIfAborted();
  await writeNewFolder(out, await files());
  const { config } = subject;
  const { numFeatures, numLayers, maxSeqLen, projection = null } = config;
  const about = { mechanism: describeMechanism(config), layers, numFeatures, seed };
  const { report = null, vectors = null } = measured ?? {};
  const result = { out, from: opened.name, ...about, projection, maxSeqLen, report, vectors };
  return { result, numLayers, sample };
}

function settingsOf(options: ConvertTaskOptions): ConvertOptions {
  const { mechanism, features, projection, layers, maxLength, positions, seed } = options;
  if (positions !== undefined && maxLength === undefined) {
    throw new UsageError(
      problem`--positions must come with --max-length, for it makes more of them; add --max-length TOKENS`,
    );
  }
  return {
    mechanism: parseMechanism("--mechanism", mechanism),
    seed,
    ...(features !== undefined && { numFeatures: features }),
    ...(projection !== undefined && { projection }),
    ...(layers !== undefined && { layers }),
    ...(maxLength !== undefined && { maxSeqLen: maxLength }),
    ...(positions !== undefined && { positions }),
  };
}

interface Conversion extends Pick<ConvertedModel, "layers"> {
  readonly after: OpenedModel;
  /** What is written of it. */
  readonly files: () => Promise<Readonly<Record<string, Uint8Array | string>>>;
}

/** The same model by other weights. */
async function calibrated(
  opened: OpenedModel,
  { calibrate, layers, standardInput }: ConvertTaskOptions,
  onEvent: OnEvent,
): Promise<OpenedModel> {
  const subject = embeddingModelOf(opened);
  const file = calibrate === true ? undefined : calibrate;
  const tokenIds = await readCalibration(subject, file, onEvent, standardInput);
  const { config, tensors, backend } = subject;
  const changed = await asUsage(() =>
    calibrateAttention({ config, tensors, tokenIds, backend, ...(layers && { layers }) }),
  );
  return opened.kind === "run"
    ? { ...opened, run: { ...opened.run, tensors: changed } }
    : { ...opened, model: { ...opened.model, tensors: changed } };
}

/** @throws ConfigError as `convertModel` */
function converted(opened: OpenedModel, settings: ConvertOptions): Conversion {
  if (opened.kind === "pretrained") {
    const model = convertPretrained(opened.model, settings);
    return { after: { ...opened, model }, layers: model.layers, files: () => convertedFiles(model, opened.source) };
  }
  const { run } = opened;
  const found = convertModel({ config: run.config.model, tensors: run.tensors }, settings);
  const config = { ...run.config, model: found.config };
  return {
    after: { ...opened, run: { ...run, config, tensors: found.tensors } },
    layers: found.layers,
    files: async () => ({
      "config.json": toExactJson(config, "the configuration"),
      "model.safetensors": encodeSafetensors(found.tensors, { format: "pt" }),
    }),
  };
}

async function measure(
  before: EmbeddingModel,
  /** The model before its attention changes. */
  model: ConvertibleModel,
  after: EmbeddingModel,
  layers: readonly number[],
  { sequences }: Sample,
  { diagnosis, seed }: ConvertTaskOptions,
  onEvent: OnEvent,
): Promise<Measured> {
  const vectors = await compareVectors(before, after, sequences, onEvent);
  if (!diagnosis) return { vectors };
  const progress = reportProgress(onEvent, { label: "diagnose", unit: "layers", total: layers.length });
  let report: ConversionReport | undefined;
  try {
    report = await reportConversion({
      model,
      converted: { config: after.config, layers },
      tokenIds: sequences.map((sequence) => readByModel(before, sequence.tokenIds)),
      backend: before.backend,
      seed,
      redraws: REDRAWS,
      maxFeatures: Math.max(MOST_FEATURES, after.config.numFeatures),
      onLayer: (done) => progress.update(done),
    });
  } finally {
    progress.stop();
  }
  return { vectors, ...(report && { report }) };
}
