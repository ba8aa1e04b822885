/**
 * BERT and RoBERTa: encoders with norms behind the branches and a norm of the embeddings.
 *
 * Every token is of type 0, whose vector is added to all places of the table of positions. RoBERTa's positions begin
 * behind the number of its padding token, so the rows in front of them are left out.
 *
 * Source: Devlin et al., arXiv:1810.04805; Liu et al., arXiv:1907.11692.
 */
import * as z from "zod";
import { ndarray, toFloat32, type NdArray } from "../../graph/ndarray.ts";
import type { UnusedKeys, WeightReader } from "../weight-reader.ts";
import { parseForeign } from "../json-files.ts";
import type { PretrainedArchitecture, PretrainedPlan, Weights } from "./architecture.ts";
import {
  activation,
  eachLayer,
  encoderKeys,
  linear,
  maskedHead,
  maskedHeadOptions,
  norm,
  size,
  type MaskedHead,
} from "./common.ts";

const schema = z.looseObject({
  ...encoderKeys,
  type_vocab_size: size.default(2),
  hidden_act: activation.default("gelu"),
  position_embedding_type: z.literal("absolute").default("absolute"),
  pad_token_id: z.int().min(0).nullish(),
});

const headOfBert: MaskedHead = {
  linear: "cls.predictions.transform.dense",
  norm: "cls.predictions.transform.LayerNorm",
  bias: "cls.predictions.bias",
  output: "cls.predictions.decoder",
};

/** The head of RoBERTa and ESM-2. */
export const headOfRoberta: MaskedHead = {
  linear: "lm_head.dense",
  norm: "lm_head.layer_norm",
  bias: "lm_head.bias",
  output: "lm_head.decoder",
};

/** Heads of tasks, which are trained anew for another, and what a file holds twice. */
export const headsOfEncoders: readonly UnusedKeys[] = [
  { pattern: /^pooler\./, reason: "the pooler of the first token, which sentence vectors are not read from" },
  {
    pattern: /^(cls\.predictions|lm_head)\.decoder\.|^vocab_projector\.weight$/,
    reason: "the head's output once more",
  },
  { pattern: /^(cls\.predictions|lm_head|vocab_\w+)\./, reason: "a head of hidden tokens with another activation" },
  { pattern: /^cls\.seq_relationship\./, reason: "the head that tells whether a sentence follows another" },
  { pattern: /^(classifier|pre_classifier|qa_outputs|score)\./, reason: "the head of a task" },
  { pattern: /(^|\.)position_ids$/, reason: "the numbers 0, 1, 2, …" },
];

/** @param firstPosition the row of the table of positions that the first token reads */
function plan(
  config: Readonly<Record<string, unknown>>,
  who: string,
  head: MaskedHead,
  firstPosition: (pad: number | null | undefined) => number,
): PretrainedPlan {
  const found = parseForeign(who, schema, config);
  const first = firstPosition(found.pad_token_id);
  const rows = found.max_position_embeddings;
  return {
    vocabSize: found.vocab_size,
    options: (reader) => ({
      architecture: "encoder",
      ...maskedHeadOptions(reader, head, { isTied: found.tie_word_embeddings, activation: found.hidden_act }),
      modelDim: found.hidden_size,
      numLayers: found.num_hidden_layers,
      numHeads: found.num_attention_heads,
      mlpDim: found.intermediate_size,
      maxSeqLen: rows - first,
      positions: "learned",
      normPlacement: "post",
      embeddingNorm: true,
      activation: found.hidden_act,
      layerNormEpsilon: found.layer_norm_eps,
      dropout: found.hidden_dropout_prob,
    }),
    weights: (reader, config) => {
      const { modelDim, mlpDim, numLayers, vocabSize } = config;
      const table = reader.take("embeddings.position_embeddings.weight", [rows, modelDim]);
      const types = reader.take("embeddings.token_type_embeddings.weight", [found.type_vocab_size, modelDim]);
      return {
        "tokenEmbedding.weight": reader.take("embeddings.word_embeddings.weight", [vocabSize, modelDim]),
        "positionEmbedding.weight": plusFirstRow(fromRow(table, first), types),
        ...norm(reader, "embeddings.LayerNorm", "embeddingNorm", modelDim),
        ...eachLayer(numLayers, (layer) => layerWeights(reader, layer, modelDim, mlpDim)),
        ...maskedHead(reader, head, config),
      };
    },
  };
}

function layerWeights(reader: WeightReader, layer: number, modelDim: number, mlpDim: number): Weights {
  const from = `encoder.layer.${layer}`;
  const to = `blocks.${layer}`;
  return {
    ...linear(reader, `${from}.attention.self.query`, `${to}.attention.query`, modelDim, modelDim),
    ...linear(reader, `${from}.attention.self.key`, `${to}.attention.key`, modelDim, modelDim),
    ...linear(reader, `${from}.attention.self.value`, `${to}.attention.value`, modelDim, modelDim),
    ...linear(reader, `${from}.attention.output.dense`, `${to}.attention.output`, modelDim, modelDim),
    ...norm(reader, `${from}.attention.output.LayerNorm`, `${to}.attentionNorm`, modelDim),
    ...linear(reader, `${from}.intermediate.dense`, `${to}.mlp.up`, mlpDim, modelDim),
    ...linear(reader, `${from}.output.dense`, `${to}.mlp.down`, modelDim, mlpDim),
    ...norm(reader, `${from}.output.LayerNorm`, `${to}.mlpNorm`, modelDim),
  };
}

/** The rows from `first` on. */
function fromRow(table: NdArray, first: number): NdArray {
  const [rows = 0, width = 0] = table.shape;
  return ndarray(toFloat32(table).slice(first * width), [rows - first, width]);
}

/** Every row of a table plus the first of another. */
function plusFirstRow(table: NdArray, { data: added }: NdArray): NdArray {
  const [, width = 1] = table.shape;
  const values = toFloat32(table).map((value, index) => value + Number(added[index % width]));
  return ndarray(values, table.shape);
}

export const bert: PretrainedArchitecture = {
  prefix: "bert.",
  reads: "text",
  unused: headsOfEncoders,
  plan: (config, who) => plan(config, who, headOfBert, () => 0),
};

export const roberta: PretrainedArchitecture = {
  prefix: "roberta.",
  reads: "text",
  unused: headsOfEncoders,
  plan: (config, who) => plan(config, who, headOfRoberta, (pad) => (pad ?? 1) + 1),
};
