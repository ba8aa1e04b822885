/**
 * DistilBERT: BERT's layers under other names, without types of tokens.
 *
 * Source: Sanh et al., arXiv:1910.01108.
 */
import * as z from "zod";
import { parseForeign } from "../json-files.ts";
import type { PretrainedArchitecture } from "./architecture.ts";
import { headsOfEncoders } from "./bert.ts";
import { activation, eachLayer, linear, maskedHead, maskedHeadOptions, norm, size, type MaskedHead } from "./common.ts";

const schema = z.looseObject({
  vocab_size: size,
  dim: size,
  n_layers: size,
  n_heads: size,
  hidden_dim: size,
  max_position_embeddings: size,
  activation: activation.default("gelu"),
  dropout: z.number().min(0).lt(1).default(0.1),
  tie_word_embeddings: z.boolean().default(true),
});

const HEAD: MaskedHead = {
  linear: "vocab_transform",
  norm: "vocab_layer_norm",
  bias: "vocab_projector.bias",
  output: "vocab_projector",
};

export const distilbert: PretrainedArchitecture = {
  prefix: "distilbert.",
  reads: "text",
  unused: headsOfEncoders,
  plan: (config, who) => {
    const found = parseForeign(who, schema, config);
    return {
      vocabSize: found.vocab_size,
      options: (reader) => ({
        architecture: "encoder",
        ...maskedHeadOptions(reader, HEAD, { isTied: found.tie_word_embeddings, activation: found.activation }),
        modelDim: found.dim,
        numLayers: found.n_layers,
        numHeads: found.n_heads,
        mlpDim: found.hidden_dim,
        maxSeqLen: found.max_position_embeddings,
        positions: "learned",
        normPlacement: "post",
        embeddingNorm: true,
        activation: found.activation,
        // Not among its settings.
        layerNormEpsilon: 1e-12,
        dropout: found.dropout,
      }),
      weights: (reader, config) => {
        const { modelDim, mlpDim, numLayers, vocabSize, maxSeqLen } = config;
        return {
          ...maskedHead(reader, HEAD, config),
          "tokenEmbedding.weight": reader.take("embeddings.word_embeddings.weight", [vocabSize, modelDim]),
          "positionEmbedding.weight": reader.take("embeddings.position_embeddings.weight", [maxSeqLen, modelDim]),
          ...norm(reader, "embeddings.LayerNorm", "embeddingNorm", modelDim),
          ...eachLayer(numLayers, (layer) => {
            const from = `transformer.layer.${layer}`;
            const to = `blocks.${layer}`;
            return {
              ...linear(reader, `${from}.attention.q_lin`, `${to}.attention.query`, modelDim, modelDim),
              ...linear(reader, `${from}.attention.k_lin`, `${to}.attention.key`, modelDim, modelDim),
              ...linear(reader, `${from}.attention.v_lin`, `${to}.attention.value`, modelDim, modelDim),
              ...linear(reader, `${from}.attention.out_lin`, `${to}.attention.output`, modelDim, modelDim),
              ...norm(reader, `${from}.sa_layer_norm`, `${to}.attentionNorm`, modelDim),
              ...linear(reader, `${from}.ffn.lin1`, `${to}.mlp.up`, mlpDim, modelDim),
              ...linear(reader, `${from}.ffn.lin2`, `${to}.mlp.down`, modelDim, mlpDim),
              ...norm(reader, `${from}.output_layer_norm`, `${to}.mlpNorm`, modelDim),
            };
          }),
        };
      },
    };
  },
};
