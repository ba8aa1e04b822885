/**
 * ViT, and DeiT without distillation: encoders of images in squares, with norms before the branches and a vector in
 * front.
 *
 * Source: Dosovitskiy et al., arXiv:2010.11929; Touvron et al., arXiv:2012.12877.
 */
import * as z from "zod";
import { ndarray, toFloat32, zeros, type NdArray } from "../../graph/ndarray.ts";
import { mostPlaces, PIXEL_IDS } from "../../model/patches.ts";
import { parseForeign } from "../json-files.ts";
import type { WeightReader } from "../weight-reader.ts";
import type { PretrainedArchitecture, Weights } from "./architecture.ts";
import { activation, eachLayer, linear, norm, size } from "./common.ts";

const schema = z.looseObject({
  hidden_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  intermediate_size: size,
  image_size: z.union([size, z.tuple([size, size])]).default(224),
  patch_size: size.default(16),
  num_channels: z.union([z.literal(1), z.literal(3)]).default(3),
  hidden_act: activation.default("gelu"),
  layer_norm_eps: z.number().positive().default(1e-12),
  hidden_dropout_prob: z.number().min(0).lt(1).default(0),
  qkv_bias: z.boolean().default(true),
  id2label: z.record(z.string(), z.unknown()).nullish(),
});

const HEAD = "classifier";

export const vit: PretrainedArchitecture = {
  prefix: "vit.",
  reads: "images",
  unused: [
    { pattern: /^pooler\./, reason: "the pooler of the first place, which vectors are not read from" },
    { pattern: /^classifier\./, reason: "the head of a task with other than two or more classes" },
    { pattern: /^embeddings\.mask_token$/, reason: "the vector of hidden squares" },
    { pattern: /^decoder\./, reason: "the head that predicts hidden squares" },
  ],
  plan: (config, who) => {
    const found = parseForeign(who, schema, config);
    const { image_size: side } = found;
    const [height, width] = typeof side === "number" ? [side, side] : side;
    const image = { width, height, channels: found.num_channels };
    const patches = { ...image, size: found.patch_size };
    const numLabels = Object.keys(found.id2label ?? {}).length;
    return {
      vocabSize: PIXEL_IDS,
      image,
      options: (reader, { scale }) => ({
        architecture: "encoder",
        ...(reader.has(`${HEAD}.weight`) && numLabels > 1
          ? { head: "sequence-classification", numLabels, pooling: "first" }
          : { head: "none" }),
        patches: { ...patches, ...scale },
        modelDim: found.hidden_size,
        numLayers: found.num_hidden_layers,
        numHeads: found.num_attention_heads,
        mlpDim: found.intermediate_size,
        positions: "learned",
        normPlacement: "pre",
        activation: found.hidden_act,
        layerNormEpsilon: found.layer_norm_eps,
        dropout: found.hidden_dropout_prob,
      }),
      weights: (reader, { modelDim, mlpDim, numLayers, head, maxSeqLen }) => {
        const { size, channels } = patches;
        const inputs = channels * size ** 2;
        const places = mostPlaces({ patches, maxSeqLen });
        const kernel = reader.take("embeddings.patch_embeddings.projection.weight", [modelDim, channels, size, size]);
        const attention = (from: string, to: string) =>
          found.qkv_bias
            ? linear(reader, from, to, modelDim, modelDim)
            : withoutBias(reader, from, to, modelDim, modelDim);
        return {
          "patchEmbedding.projection.weight": reshaped(kernel, [modelDim, inputs]),
          "patchEmbedding.projection.bias": reader.take("embeddings.patch_embeddings.projection.bias", [modelDim]),
          "patchEmbedding.first": reshaped(reader.take("embeddings.cls_token", [1, 1, modelDim]), [modelDim]),
          "positionEmbedding.weight": reshaped(reader.take("embeddings.position_embeddings", [1, places, modelDim]), [
            places,
            modelDim,
          ]),
          ...eachLayer(numLayers, (layer) => {
            const from = `encoder.layer.${layer}`;
            const to = `blocks.${layer}`;
            return {
              ...norm(reader, `${from}.layernorm_before`, `${to}.attentionNorm`, modelDim),
              ...attention(`${from}.attention.attention.query`, `${to}.attention.query`),
              ...attention(`${from}.attention.attention.key`, `${to}.attention.key`),
              ...attention(`${from}.attention.attention.value`, `${to}.attention.value`),
              ...linear(reader, `${from}.attention.output.dense`, `${to}.attention.output`, modelDim, modelDim),
              ...norm(reader, `${from}.layernorm_after`, `${to}.mlpNorm`, modelDim),
              ...linear(reader, `${from}.intermediate.dense`, `${to}.mlp.up`, mlpDim, modelDim),
              ...linear(reader, `${from}.output.dense`, `${to}.mlp.down`, modelDim, mlpDim),
            };
          }),
          ...norm(reader, "layernorm", "finalNorm", modelDim),
          ...(head !== "none" && linear(reader, HEAD, "classifier", numLabels, modelDim)),
        };
      },
    };
  },
};

/** The same numbers, in the same order. */
function reshaped(array: NdArray, shape: readonly number[]): NdArray {
  return ndarray(toFloat32(array), shape);
}

function withoutBias(reader: WeightReader, from: string, to: string, out: number, into: number): Weights {
  return { [`${to}.weight`]: reader.take(`${from}.weight`, [out, into]), [`${to}.bias`]: zeros([out]) };
}
