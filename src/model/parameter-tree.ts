/** Parameters as a named tree: what there is, of which shape, and how it starts. */
import type { InitialParameter } from "../attention/mechanism.ts";
import type { Shape } from "../graph/shape.ts";
import { isGated, type ModelConfig } from "./config-schema.ts";
import { mostPlaces } from "./patches.ts";
import { crossAttention, encoderStack, outputStack, selfAttention, type AttentionSite, type Stack } from "./stacks.ts";

export interface Linear<T> {
  /** `[out, in]`. */
  readonly weight: T;
  /** `[out]`. */
  readonly bias: T;
}

export interface Norm<T> {
  /** `[modelDim]`, of `scalenorm` `[1]`. */
  readonly weight: T;
  /** Only for `layernorm`. */
  readonly bias?: T;
}

/** The parameters next to a block's branch: a norm, or with `rezero` the factor of the branch, `[1]`. */
export interface Residual<T> {
  readonly scale: T;
}

export interface Attention<T> {
  readonly query: Linear<T>;
  /** Unless keys are queries. */
  readonly key?: Linear<T>;
  readonly value: Linear<T>;
  readonly output: Linear<T>;
  /** The mechanism's own. */
  readonly mechanism?: Readonly<Record<string, T>>;
}

export interface Mlp<T> {
  /** Only for activations with a gate. */
  readonly gate?: Linear<T>;
  readonly up: Linear<T>;
  readonly down: Linear<T>;
}

export interface Block<T> {
  readonly attentionNorm?: Norm<T>;
  readonly attentionResidual?: Residual<T>;
  readonly attention: Attention<T>;
  /** Attention of a decoder to what its encoder leaves. */
  readonly crossNorm?: Norm<T>;
  readonly crossResidual?: Residual<T>;
  readonly cross?: Attention<T>;
  readonly mlpNorm?: Norm<T>;
  readonly mlpResidual?: Residual<T>;
  readonly mlp: Mlp<T>;
}

/** The patch embedding of a model of images. */
export interface PatchEmbedding<T> {
  /** `[modelDim, channels · size · size]`. */
  readonly projection: Linear<T>;
  /** `[modelDim]`: stands in front of the squares, and for the whole image. */
  readonly first: T;
}

/** The parameters of one stack of blocks. */
export interface StackParameters<T> {
  /** With learned positions. */
  readonly positionEmbedding?: { readonly weight: T };
  /** With axial positions. */
  readonly axialEmbedding?: { readonly rows: T; readonly columns: T };
  /** With a norm of the embeddings. */
  readonly embeddingNorm?: Norm<T>;
  readonly blocks: readonly Block<T>[];
  /** With norms before the branches, which leave the stream as it grows. */
  readonly finalNorm?: Norm<T>;
}

/** All trained weights. Joined by dots, the names of the tree are the keys of model.safetensors. */
export interface Parameters<T> extends StackParameters<T> {
  /** Unless places are patches. */
  readonly tokenEmbedding?: { readonly weight: T };
  /** Only for models of patches. */
  readonly patchEmbedding?: PatchEmbedding<T>;
  /** The output layer of language models without tied embeddings. */
  readonly head?: { readonly weight: T };
  /** In front of the output layer, of language models that have it. */
  readonly headTransform?: { readonly linear: Linear<T>; readonly norm: Norm<T> };
  /** `[vocabSize]`, of language models that have it. */
  readonly headBias?: { readonly bias: T };
  /** The output layer of classifications and regressions. */
  readonly classifier?: Linear<T>;
  readonly pointer?: { readonly query: Linear<T>; readonly key: Linear<T> };
  /** The two stacks of an encoder–decoder, which has no blocks beside them. */
  readonly encoder?: StackParameters<T>;
  readonly decoder?: StackParameters<T>;
}

/** Arrays or tensors by their dotted names, e.g. `blocks.3.attention.query.weight`. */
export type Named<T> = Readonly<Record<string, T>>;

/**
 * Queries and keys start short: the variance of random features grows with exp(‖q + k‖²/√d), and at full length
 * attention would begin as noise (the demo needs half as many steps again).
 */
const QUERY_KEY_GAIN = 0.3;

/** The usual spread of embeddings and output layers, as in GPT-2. */
const EMBEDDING_STD = 0.02;

const normal = (shape: Shape, std: number): InitialParameter => ({ shape, init: { std } });
const constant = (shape: Shape, value: number): InitialParameter => ({ shape, init: { value } });

/** 1/√in keeps the variance of activations. */
function linear(out: number, from: number, gain = 1): Linear<InitialParameter> {
  return { weight: normal([out, from], gain / Math.sqrt(from)), bias: constant([out], 0) };
}

