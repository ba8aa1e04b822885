/** Parameters as named trees: what there is, of which shape, and how it starts. */
import { mechanisms } from "../attention/mechanisms.ts";
import { ndarray, zeros, type NdArray } from "../graph/ndarray.ts";
import { sizeOf, type Shape } from "../graph/shape.ts";
import { createRandom, fillNormal } from "../random/index.ts";
import { projectionChoice, type ModelConfig } from "./config.ts";

export interface Linear<T> {
  /** `[out, in]`. */
  readonly weight: T;
  /** `[out]`. */
  readonly bias: T;
}

export interface Norm<T> {
  readonly weight: T;
  readonly bias: T;
}

export interface Block<T> {
  readonly attentionNorm: Norm<T>;
  readonly attention: {
    readonly query: Linear<T>;
    readonly key: Linear<T>;
    readonly value: Linear<T>;
    readonly output: Linear<T>;
  };
  readonly mlpNorm: Norm<T>;
  readonly mlp: { readonly up: Linear<T>; readonly down: Linear<T> };
}

/** All trained weights. Joined by dots, the names of the tree are the keys of model.safetensors. */
export interface Parameters<T> {
  readonly tokenEmbedding: { readonly weight: T };
  /** With learned positions. */
  readonly positionEmbedding?: { readonly weight: T };
  readonly blocks: readonly Block<T>[];
  readonly finalNorm: Norm<T>;
  /** Without tied embeddings. */
  readonly head?: { readonly weight: T };
}

/** Arrays or tensors by their dotted names, e.g. `blocks.3.attention.query.weight`. */
export type Named<T> = Readonly<Record<string, T>>;

interface Initial {
  readonly shape: Shape;
  /** Standard deviation of normal numbers, or the constant that fills the array. */
  readonly init: { readonly std: number } | { readonly value: number };
}

/**
 * Queries and keys start short: the variance of random features grows with exp(‖q + k‖²/√d), and at full length
 * attention would begin as noise (the demo needs half as many steps again).
 */
const QUERY_KEY_GAIN = 0.3;

/** Shapes and initial distributions of all parameters. */
function parameterTree(config: ModelConfig): Parameters<Initial> {
  const { vocabSize, modelDim, mlpDim, numLayers, maxSeqLen, positions, tieEmbeddings } = config;
  const normal = (shape: Shape, std: number): Initial => ({ shape, init: { std } });
  const constant = (shape: Shape, value: number): Initial => ({ shape, init: { value } });
  // 1/√in keeps the variance of activations; what is added to the residual stream is smaller by √(2 · numLayers), as in GPT-2.
  const linear = (out: number, from: number, gain = 1): Linear<Initial> => ({
    weight: normal([out, from], gain / Math.sqrt(from)),
    bias: constant([out], 0),
  });
  const norm = (): Norm<Initial> => ({ weight: constant([modelDim], 1), bias: constant([modelDim], 0) });
  const residualGain = 1 / Math.sqrt(2 * numLayers);
  return {
    tokenEmbedding: { weight: normal([vocabSize, modelDim], 0.02) },
    ...(positions === "learned" && { positionEmbedding: { weight: normal([maxSeqLen, modelDim], 0.02) } }),
    blocks: Array.from({ length: numLayers }, () => ({
      attentionNorm: norm(),
      attention: {
        query: linear(modelDim, modelDim, QUERY_KEY_GAIN),
        key: linear(modelDim, modelDim, QUERY_KEY_GAIN),
        value: linear(modelDim, modelDim),
        output: linear(modelDim, modelDim, residualGain),
      },
      mlpNorm: norm(),
      mlp: { up: linear(mlpDim, modelDim), down: linear(modelDim, mlpDim, residualGain) },
    })),
    finalNorm: norm(),
    ...(!tieEmbeddings && { head: { weight: normal([vocabSize, modelDim], 0.02) } }),
  };
}

