/** Models of one stack of blocks over any attention mechanism: causal language models and encoders. */
import type { AttentionMechanism, ExecutionForm } from "../attention/mechanism.ts";
import { GraphError, problem } from "../graph/errors.ts";
import { scope } from "../graph/scope.ts";
import type { Tensor } from "../graph/tensor.ts";
import { cast, equal } from "../ops/compare.ts";
import { add, div, maximum, mul, sub } from "../ops/elementwise.ts";
import { gather } from "../ops/gather.ts";
import { reshape } from "../ops/layout.ts";
import { sum } from "../ops/reduce.ts";
import { constant } from "../ops/source.ts";
import { ndarray } from "../graph/ndarray.ts";
import { applyBlock, blockBranches, enterStream, leaveStream, type Branches, type BranchOptions } from "./block.ts";
import type { ModelConfig } from "./config.ts";
import { applyFinalNorm, applyHead, isPooled } from "./output.ts";
import { applyNorm } from "./norms.ts";
import type { Named, Parameters, StackParameters } from "./parameter-tree.ts";
import { projectionOf } from "./parameters.ts";
import { patchVectors } from "./patch-vectors.ts";
import { placesIn } from "./patches.ts";
import { constantPositions, type Positions } from "./positions.ts";
import { outputStack, selfAttention, type AttentionSite, type Stack } from "./stacks.ts";

export interface ForwardOptions {
  /** Applied to the embedding and to what each layer adds, in training. Default: nothing is dropped. */
  readonly dropout?: (x: Tensor) => Tensor;
  /** Default `fastest`. */
  readonly form?: ExecutionForm;
  /** Takes the place of the configuration's mechanism, in every layer. */
  readonly mechanism?: AttentionMechanism;
  /** Called with each layer's queries, keys and values, as the mechanism sees them. */
  readonly observe?: (layer: number, attention: LayerAttention) => void;
}

/** Queries, keys and values of a layer, `[B, H, L, D]`, after the position encoding. */
export interface LayerAttention {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  /** The layer's attention, with its own projection and masks, to other values: `[B, H, L, E]` → `[B, H, L, E]`. */
  readonly attend: (values: Tensor) => Tensor;
}

/** Everything that stays the same from token to token. */
export interface ModelTensors {
  readonly config: ModelConfig;
  readonly parameters: Parameters<Tensor>;
  readonly projections: Named<Tensor>;
}

/** Attention across stacks, layer by layer. */
export type AttendAcross = (layer: number) => BranchOptions["attendAcross"];

/** How a stack is run over whole sequences. */
export interface StackRun extends ForwardOptions {
  readonly positions: Positions;
  /** `[B, L]` float32: 1 for tokens, 0 for padding, which an encoder does not see. */
  readonly mask?: Tensor | undefined;
  /** Cross-attention, in the decoder of an encoder–decoder. */
  readonly across?: AttendAcross;
  /** Passed to mechanisms as `AttentionOptions.blockLength`. */
  readonly blockLength?: number | undefined;
}

/**
 * Predictions of a model of one stack at every position, or for every sequence.
 *
 * @param tokenIds `[B, L]` int32. Padding at the end: no earlier token of a decoder sees it; an encoder, and what pools
 *   a sequence, see none of padId
 * @returns `[B, L, vocabSize]`; `[B, L, numLabels]` or `[B, 1, numLabels]` of heads with labels
 */
export function logits(model: ModelTensors, tokenIds: Tensor, options: ForwardOptions = {}): Tensor {
  const { config } = model;
  if (outputStack(config).cross) {
    throw new GraphError(
      problem`logits: the model must have one stack, got an encoder–decoder; use sequenceToSequenceLogits`,
    );
  }
  const mask = visibleTokens(config, tokenIds);
  return scope("performer", () => applyHead(model, normedStates(model, tokenIds, mask, options), mask));
}

