/**
 * How much memory a training run takes at most, told before it begins.
 *
 * Counted are the graphs that the run compiles, each with the memory that the engine keeps for it while the run lasts,
 * and the arrays on this side: weights, moments, gradients, what is kept between forward and backward, and the copies
 * that a checkpoint is. Two measured factors stand for what only the engine knows; they were taken on CPUs
 * (docs/performance.md).
 */
import type { ExecutionForm } from "../attention/mechanism.ts";
import { sizeOf } from "../graph/shape.ts";
import type { ModelConfig } from "../model/config.ts";
import { parameterShapes, projectionShapes } from "../model/parameters.ts";
import { placesIn } from "../model/patches.ts";
import { initialStates } from "../model/parts.ts";
import { isList } from "../model/stacks.ts";
import { planGraphs, type ExecutionOptions } from "./choose-execution.ts";
import type { TrainingConfig } from "./config.ts";
import { pickNames, trainableNames } from "./freeze.ts";
import { graphMemory, type GraphMemory } from "./graph-memory.ts";
import type { BatchShape } from "../data/batch.ts";
import type { PlannedGraph } from "./graph-plan.ts";

/** Bytes by what takes them; their sum is the estimate. */
export interface MemoryEstimate {
  readonly totalBytes: number;
  /** The program and the engine, before any graph. */
  readonly programBytes: number;
  /** Weights, projections, the optimizer's moments of what is trained, and with patience the best weights so far. */
  readonly stateBytes: number;
  /** Gradients, those of the step before included, which wait for the garbage collector. */
  readonly gradientBytes: number;
  /** A copy of the state, and its bytes as a file. */
  readonly checkpointBytes: number;
  /** Activations, masks and states between forward and backward, on this side. */
  readonly keptBytes: number;
  /** The compiled graphs and the values inside them: activations above all. */
  readonly engineBytes: number;
}

export interface MemoryQuestion {
  readonly config: ModelConfig;
  readonly training: ExecutionOptions & Partial<Pick<TrainingConfig, "patience">>;
  /** The distinct shapes of training batches. */
  readonly shapes: readonly BatchShape[];
  /**
   * The distinct shapes of validation batches, whose graphs are kept beside those of training. Default: those of
   * training.
   */
  readonly evaluationShapes?: readonly BatchShape[];
  /** Default `fastest`. */
  readonly form?: ExecutionForm;
  /** Whether checkpoints are written to files. Default true. */
  readonly checkpoints?: boolean;
}

/** Node with this package and the engine. */
const PROGRAM_BYTES = 110 * 2 ** 20;
/**
 * The engine's memory for a graph over the bytes of its values alive at a time: between 1.0 and 1.9, by how the sizes
 * fit each other. The largest value does not count in it: what fits into no gap leaves none.
 */
const ENGINE_FACTOR = 1.5;
/** Bytes over those of a graph's constants while it lasts. */
const CONSTANT_FACTOR = 1.3;
/** More of them until it is compiled, one graph after the other: as built, written down, and read. */
const BUILDING_FACTOR = 2.7;
/** Layers of the graphs that are looked at; those of deeper models follow, for every layer adds the same. */
const LOOKED_AT = 2;

/** @returns the estimate; above 400 MB it lay between 0.88 and 1.41 times the measured peak (docs/performance.md) */
export function estimateMemory(question: MemoryQuestion): MemoryEstimate {
  const { config, checkpoints = true } = question;
  const weights = bytesOfShapes(Object.values(parameterShapes(config)).map(({ shape }) => shape));
  const projections = bytesOfShapes(Object.values(projectionShapes(config)));
  const { freeze, patience = 0 } = question.training;
  const trained = bytesOfShapes(
    Object.values(pickNames(parameterShapes(config), trainableNames(config, freeze))).map(({ shape }) => shape),
  );
  // The best weights so far are kept beside the present ones.
  const best = patience > 0 ? trained + projections : 0;
  const state = weights + 2 * trained + projections + best;
  const parts = {
    programBytes: PROGRAM_BYTES,
    stateBytes: state,
    gradientBytes: 2 * trained,
    checkpointBytes: checkpoints ? 2 * state : 0,
    keptBytes: Math.max(0, ...question.shapes.map((shape) => keptBytes(question, shape))),
    engineBytes: engineBytes(plannedMemory(question)),
  };
  return { ...parts, totalBytes: Object.values(parts).reduce((sum, bytes) => sum + bytes, 0) };
}

function bytesOfShapes(shapes: readonly (readonly number[])[]): number {
  return 4 * shapes.reduce((sum, shape) => sum + sizeOf(shape), 0);
}