/** The leaves of a tree under dotted names, in the order of the tree. */
function flatten<T>(tree: unknown, isLeaf: (value: unknown) => value is T, prefix = ""): Record<string, T> {
  if (isLeaf(tree)) return { [prefix]: tree };
  return Object.assign(
    {},
    ...Object.entries(tree ?? {}).map(([name, branch]) =>
      flatten(branch, isLeaf, prefix === "" ? name : `${prefix}.${name}`),
    ),
  );
}

/** Names, shapes and initial distributions, flat. */
export function parameterShapes(config: ModelConfig): Named<Initial> {
  return flatten(parameterTree(config), isInitial);
}

function isInitial(value: unknown): value is Initial {
  return typeof value === "object" && value !== null && "init" in value;
}

/** Named values as the tree that the model reads. */
export function toTree<T>(config: ModelConfig, named: Named<T>): Parameters<T> {
  const build = (branch: unknown, prefix: string): unknown => {
    if (isInitial(branch)) return named[prefix];
    const entries = Object.entries(branch ?? {}).map(([name, inner]) => [
      name,
      build(inner, prefix === "" ? name : `${prefix}.${name}`),
    ]);
    return Array.isArray(branch) ? entries.map(([, inner]) => inner) : Object.fromEntries(entries);
  };
  return build(parameterTree(config), "") as Parameters<T>; // the tree of parameterTree, leaf by leaf
}

/** Fresh weights. Each is drawn from a stream of its own name, so that adding a layer leaves the others as they are. */
export function initialParameters(config: ModelConfig, seed: number): Record<string, NdArray> {
  return Object.fromEntries(
    Object.entries(parameterShapes(config)).map(([name, { shape, init }]) => {
      const data = new Float32Array(sizeOf(shape));
      if ("value" in init) return [name, ndarray(data.fill(init.value), shape)];
      return [name, ndarray(fillNormal(createRandom(seed, "weights", name), data, init.std), shape)];
    }),
  );
}

/** What the names of a layer's weights and projection begin with. */
export function layerPrefix(layer: number): string {
  return `blocks.${layer}.`;
}

/** The name under which a layer's projection is saved beside the weights. */
export function projectionName(layer: number): string {
  return `${layerPrefix(layer)}attention.projection`;
}

/** Names and shapes of the projections; empty for mechanisms without. */
export function projectionShapes(config: ModelConfig): Named<Shape> {
  // All layers have the same: one is drawn to see it.
  const [drawn] = Object.values(drawProjections({ ...config, numLayers: 1 }, 0, 0));
  if (drawn === undefined) return {};
  return Object.fromEntries(
    Array.from({ length: config.numLayers }, (_, layer) => [projectionName(layer), drawn.shape]),
  );
}

/**
 * Draws one projection a layer.
 *
 * @param redraw how often they have been redrawn before; every redraw has its own stream
 */
export function drawProjections(config: ModelConfig, seed: number, redraw: number): Record<string, NdArray> {
  const mechanism = mechanisms[config.mechanism];
  const { modelDim, numHeads, numFeatures } = config;
  const sizes = { headDim: modelDim / numHeads, numFeatures, numHeads, projection: projectionChoice(config) };
  const projections: Record<string, NdArray> = {};
  for (let layer = 0; layer < config.numLayers; layer++) {
    const drawn = mechanism.initialise(createRandom(seed, "projection", layer, redraw), sizes);
    if (drawn !== undefined) projections[projectionName(layer)] = drawn.projection;
  }
  return projections;
}

/** Number of trained weights. */
export function countParameters(config: ModelConfig): number {
  return Object.values(parameterShapes(config)).reduce((total, { shape }) => total + sizeOf(shape), 0);
}

/** Zeros in the shape of each array: where optimizer moments start. */
export function zerosLike(arrays: Named<NdArray>): Record<string, NdArray> {
  return Object.fromEntries(Object.entries(arrays).map(([name, { shape }]) => [name, zeros(shape)]));
}
