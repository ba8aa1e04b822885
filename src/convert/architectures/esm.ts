/**
 * ESM-2: an encoder of proteins with rotary positions and norms before the branches.
 *
 * Trained with a share of 0.15 · 0.8 of its tokens hidden, whose embeddings were zero, it scales the others by how many
 * are hidden.
 *
 * Source: Lin et al., doi:10.1126/science.ade2574.
 */
import * as z from "zod";
import { parseForeign } from "../json-files.ts";
import type { PretrainedArchitecture } from "./architecture.ts";
import { headOfRoberta, headsOfEncoders } from "./bert.ts";
import { eachLayer, encoderKeys, linear, maskedHead, maskedHeadOptions, norm } from "./common.ts";

/** The share of tokens that were hidden in training. */
const HIDDEN_SHARE = 0.15 * 0.8;

const schema = z.looseObject({
  ...encoderKeys,
  position_embedding_type: z.literal("rotary"),
  // The angles of our rotary positions.
  rope_theta: z.literal(10000).default(10000),
  token_dropout: z.boolean().default(false),
  emb_layer_norm_before: z.boolean().nullish(),
  is_folding_model: z.literal(false).default(false),
});

export const esm: PretrainedArchitecture = {
  prefix: "esm.",
  reads: "proteins",
  unused: [
    ...headsOfEncoders,
    { pattern: /^contact_head\./, reason: "the head that predicts contacts" },
    { pattern: /\.rotary_embeddings\.inv_freq$/, reason: "the frequencies of rotary positions, computed anew" },
    { pattern: /^embeddings\.position_embeddings\./, reason: "a table of positions that rotary ones do without" },
  ],
  plan: (config, who) => {
    const found = parseForeign(who, schema, config);
    const embeddingNorm = found.emb_layer_norm_before === true;
    return {
      vocabSize: found.vocab_size,
      options: (reader, { maskId }) => ({
        architecture: "encoder",
        ...maskedHeadOptions(reader, headOfRoberta, { isTied: found.tie_word_embeddings, activation: "gelu" }),
        ...(found.token_dropout && { tokenDropout: { maskId, share: HIDDEN_SHARE } }),
        modelDim: found.hidden_size,
        numLayers: found.num_hidden_layers,
        numHeads: found.num_attention_heads,
        mlpDim: found.intermediate_size,
        maxSeqLen: found.max_position_embeddings,
        positions: "rotary",
        normPlacement: "pre",
        embeddingNorm,
        activation: "gelu",
        layerNormEpsilon: found.layer_norm_eps,
        dropout: found.hidden_dropout_prob,
      }),
      weights: (reader, config) => {
        const { modelDim, mlpDim, numLayers, vocabSize } = config;
        return {
          "tokenEmbedding.weight": reader.take("embeddings.word_embeddings.weight", [vocabSize, modelDim]),
          ...(embeddingNorm && norm(reader, "embeddings.layer_norm", "embeddingNorm", modelDim)),
          ...eachLayer(numLayers, (layer) => {
            const from = `encoder.layer.${layer}`;
            const to = `blocks.${layer}`;
            return {
              ...norm(reader, `${from}.attention.LayerNorm`, `${to}.attentionNorm`, modelDim),
              ...linear(reader, `${from}.attention.self.query`, `${to}.attention.query`, modelDim, modelDim),
              ...linear(reader, `${from}.attention.self.key`, `${to}.attention.key`, modelDim, modelDim),
              ...linear(reader, `${from}.attention.self.value`, `${to}.attention.value`, modelDim, modelDim),
              ...linear(reader, `${from}.attention.output.dense`, `${to}.attention.output`, modelDim, modelDim),
              ...norm(reader, `${from}.LayerNorm`, `${to}.mlpNorm`, modelDim),
              ...linear(reader, `${from}.intermediate.dense`, `${to}.mlp.up`, mlpDim, modelDim),
              ...linear(reader, `${from}.output.dense`, `${to}.mlp.down`, modelDim, mlpDim),
            };
          }),
          ...norm(reader, "encoder.emb_layer_norm_after", "finalNorm", modelDim),
          ...maskedHead(reader, headOfRoberta, config),
        };
      },
    };
  },
};