/**
 * What a model of one stack makes of every token: the last block's output behind the final norm, which its head reads.
 *
 * @param tokenIds as those of `logits`
 * @returns `[B, L, modelDim]`; what stands at padding means nothing
 */
export function hiddenStates(model: ModelTensors, tokenIds: Tensor, options: ForwardOptions = {}): Tensor {
  const { config } = model;
  if (outputStack(config).cross) {
    throw new GraphError(
      problem`hiddenStates: the model must have one stack, got an encoder–decoder; use a decoder or an encoder`,
    );
  }
  return scope("performer", () => normedStates(model, tokenIds, visibleTokens(config, tokenIds), options));
}

function normedStates(
  model: ModelTensors,
  tokenIds: Tensor,
  mask: Tensor | undefined,
  options: ForwardOptions,
): Tensor {
  const { config, parameters } = model;
  const positions = constantPositions(config, placesIn(config, tokenIds.shape[1] ?? 0));
  const states = runStack(model, outputStack(config), tokenIds, { ...options, positions, mask });
  return scope("output", () => applyFinalNorm(config, parameters, states));
}

/**
 * The mask of an encoder, which sees tokens on either side, and of what pools a sequence; other decoders need none, nor
 * do whole images.
 */
export function visibleTokens(config: ModelConfig, tokenIds: Tensor): Tensor | undefined {
  if (config.patches) return undefined;
  return outputStack(config).causal && !isPooled(config) ? undefined : tokenMask(config, tokenIds);
}

/** 1 for tokens, 0 for padding: `[B, L]` int32 → float32. */
export function tokenMask({ padId }: ModelConfig, tokenIds: Tensor): Tensor {
  return sub(1, cast(equal(tokenIds, constant(ndarray(Int32Array.of(padId), [1]))), "float32"));
}

/** The output of a stack's last block, `[B, L, modelDim]`. */
export function runStack(model: ModelTensors, stack: Stack, tokenIds: Tensor, run: StackRun): Tensor {
  let stream = enterStream(model.config, embed(model, tokenIds, run.positions, run, stack));
  for (let layer = 0; layer < stack.numLayers; layer++) {
    stream = scope(`blocks.${layer}`, () => applyBlock(stackBranches(model, stack, layer, run), stream));
  }
  return leaveStream(stream);
}

/** The parameters of a stack. */
export function stackParameters({ parameters }: ModelTensors, { prefix }: Stack): StackParameters<Tensor> {
  const found = prefix === "" ? parameters : prefix === "encoder." ? parameters.encoder : parameters.decoder;
  if (found === undefined) throw new GraphError(problem`performer: parameters must hold '${prefix}', got none`);
  return found;
}

/** A layer's branches, with attention over the whole sequence, in a model of one stack. */
export function branchesOf(
  model: ModelTensors,
  layer: number,
  positions: Positions,
  options: ForwardOptions,
  mask?: Tensor,
): Branches {
  return stackBranches(model, outputStack(model.config), layer, { ...options, positions, mask });
}

function stackBranches(
  model: ModelTensors,
  stack: Stack,
  layer: number,
  { positions, dropout, form, mask, across, mechanism, observe, blockLength }: StackRun,
): Branches {
  const site = selfAttention(stack, layer);
  const { apply } = mechanism ?? site.mechanism;
  const options = {
    causal: site.causal,
    ...siteTensors(model, stack, site),
    ...(mask && !site.causal && { keyMask: mask, queryMask: mask }),
    ...(form && { form }),
    blockLength,
  };
  return blockBranches(
    model.config,
    blockOf(model, stack, layer),
    (q, k, v) => {
      observe?.(layer, { q, k, v, attend: (values) => apply(q, k, values, options) });
      return apply(q, k, v, options);
    },
    { positions, dropout, form, attendAcross: across?.(layer) },
  );
}

