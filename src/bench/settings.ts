/** What the benchmarks were asked to measure, checked. */

import { problem } from "../graph/errors.ts";
import { fileURLToPath } from "node:url";

import { mechanisms } from "../attention/mechanisms.ts";
import { embeddedProteinsUrl, proteinVocabulary, type EncodedSequence } from "../data/index.ts";
import { nearestName } from "../graph/nearest-name.ts";
import {
  modelConfig,
  modelPresets,
  type ModelConfig,
  type ModelOptions,
  type ModelPresetName,
} from "../model/index.ts";
import type { WeightDtype } from "../onnx/weight-dtype.ts";
import { applySettings, parseSettings, readRecipe } from "../runs/recipe.ts";
import { UsageError } from "../runs/usage.ts";
import { readSequences } from "../tasks/input/sequence-input.ts";
import type { AttentionBenchSettings } from "./attention.ts";
import type { DecodeBenchSettings } from "./decode.ts";
import { benchMechanisms, type BenchMechanism } from "./favor.ts";
import { inferenceTasks, type InferenceBenchSettings, type InferenceTask } from "./inference.ts";
import { LINEAR_ATTENTION_OP } from "./linear-attention-op.ts";
import type { MemoryBenchSettings } from "./memory.ts";
import { FREE_ATTENTION, subjectConfig } from "./model-graphs.ts";
import { benchModelNames, modelComparisons, type ModelBenchSettings } from "./model.ts";
import {
  chosenCases,
  chosenModel,
  chosenSizes,
  listed,
  parseLengths,
  parseName,
  parsePositions,
  parseThreads,
  type BenchModelOptions,
  type CaseOptions,
  type SizeOptions,
} from "./options.ts";
import { peerNames } from "./peers/index.ts";
import type { TrainBenchSettings } from "./train.ts";

/** Names that --peers takes beside all and none. */
const engineOpName = "engine";
export const peerChoices = [engineOpName, ...peerNames] as const;

/** Options whose numbers are checked, while lists are still text. */
export interface AttentionBenchOptions extends CaseOptions, SizeOptions {
  readonly lengths: string;
  readonly mechanisms: string;
  readonly rounds: number;
  readonly threads?: number;
  readonly exact: boolean;
  readonly peers: string;
  readonly python: string;
}

/** @throws UsageError for a list with something in it that cannot be measured, as all that follow */
export function attentionBenchSettings(options: AttentionBenchOptions): AttentionBenchSettings {
  const chosen = parsePeers(options.peers);
  return {
    ...memoryBenchSettings(options),
    rounds: options.rounds,
    engineOp: chosen.includes(engineOpName),
    peers: peerNames.filter((name) => chosen.includes(name)),
    python: options.python,
  };
}

export type MemoryBenchOptions = Omit<AttentionBenchOptions, "rounds" | "peers" | "python">;

export function memoryBenchSettings(options: MemoryBenchOptions): MemoryBenchSettings {
  return {
    lengths: parseLengths(options.lengths),
    mechanisms: parseMechanisms(options.mechanisms),
    ...chosenCases(options),
    ...chosenSizes(options),
    exact: options.exact,
    threads: parseThreads(options.threads),
  };
}

export interface ModelBenchOptions extends CaseOptions {
  readonly model: string;
  readonly lengths: string;
  readonly mechanisms: string;
  readonly features: number;
  readonly rounds: number;
  readonly threads?: number;
}

/** @throws UsageError or ConfigError for a mechanism that no such model can have */
export function modelBenchSettings(options: ModelBenchOptions): ModelBenchSettings {
  const settings: ModelBenchSettings = {
    models: listed(options.model).map((name) => parseName("--model", name, benchModelNames)),
    lengths: parseLengths(options.lengths, "--lengths", "1024,4096"),
    mechanisms: listed(options.mechanisms)
      .filter((name) => name !== FREE_ATTENTION)
      .map((name) => parseName("--mechanisms", name, Object.keys(mechanisms))),
    ...chosenCases(options),
    numFeatures: options.features,
    rounds: options.rounds,
    threads: parseThreads(options.threads),
  };
  // The configuration refuses what does not fit together, now and not in a child.
  for (const { name: _name, ...comparison } of modelComparisons(settings)) {
    for (const subject of settings.mechanisms) subjectConfig({ ...comparison, subject });
  }
  return settings;
}

export interface TrainBenchOptions extends BenchModelOptions {
  readonly batch: number;
  readonly length: number;
  readonly segment?: number;
  readonly steps: number;
}

