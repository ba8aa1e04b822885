/** Operations of a model as the textbook counts them: what a rate is a share of. */

import type { ModelConfig } from "../model/index.ts";
import { outputStack } from "../model/stacks.ts";

/** Chunk in which the textbook's causal attention is counted: the products inside a chunk grow with it. */
const COUNTED_CHUNK = 64;

/**
 * Floating-point operations of one pass over tokens: 2 for each multiplication and addition of the matrix products of
 * linear layers, of linear attention, and of the head where it is asked for. Elementwise work does not count.
 */
export function forwardFlop(config: ModelConfig, tokens: number, { head }: { readonly head: boolean }): number {
  const { modelDim, mlpDim, numHeads, headDim, numLayers, numFeatures, vocabSize } = config;
  const dense = 4 * modelDim * numHeads * headDim + 2 * modelDim * mlpDim;
  const perHead =
    2 * headDim * numFeatures + // features of query and key
    2 * numFeatures * (headDim + 1) + // into the state and out of it
    (outputStack(config).causal ? COUNTED_CHUNK * (numFeatures + headDim + 1) : 0); // inside the chunk
  return 2 * tokens * (numLayers * (dense + numHeads * perHead) + (head ? modelDim * vocabSize : 0));
}

/**
 * Operations of a training step: three times those of the forward pass, for forward and backward together.
 * Recomputation of features and the optimizer do not count.
 */
export function stepFlop(config: ModelConfig, tokens: number): number {
  return 3 * forwardFlop(config, tokens, { head: true });
}
