/**
 * The graphs of a step that goes block by block: embedding, one block, output layer with loss; each forward and
 * backward.
 *
 * A block's graph is that of a model with one layer: its weights are inputs named as those of layer 0, so one compiled
 * graph serves all layers with the same mechanism. A backward graph computes the block again from what was kept: its
 * input, or, in a reversible model, its output, from which the input follows.
 */
import type { ExecutionForm } from "../attention/mechanism.ts";
import { backpropagate } from "../autodiff/gradients.ts";
import type { NdArray } from "../graph/ndarray.ts";
import { renamed } from "../graph/records.ts";
import type { Tensor } from "../graph/tensor.ts";
import { applyBlock, enterStream, leaveStream, streamTensors, type Branches, type Stream } from "../model/block.ts";
import type { ModelConfig } from "../model/config.ts";
import { modelInputs } from "../model/inputs.ts";
import { layerPrefix, type Named } from "../model/parameters.ts";
import { output } from "../model/output.ts";
import { branchesOf, embed, visibleTokens } from "../model/performer.ts";
import { placesIn } from "../model/patches.ts";
import { constantPositions } from "../model/positions.ts";
import { oneLayer } from "../model/stacks.ts";
import { add, sub } from "../ops/elementwise.ts";
import { input } from "../ops/source.ts";
import type { BatchShape } from "../data/batch.ts";
import { batchInputs, dropoutOption, gradientOutputs } from "./graphs.ts";
import { lossesOf, targetFigures } from "./loss.ts";

export interface BlockGraphOptions {
  /** Any layer with the block's mechanism. */
  readonly layer: number;
  readonly dropout: number;
  readonly form: ExecutionForm;
}

/**
 * What names of graphs begin with: the stream before a block, behind it, and the gradient of the loss by the latter.
 */
export const STREAM = "stream.";
export const NEXT = "next.";
export const GRADIENT_OF_NEXT = "gradientOfNext.";
/** By what the sum of losses is multiplied to be the mean. */
export const LOSS_SCALE = "lossScale";

/** Dropout masks of a block, and of the embedding before all blocks. */
const MASKS_OF_BLOCK = 2;
const MASKS_OF_EMBEDDING = 1;

/** Number, in the whole model, of a layer's first dropout mask. */
export function firstMaskOf(layer: number): number {
  return MASKS_OF_EMBEDDING + layer * MASKS_OF_BLOCK;
}

/** A model's tensors under the names that the graphs of one block know. */
export function tensorsOfLayer(tensors: Named<NdArray>, layer: number): Record<string, NdArray> {
  return renamed(tensors, layerPrefix(layer), layerPrefix(0));
}

function named(prefix: string, stream: Stream): Record<string, Tensor> {
  return Object.fromEntries(streamTensors(stream).map((tensor, index) => [prefix + index, tensor]));
}

function streamInput(config: ModelConfig, prefix: string, { batchSize, seqLen }: BatchShape): Stream {
  const { reversible, modelDim } = config;
  const half = (index: number) => input(`${prefix}${index}`, [batchSize, placesIn(config, seqLen), modelDim]);
  return reversible ? [half(0), half(1)] : [half(0)];
}

/** The weights whose names begin as given. */
function weightsOf(model: Named<Tensor>, ...prefixes: readonly string[]): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(model).filter(([name]) => prefixes.some((prefix) => name.startsWith(prefix))),
  );
}

function embedding(config: ModelConfig, shape: BatchShape, dropout: number) {
  const model = modelInputs(oneLayer(config, 0));
  const { inputIds } = batchInputs(shape);
  const x = embed(model, inputIds, constantPositions(config, placesIn(config, shape.seqLen)), dropoutOption(dropout));
  const weights = weightsOf(
    model.named,
    "tokenEmbedding.",
    "patchEmbedding.",
    "positionEmbedding.",
    "axialEmbedding.",
    "embeddingNorm.",
  );
  return { weights, stream: enterStream(config, x) };
}

/** Tokens to the stream before the first block. */
export function embeddingForward(config: ModelConfig, shape: BatchShape, dropout: number) {
  return named(STREAM, embedding(config, shape, dropout).stream);
}

/** The gradient by that stream to those by the embedding's weights. */
export function embeddingBackward(config: ModelConfig, shape: BatchShape, dropout: number) {
  const { weights, stream } = embedding(config, shape, dropout);
  const above = streamTensors(streamInput(config, GRADIENT_OF_NEXT, shape));
  return gradientOutputs(weights, backpropagate(streamTensors(stream), above, Object.values(weights)));
}