export function trainBenchSettings(options: TrainBenchOptions): TrainBenchSettings {
  const { batch, length, segment, steps, threads } = options;
  // With learned positions, as the model that the notes on performance speak of; a table of a million positions would
  // be the model.
  const positions = segment === undefined ? ({ positions: "learned" } as const) : {};
  return {
    model: { ...chosenModel(options), ...positions, maxSeqLen: length },
    batchSize: batch,
    seqLen: length,
    segmentLength: segment ?? 0,
    steps,
    threads: parseThreads(threads),
  };
}

export interface DecodeBenchOptions extends BenchModelOptions {
  readonly positions: string;
  readonly batch: string;
  readonly tokens: number;
  readonly jump?: boolean;
}

export function decodeBenchSettings(options: DecodeBenchOptions): DecodeBenchSettings {
  return {
    positions: parsePositions(options.positions),
    batches: parseLengths(options.batch, "--batch", "1,16"),
    tokens: options.tokens,
    jump: options.jump ?? false,
    model: chosenModel(options),
    threads: parseThreads(options.threads),
  };
}

export interface InferenceBenchOptions {
  readonly fasta?: string;
  readonly count: number;
  readonly preset?: ModelPresetName;
  readonly set?: readonly string[];
  readonly task: InferenceTask | "both";
  readonly batch?: number;
  readonly dtype: WeightDtype;
  readonly threads?: number;
}

/**
 * Reads the sequences too.
 *
 * @throws UsageError or ConfigError for a model that there cannot be; DataError for a file that cannot be read
 */
export async function inferenceBenchSettings(options: InferenceBenchOptions): Promise<InferenceBenchSettings> {
  const { task, batch, dtype, threads } = options;
  return {
    config: await inferenceModel(options),
    sequences: await firstSequences(options),
    tasks: task === "both" ? inferenceTasks : [task],
    dtype,
    ...(batch !== undefined && { tokensPerBatch: batch }),
    threads: parseThreads(threads),
  };
}

async function inferenceModel({ preset, set = [] }: InferenceBenchOptions): Promise<ModelConfig> {
  const changes = set.flatMap(parseSettings);
  const other = changes.find(({ section }) => section !== "model");
  if (other !== undefined) {
    throw new UsageError(problem`--set must change the model, got ${other.section}.${other.key}; leave it out`);
  }
  const recipe = await readRecipe("demo");
  const { model } = applySettings(preset === undefined ? recipe : { ...recipe, model: modelPresets[preset] }, changes);
  const { size: vocabSize, padId } = proteinVocabulary;
  // modelConfig checks every key.
  return modelConfig({ ...(model as Omit<ModelOptions, "vocabSize">), vocabSize, padId });
}

async function firstSequences({ fasta, count }: InferenceBenchOptions): Promise<EncodedSequence[]> {
  const file = fasta ?? fileURLToPath(embeddedProteinsUrl);
  const found: EncodedSequence[] = [];
  for await (const sequence of readSequences({ fasta: file }, proteinVocabulary)) {
    found.push(sequence);
    if (found.length === count) break;
  }
  return found;
}

function parseMechanisms(text: string): readonly BenchMechanism[] {
  if (listed(text).includes("all")) return benchMechanisms;
  return listed(text).map((item) => {
    const mechanism = benchMechanisms.find((each) => each === item);
    if (mechanism !== undefined) return mechanism;
    const near = nearestName(item, benchMechanisms);
    const fix =
      item === "exact"
        ? "exact attention is measured beside them unless --no-exact is given: leave it out"
        : near === undefined
          ? "leave the option out to measure favor"
          : `did you mean '${near}'?`;
    throw new UsageError(
      problem`--mechanisms must be 'all' or among ${benchMechanisms.join(", ")}, got '${item}'; ${fix}`,
    );
  });
}

function parsePeers(text: string): readonly string[] {
  const names = listed(text);
  // Threads of wasm disturb what runs beside them, so it is measured only where it is named.
  if (names.includes("all")) return [...peerChoices.filter((name) => name !== "wasm"), ...names];
  if (names.length === 1 && names[0] === "none") return [];
  const unknown = names.find((name) => !(peerChoices as readonly string[]).includes(name));
  if (unknown === undefined) return names;
  const near = nearestName(unknown, [...peerChoices, "all", "none"]);
  const fix = near === undefined ? "leave the option out for all that are installed" : `did you mean '${near}'?`;
  throw new UsageError(
    problem`--peers must be 'all', 'none' or among ${peerChoices.join(", ")} (${engineOpName}: the
    ${LINEAR_ATTENTION_OP}), got '${unknown}'; ${fix}`,
  );
}