/** The options that a mechanism gets in a layer, in addition to queries, keys and values. */
export function siteTensors(model: ModelTensors, stack: Stack, site: AttentionSite) {
  const projection = model.projections[projectionOf(site)];
  const { attention, cross } = blockOf(model, stack, site.layer);
  const parameters = (site.cross ? cross : attention)?.mechanism;
  return { ...(projection && { projection }), ...(parameters && { parameters }) };
}

export function blockOf(model: ModelTensors, stack: Stack, layer: number) {
  const block = stackParameters(model, stack).blocks[layer];
  if (block === undefined)
    throw new GraphError(problem`performer: layer ${layer} must be one of ${stack.numLayers}; count layers from 0`);
  return block;
}

/**
 * `[B, L]` int32 → `[B, L, modelDim]`: what the first block reads; of images `[B, 1 + patches, modelDim]`.
 *
 * @param stack default: the one that predictions are read from
 */
export function embed(
  model: ModelTensors,
  tokenIds: Tensor,
  positions: Positions,
  { dropout = (x) => x }: Pick<ForwardOptions, "dropout"> = {},
  stack = outputStack(model.config),
): Tensor {
  return scope("embedding", () => {
    const tokens = ownVectors(model, tokenIds);
    const { embeddingNorm, ...tables } = stackParameters(model, stack);
    const settle = (x: Tensor) => dropout(embeddingNorm === undefined ? x : applyNorm(x, embeddingNorm, model.config));
    const place = positionVectors(tables, positions);
    if (place === undefined) return settle(tokens);
    // Waves are of size 1 whatever the width: embeddings are brought to theirs, as in the Transformer.
    const scaled = positions.waves ? mul(tokens, Math.sqrt(model.config.modelDim)) : tokens;
    return settle(add(scaled, positions.perSequence === true ? reshape(place, tokens.shape) : place));
  });
}

/** Tokens, or squares of images, as vectors without their positions. */
function ownVectors({ config, parameters }: ModelTensors, tokenIds: Tensor): Tensor {
  const { tokenEmbedding, patchEmbedding } = parameters;
  if (config.patches && patchEmbedding) return patchVectors(config.patches, patchEmbedding, tokenIds);
  if (tokenEmbedding === undefined) throw new GraphError(problem`embedding: a table of tokens must be there, got none`);
  return withoutHidden(config, gather(tokenEmbedding.weight, tokenIds), tokenIds);
}

/**
 * Embeddings `[B, L, modelDim]` with those of hidden tokens zero and the others scaled by how many are hidden.
 *
 * Source: Lin et al. (ESM-2), doi:10.1126/science.ade2574, whose code calls it token dropout.
 */
function withoutHidden(config: ModelConfig, tokens: Tensor, tokenIds: Tensor): Tensor {
  const { tokenDropout } = config;
  if (tokenDropout === undefined) return tokens;
  const [batch = 1, length = 1] = tokenIds.shape;
  const maskId = constant(ndarray(Int32Array.of(tokenDropout.maskId), [1]));
  const shown = sub(1, cast(equal(tokenIds, maskId), "float32"));
  const count = (each: Tensor) => sum(each, { axes: [1], keepDims: true });
  const real = tokenMask(config, tokenIds);
  // 1 / (1 − hidden) = real tokens / shown ones among them; a sequence of nothing but hidden tokens is all zero.
  const scale = div(mul(count(real), 1 - tokenDropout.share), maximum(count(mul(real, shown)), 1));
  return mul(tokens, reshape(mul(shown, scale), [batch, length, 1]));
}

/** The position vectors added to embeddings, `[L, modelDim]`; undefined for rotary positions and `none`. */
function positionVectors(
  { positionEmbedding, axialEmbedding }: StackParameters<Tensor>,
  { ids, cells, waves }: Positions,
): Tensor | undefined {
  if (positionEmbedding && ids) return gather(positionEmbedding.weight, ids);
  if (!axialEmbedding || !cells) return waves;
  return add(gather(axialEmbedding.rows, cells.rows), gather(axialEmbedding.columns, cells.columns));
}
