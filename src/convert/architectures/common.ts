/** Helpers that the architectures share: names of activations, and layers under other names. */
import * as z from "zod";
import type { ModelConfig } from "../../model/config.ts";
import type { WeightReader } from "../weight-reader.ts";
import type { Weights } from "./architecture.ts";

export const size = z.int().positive();

/** Activations by their names in transformers; those with tanh differ in how they are computed alone. */
const activations = {
  gelu: "gelu",
  gelu_python: "gelu",
  gelu_new: "gelu-tanh",
  gelu_fast: "gelu-tanh",
  gelu_pytorch_tanh: "gelu-tanh",
  relu: "relu",
} as const;

type ActivationName = keyof typeof activations;

/** A name of transformers → ours. */
export const activation = z
  .enum(Object.keys(activations) as [ActivationName, ...ActivationName[]]) // its own keys
  .transform((name) => activations[name]);

/**
 * What BERT and its heirs say in config.json. Every token attends to all others: keys that say otherwise are refused.
 */
export const encoderKeys = {
  vocab_size: size,
  hidden_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  intermediate_size: size,
  max_position_embeddings: size,
  layer_norm_eps: z.number().positive().default(1e-12),
  hidden_dropout_prob: z.number().min(0).lt(1).default(0.1),
  tie_word_embeddings: z.boolean().default(true),
  is_decoder: z.literal(false).default(false),
  add_cross_attention: z.literal(false).default(false),
};

/** A linear layer, `[out, in]` and `[out]` in both. */
export function linear(reader: WeightReader, from: string, to: string, out: number, into: number): Weights {
  return {
    [`${to}.weight`]: reader.take(`${from}.weight`, [out, into]),
    [`${to}.bias`]: reader.take(`${from}.bias`, [out]),
  };
}

/** A layer norm, `[width]` each. */
export function norm(reader: WeightReader, from: string, to: string, width: number): Weights {
  return {
    [`${to}.weight`]: reader.take(`${from}.weight`, [width]),
    [`${to}.bias`]: reader.take(`${from}.bias`, [width]),
  };
}

/** The weights of all layers. */
export function eachLayer(numLayers: number, weightsOf: (layer: number) => Weights): Weights {
  return Object.assign({}, ...Array.from({ length: numLayers }, (_, layer) => weightsOf(layer)));
}

/** Where a head that predicts hidden tokens keeps its parts. */
export interface MaskedHead {
  readonly linear: string;
  readonly norm: string;
  readonly bias: string;
  /** The output layer, which where it is tied is the table of tokens once more. */
  readonly output: string;
}

/**
 * What a model has of a head, by what the file holds: a body alone predicts nothing.
 *
 * @param activation of its transform, which here is gelu; a head with another one is left out
 */
export function maskedHeadOptions(
  reader: Pick<WeightReader, "has">,
  head: MaskedHead,
  { isTied, activation }: { readonly isTied: boolean; readonly activation: string },
) {
  if (!reader.has(`${head.linear}.weight`) || activation !== "gelu") return { head: "none" } as const;
  const kind = { head: "language-modeling", headTransform: true, headBias: true } as const;
  return { ...kind, tieEmbeddings: isTied || !reader.has(`${head.output}.weight`) };
}

/** The weights of such a head, where the model has one. */
export function maskedHead(reader: WeightReader, head: MaskedHead, config: ModelConfig): Weights {
  const { modelDim, vocabSize, headTransform, tieEmbeddings } = config;
  if (!headTransform) return {};
  return {
    ...linear(reader, head.linear, "headTransform.linear", modelDim, modelDim),
    ...norm(reader, head.norm, "headTransform.norm", modelDim),
    "headBias.bias": reader.take(head.bias, [vocabSize]),
    ...(!tieEmbeddings && { "head.weight": reader.take(`${head.output}.weight`, [vocabSize, modelDim]) }),
  };
}
