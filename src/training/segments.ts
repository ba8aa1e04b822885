/**
 * Steps on sequences longer than memory: cut along time, with exact gradients.
 *
 * All that a causal model with linear attention knows of the past is a state of fixed size a layer. So a sequence is
 * read part by part, keeping the states between parts; then, from the last part to the first, each is read again from
 * the state before it, and the gradient by that state is what the part before it is given. What is held at any time is
 * the graph of one part and the states.
 */
import { backpropagate } from "../autodiff/gradients.ts";
import { zeros, type NdArray } from "../graph/ndarray.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { ModelConfig } from "../model/config.ts";
import { isPooled } from "../model/output.ts";
import { modelInputs } from "../model/inputs.ts";
import { ConfigError, problem } from "../graph/errors.ts";
import type { Named } from "../model/parameters.ts";
import {
  differentiableStates,
  initialStates,
  namedStates,
  nextStateOutputs,
  nextStates,
  logitsOfPart,
  stateInputs,
} from "../model/parts.ts";
import { positionFeeds, positionInputs } from "../model/positions.ts";
import { layerMechanisms } from "../model/stacks.ts";
import { input } from "../ops/source.ts";
import { feedsFor, type Backend } from "../runtime/backend.ts";
import type { Batch, BatchShape } from "../data/batch.ts";
import { addSums, NO_SUMS, sumsOf } from "./evaluation-sums.ts";
import type { Execution, LossOptions } from "./execution.ts";
import { pickNames, trainableNames } from "./freeze.ts";
import { createGraphCache, planned, type GraphPlan } from "./graph-plan.ts";
import {
  accumulate,
  batchFeeds,
  batchInputs,
  dropoutOption,
  gradientOutputs,
  gradientsOf,
  partLengths,
} from "./graphs.ts";
import { targetFigures, tokenLosses } from "./loss.ts";

export interface SegmentOptions extends LossOptions {
  /** Tokens of a part. */
  readonly segmentLength: number;
}

const LOSS_SCALE = "lossScale";
const NEXT_GRADIENT = "gradientOfNext.";

function segmentGraphs(options: SegmentOptions) {
  return {
    forward: planned("part forward", (config, shape) => forwardOutputs(config, shape, options)),
    backward: planned("part backward", (config, shape) => backwardOutputs(config, shape, options)),
    evaluation: planned("part evaluation", evaluationOutputs),
  };
}

export function planSegments(options: SegmentOptions): GraphPlan {
  const { forward, backward, evaluation } = segmentGraphs(options);
  const parts = ({ batchSize, seqLen }: BatchShape) =>
    partLengths(seqLen, options.segmentLength).map((length) => ({ batchSize, seqLen: length }));
  return {
    // The last part is read once, backward.
    training: (shape) => [...parts(shape).slice(0, -1).map(forward), ...parts(shape).map(backward)],
    evaluation: (shape) => parts(shape).map(evaluation),
  };
}

/** @throws ConfigError for mechanisms without a state and devices without loops */
export function createSegmentedExecution(config: ModelConfig, backend: Backend, options: SegmentOptions): Execution {
  checkCanBeCut(config, backend);
  const { forward, backward, evaluation } = segmentGraphs(options);
  const plan = planSegments(options);
  const cache = createGraphCache(config, backend);
  return {
    prepare: async (shape) => {
      for (const graph of plan.training(shape)) await cache.get(graph);
    },
    step: async (tensors, batch, masks) => {
      const parts = cut(batch, options.segmentLength);
      const first = initialStates(config, batch.batchSize);
      const states = [first];
      for (const [index, part] of parts.slice(0, -1).entries()) {
        const run = await cache.get(forward(part));
        const feeds = { ...feedsOf(config, part), ...states[index], ...masks(run, { part: index }) };
        states.push(nextStates(await run.run(feedsFor(run, { ...tensors, ...feeds }))));
      }
      const weightSum = batch.weights.reduce((total, weight) => total + weight, 0);
      const lossScale = Float32Array.of(1 / Math.max(weightSum, 1));
      const gradients: Record<string, NdArray> = {};
      let lossSum = 0;
      let ofNext = zeroGradients(config, first);
      for (const [index, part] of [...parts.entries()].toReversed()) {
        const run = await cache.get(backward(part));
        const feeds = { ...feedsOf(config, part), ...states[index], ...masks(run, { part: index }), ...ofNext };
        const results = await run.run(feedsFor(run, { ...tensors, ...feeds, [LOSS_SCALE]: lossScale }));
        lossSum += Number(results["lossSum"]?.data[0]);
        const found = gradientsOf(results);
        ofNext = ofPartBefore(found, Object.keys(first));
        accumulate(gradients, without(found, Object.keys(first)));
      }
      return { lossNats: lossSum / Math.max(weightSum, 1), weightSum, gradients };
    },
    evaluate: async (tensors, batch) => {
      let totals = NO_SUMS;
      let states = initialStates(config, batch.batchSize);
      for (const part of cut(batch, options.segmentLength)) {
        const run = await cache.get(evaluation(part));
        const feeds = { ...feedsOf(config, part), ...states };
        const results = await run.run(feedsFor(run, { ...tensors, ...feeds }));
        states = nextStates(results);
        totals = addSums(totals, sumsOf(results, part));
      }
      return totals;
    },
    [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose](),
  };
}