function block(config: ModelConfig, shape: BatchShape, { layer, dropout, form }: BlockGraphOptions) {
  const model = modelInputs(oneLayer(config, layer));
  const positions = constantPositions(config, placesIn(config, shape.seqLen));
  const seen = maskInput(config, shape);
  // Numbered by branch: the backward graph of a reversible block comes to the mlp first.
  const withMask = (number: number) =>
    branchesOf(model, 0, positions, { form, ...dropoutOption(dropout, number) }, seen);
  const { attention, settle } = withMask(0);
  const branches: Branches = { attention, mlp: withMask(1).mlp, settle };
  return { weights: weightsOf(model.named, layerPrefix(0)), branches };
}

/** The encoder's part of a batch. */
function maskInput(config: ModelConfig, shape: BatchShape): Tensor | undefined {
  return visibleTokens(config, batchInputs(shape).inputIds);
}

/** The stream before a block to the one behind it. */
export function blockForward(config: ModelConfig, shape: BatchShape, options: BlockGraphOptions) {
  const { branches } = block(config, shape, options);
  return named(NEXT, applyBlock(branches, streamInput(config, STREAM, shape)));
}

/**
 * The gradient by the stream behind a block to those by the block's weights and by the stream before it. In a
 * reversible model the stream before the block is a result as well, from the one behind it.
 */
export function blockBackward(config: ModelConfig, shape: BatchShape, options: BlockGraphOptions) {
  const { weights, branches } = block(config, shape, options);
  const above = streamInput(config, GRADIENT_OF_NEXT, shape);
  if (!config.reversible) {
    const before = streamInput(config, STREAM, shape);
    const by = { ...weights, ...named(STREAM, before) };
    const found = backpropagate(streamTensors(applyBlock(branches, before)), streamTensors(above), Object.values(by));
    return gradientOutputs(by, found);
  }
  const next = streamInput(config, NEXT, shape);
  const inverse = invertBlock(branches, next, above, Object.values(weights));
  return {
    ...named(STREAM, inverse.stream),
    ...gradientOutputs({ ...weights, ...named(STREAM, inverse.stream) }, [
      ...inverse.ofWeights,
      ...streamTensors(inverse.ofStream),
    ]),
  };
}

/**
 * Backward through y₁ = x₁ + f(x₂), y₂ = x₂ + g(y₁), from y alone: first g at y₁, which gives x₂ and the whole gradient
 * by y₁, then f at x₂, which gives x₁. Either branch is computed once.
 */
function invertBlock(
  { attention: f, mlp: g }: Branches,
  [y1, y2 = y1]: Stream,
  [dy1, dy2 = dy1]: Stream,
  weights: readonly Tensor[],
): { readonly stream: Stream; readonly ofStream: Stream; readonly ofWeights: readonly (Tensor | undefined)[] } {
  const ofY1 = g(y1);
  const [throughG, ...fromG] = backpropagate([ofY1], [dy2], [y1, ...weights]);
  const dx1 = throughG === undefined ? dy1 : add(dy1, throughG);
  const x2 = sub(y2, ofY1);
  const ofX2 = f(x2);
  const [throughF, ...fromF] = backpropagate([ofX2], [dx1], [x2, ...weights]);
  const dx2 = throughF === undefined ? dy2 : add(dy2, throughF);
  // No weight belongs to both branches.
  return {
    stream: [sub(y1, ofX2), x2],
    ofStream: [dx1, dx2],
    ofWeights: weights.map((_, index) => fromG[index] ?? fromF[index]),
  };
}

function head(config: ModelConfig, shape: BatchShape) {
  const model = modelInputs(oneLayer(config, 0));
  const stream = streamInput(config, STREAM, shape);
  const seen = visibleTokens(config, batchInputs(shape).inputIds);
  const predicted = output(model, leaveStream(stream), seen);
  const { head, tieEmbeddings } = config;
  const ofTokens = tieEmbeddings ? "tokenEmbedding." : "head.";
  const ofOutput = head === "language-modeling" ? ofTokens : "classifier.";
  const names = ["finalNorm.", ofOutput, "headTransform.", "headBias."];
  return { weights: weightsOf(model.named, ...names), stream, predicted, targets: batchInputs(shape, config) };
}

/**
 * The loss of some rows of the stream behind the last block, with the gradients by them and by the output layer's
 * weights.
 */
export function headBackward(config: ModelConfig, shape: BatchShape, labelSmoothing: number): Record<string, Tensor> {
  const { weights, stream, predicted, targets } = head(config, shape);
  const by = { ...weights, ...named(STREAM, stream) };
  const { lossSum } = lossesOf(config, predicted, targets, labelSmoothing);
  const found = backpropagate([lossSum], [input(LOSS_SCALE, lossSum.shape)], Object.values(by));
  return { lossSum, ...gradientOutputs(by, found) };
}

/** Outputs of an evaluation for some rows: losses or predictions of each position. */
export function headEvaluation(config: ModelConfig, shape: BatchShape): Record<string, Tensor> {
  const { predicted, targets } = head(config, shape);
  return targetFigures(config, predicted, targets);
}