function engineBytes(graphs: readonly GraphMemory[]): number {
  const lasting = graphs.map(
    ({ valueBytes, largestBytes, outputBytes, constantBytes }) =>
      ENGINE_FACTOR * (valueBytes - largestBytes) + largestBytes + outputBytes + CONSTANT_FACTOR * constantBytes,
  );
  const building = BUILDING_FACTOR * Math.max(0, ...graphs.map(({ constantBytes }) => constantBytes));
  return lasting.reduce((sum, bytes) => sum + bytes, building);
}

/** The arrays held in JavaScript between a batch's forward and backward pass. */
function keptBytes({ config, training }: MemoryQuestion, shape: BatchShape): number {
  const { batchSize, seqLen } = shape;
  const { dropout, numLayers, modelDim, reversible } = config;
  const { segmentLength, gradientCheckpointing } = training;
  const activations = tokensOf({ ...shape, seqLen: placesIn(config, seqLen) }) * modelDim;
  // Dropout masks are a byte an activation: of all layers, or of one at a time.
  const masks = (layers: number, share = 1) => (dropout === 0 ? 0 : (1 + 2 * layers) * activations * share);
  if (segmentLength > 0 && seqLen > segmentLength) {
    const states = Object.values(initialStates(config, batchSize)).map(({ shape }) => shape);
    return bytesOfShapes(states) * Math.ceil(seqLen / segmentLength) + masks(numLayers, segmentLength / seqLen);
  }
  if (gradientCheckpointing === "none") return masks(numLayers);
  // Stream and gradient, each as given and as returned; of a reversible model they have two halves, and nothing else is
  // kept.
  return 4 * activations * (reversible ? 8 : numLayers + 4) + 2 * masks(1);
}

/** The memory of every graph that the run compiles. */
function plannedMemory(question: MemoryQuestion): readonly GraphMemory[] {
  const { config, training, shapes, evaluationShapes = shapes, form = "fastest" } = question;
  const plan = planGraphs(config, form, training);
  const graphs = [...shapes.flatMap(plan.training), ...evaluationShapes.flatMap(plan.evaluation)];
  const distinct = [...new Map(graphs.map((graph) => [graph.key, graph])).values()];
  return [...new Set(distinct.map(({ kind }) => kind))].flatMap((kind) =>
    memoryOfKind(
      distinct.filter((graph) => graph.kind === kind),
      config,
    ),
  );
}

/**
 * Graphs of one kind. Building one takes a tenth of a second, so only those of the shortest and the longest sequences
 * are looked at: between, bytes a token grow with the length, by as much as attention is quadratic.
 */
function memoryOfKind(graphs: readonly PlannedGraph[], config: ModelConfig): readonly GraphMemory[] {
  const sorted = graphs.toSorted((a, b) => a.shape.seqLen - b.shape.seqLen);
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (first === undefined || last === undefined) return [];
  const [short, long] = [memoryOf(first, config), first === last ? undefined : memoryOf(last, config)];
  if (long === undefined) return [short];
  return sorted.map(({ shape }) => {
    const tokens = tokensOf(shape);
    const share = (shape.seqLen - first.shape.seqLen) / Math.max(1, last.shape.seqLen - first.shape.seqLen);
    return mapMemory((name) => {
      const [from, to] = [short[name] / tokensOf(first.shape), long[name] / tokensOf(last.shape)];
      return tokens * (from + share * (to - from));
    });
  });
}

function tokensOf({ batchSize, seqLen, sourceLen = 0 }: BatchShape): number {
  return batchSize * (seqLen + sourceLen);
}

function mapMemory(valueOf: (name: keyof GraphMemory) => number): GraphMemory {
  return {
    valueBytes: valueOf("valueBytes"),
    largestBytes: valueOf("largestBytes"),
    outputBytes: valueOf("outputBytes"),
    constantBytes: valueOf("constantBytes"),
  };
}

/** Looked at in models of few layers: every further layer adds the same, unless layers differ. */
function memoryOf({ build }: PlannedGraph, config: ModelConfig): GraphMemory {
  const at = (numLayers: number) => graphMemory({ outputs: build({ ...config, numLayers }) });
  const { numLayers, mechanism, architecture } = config;
  if (numLayers <= LOOKED_AT + 1 || isList(mechanism) || architecture === "encoder-decoder") {
    return graphMemory({ outputs: build(config) });
  }
  const [some, more] = [at(LOOKED_AT), at(LOOKED_AT + 1)];
  return mapMemory((name) => some[name] + (numLayers - LOOKED_AT) * (more[name] - some[name]));
}