function checkCanBeCut(config: ModelConfig, backend: Backend): void {
  if (config.architecture !== "decoder") {
    throw new ConfigError(
      problem`training: segmentLength must come with architecture 'decoder', got '${config.architecture}', whose tokens
      see later ones; set it to 0, and use gradientCheckpointing or a smaller tokensPerBatch`,
    );
  }
  if (isPooled(config)) {
    throw new ConfigError(
      problem`training: segmentLength must come with a prediction a token, got head '${config.head}', which reads whole
      sequences; set it to 0, and use gradientCheckpointing or a smaller tokensPerBatch`,
    );
  }
  const without = layerMechanisms(config).find(({ recurrent }) => recurrent === undefined);
  if (without === undefined && backend.device !== "webgpu") return;
  const got = without === undefined ? "device 'webgpu'" : `mechanism '${without.name}'`;
  throw new ConfigError(
    problem`training: segmentLength must come with a mechanism that carries a state and a device with loops (cpu, wasm),
    got ${got}; use 'favor' on the CPU, or set segmentLength to 0`,
  );
}

/** From the states before a part to those behind it. */
function forwardOutputs(config: ModelConfig, shape: BatchShape, options: SegmentOptions) {
  const { states } = logitsOfPart(
    modelInputs(config),
    batchInputs(shape).inputIds,
    positionInputs(config, shape.seqLen),
    stateInputs(config, shape.batchSize),
    dropoutOption(options.dropout),
  );
  return nextStateOutputs(states);
}

/**
 * Loss of a part, and the gradients of the whole loss by the weights, as far as they come from here, and by the states
 * before it.
 */
function backwardOutputs(config: ModelConfig, shape: BatchShape, options: SegmentOptions) {
  const model = modelInputs(config);
  const batch = batchInputs(shape);
  const before = stateInputs(config, shape.batchSize);
  const part = logitsOfPart(
    model,
    batch.inputIds,
    positionInputs(config, shape.seqLen),
    before,
    dropoutOption(options.dropout),
  );
  const { lossSum } = tokenLosses(part.logits, batch.targetIds, batch.weights, options.labelSmoothing);
  // Nothing trained stands below the states of frozen layers, but gradients by them cost little and keep all parts
  // alike.
  const carried = differentiableStates(config, namedStates(before));
  const next = differentiableStates(config, namedStates(part.states));
  const by = { ...pickNames(model.named, trainableNames(config, options.freeze)), ...carried };
  const found = backpropagate(
    [lossSum, ...Object.values(next)],
    [
      input(LOSS_SCALE, lossSum.shape),
      ...Object.entries(next).map(([name, { shape }]) => input(NEXT_GRADIENT + name, shape)),
    ],
    Object.values(by),
  );
  return { lossSum, ...gradientOutputs(by, found) };
}

function evaluationOutputs(config: ModelConfig, shape: BatchShape): Record<string, Tensor> {
  const batch = batchInputs(shape);
  const part = logitsOfPart(
    modelInputs(config),
    batch.inputIds,
    positionInputs(config, shape.seqLen),
    stateInputs(config, shape.batchSize),
  );
  return { ...nextStateOutputs(part.states), ...targetFigures(config, part.logits, batch) };
}

interface Part extends Batch {
  /** Position of its first token. */
  readonly start: number;
}

/** A batch in parts of at most `length` tokens. */
function cut(batch: Batch, length: number): readonly Part[] {
  const { batchSize, seqLen } = batch;
  return partLengths(seqLen, length).map((ownLength, index) => {
    const start = index * length;
    const end = start + ownLength;
    const columns = <Rows extends Int32Array | Float32Array>(rows: Rows, make: (size: number) => Rows): Rows => {
      const out = make(batchSize * (end - start));
      for (let b = 0; b < batchSize; b++)
        out.set(rows.subarray(b * seqLen + start, b * seqLen + end), b * (end - start));
      return out;
    };
    const ids = (rows: Int32Array) => columns(rows, (size) => new Int32Array(size));
    return {
      start,
      batchSize,
      seqLen: end - start,
      inputIds: ids(batch.inputIds),
      targetIds: ids(batch.targetIds),
      weights: columns(batch.weights, (size) => new Float32Array(size)),
    };
  });
}

type Feeds = Record<string, NdArray | Int32Array | Float32Array | Uint8Array>;

function feedsOf(config: ModelConfig, part: Part): Feeds {
  return { ...batchFeeds(part), ...positionFeeds(config, part.start, part.seqLen) };
}

function zeroGradients(config: ModelConfig, states: Named<NdArray>): Record<string, NdArray> {
  return Object.fromEntries(
    Object.entries(differentiableStates(config, states)).map(([name, { shape }]) => [
      NEXT_GRADIENT + name,
      zeros(shape),
    ]),
  );
}

/** The gradients by the states before a part, as the part before it reads them. */
function ofPartBefore(found: Named<NdArray>, states: readonly string[]): Record<string, NdArray> {
  return Object.fromEntries(
    Object.entries(found).flatMap(([name, array]) =>
      states.includes(name) ? [[NEXT_GRADIENT + name, array] as const] : [],
    ),
  );
}

/** The results that belong to weights. */
function without(found: Named<NdArray>, states: readonly string[]): Record<string, NdArray> {
  return Object.fromEntries(Object.entries(found).filter(([name]) => !states.includes(name)));
}