function norm({ norm, modelDim }: ModelConfig): Norm<InitialParameter> {
  // √modelDim is the length that the other norms give a vector.
  if (norm === "scalenorm") return { weight: constant([1], Math.sqrt(modelDim)) };
  return { weight: constant([modelDim], 1), ...(norm === "layernorm" && { bias: constant([modelDim], 0) }) };
}

/** The parameters next to a branch. */
function beside<Name extends "attention" | "cross" | "mlp">(config: ModelConfig, name: Name) {
  return config.normPlacement === "rezero"
    ? { [`${name}Residual`]: { scale: constant([1], 0) } }
    : { [`${name}Norm`]: norm(config) };
}

function attention(config: ModelConfig, { mechanism }: AttentionSite, gain: number): Attention<InitialParameter> {
  const { modelDim, numHeads, headDim } = config;
  const maxSeqLen = mostPlaces(config);
  const width = numHeads * headDim;
  const own = mechanism.parameters?.({ numHeads, headDim, maxSeqLen }) ?? {};
  return {
    query: linear(width, modelDim, QUERY_KEY_GAIN),
    ...(mechanism.sharesKeys !== true && { key: linear(width, modelDim, QUERY_KEY_GAIN) }),
    value: linear(width, modelDim),
    output: linear(modelDim, width, gain),
    ...(Object.keys(own).length > 0 && { mechanism: own }),
  };
}

function stackTree(config: ModelConfig, stack: Stack): StackParameters<InitialParameter> {
  const { modelDim, mlpDim, positions, axialShape, embeddingNorm, activation, normPlacement } = config;
  const places = mostPlaces(config);
  // What is added to the residual stream is smaller by √(2 · layers), as in GPT-2.
  const gain = 1 / Math.sqrt((stack.cross ? 3 : 2) * stack.numLayers);
  return {
    ...(positions === "learned" && { positionEmbedding: { weight: normal([places, modelDim], EMBEDDING_STD) } }),
    ...(positions === "axial" &&
      axialShape && {
        axialEmbedding: {
          rows: normal([axialShape[0], modelDim], EMBEDDING_STD),
          columns: normal([axialShape[1], modelDim], EMBEDDING_STD),
        },
      }),
    ...(embeddingNorm && { embeddingNorm: norm(config) }),
    blocks: Array.from({ length: stack.numLayers }, (_, layer) => ({
      ...beside(config, "attention"),
      attention: attention(config, selfAttention(stack, layer), gain),
      ...(stack.cross && {
        ...beside(config, "cross"),
        cross: attention(config, crossAttention(stack, layer), gain),
      }),
      ...beside(config, "mlp"),
      mlp: {
        ...(isGated(activation) && { gate: linear(mlpDim, modelDim) }),
        up: linear(mlpDim, modelDim),
        down: linear(modelDim, mlpDim, gain),
      },
    })),
    ...(normPlacement === "pre" && { finalNorm: norm(config) }),
  };
}

/** Shapes and initial distributions of all parameters. */
function parameterTree(config: ModelConfig): Parameters<InitialParameter> {
  const { vocabSize, modelDim, head, tieEmbeddings, headTransform, headBias, numLabels, patches } = config;
  const last = outputStack(config);
  return {
    ...(patches === undefined
      ? { tokenEmbedding: { weight: normal([vocabSize, modelDim], EMBEDDING_STD) } }
      : {
          patchEmbedding: {
            projection: linear(modelDim, patches.channels * patches.size ** 2),
            first: normal([modelDim], EMBEDDING_STD),
          },
        }),
    ...(last.cross
      ? { blocks: [], encoder: stackTree(config, encoderStack(config)), decoder: stackTree(config, last) }
      : stackTree(config, last)),
    ...(head === "language-modeling" &&
      !tieEmbeddings && { head: { weight: normal([vocabSize, modelDim], EMBEDDING_STD) } }),
    ...(headTransform && { headTransform: { linear: linear(modelDim, modelDim), norm: norm(config) } }),
    ...(headBias && { headBias: { bias: constant([vocabSize], 0) } }),
    ...(numLabels !== undefined && {
      classifier: { weight: normal([numLabels, modelDim], EMBEDDING_STD), bias: constant([numLabels], 0) },
    }),
    ...(head === "pointer" && { pointer: { query: linear(modelDim, modelDim), key: linear(modelDim, modelDim) } }),
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
export function parameterShapes(config: ModelConfig): Named<InitialParameter> {
  return flatten(parameterTree(config), isInitial);
}

function isInitial(value: unknown): value is InitialParameter {
  return typeof value === "object" && value !== null && "init" in value && "shape" in value;
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
