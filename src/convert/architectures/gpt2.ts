/**
 * GPT-2: a decoder with norms before the branches. Its matrices are stored `[in, out]`, and those of queries, keys and
 * values as one.
 *
 * Source: Radford et al., Language Models are Unsupervised Multitask Learners, 2019.
 */
import * as z from "zod";
import { ndarray, toFloat32, type NdArray } from "../../graph/ndarray.ts";
import { parseForeign } from "../json-files.ts";
import type { WeightReader } from "../weight-reader.ts";
import type { PretrainedArchitecture, Weights } from "./architecture.ts";
import { activation, eachLayer, norm, size } from "./common.ts";

const schema = z.looseObject({
  vocab_size: size,
  n_embd: size,
  n_layer: size,
  n_head: size,
  n_inner: size.nullish(),
  n_positions: size,
  activation_function: activation.default("gelu-tanh"),
  layer_norm_epsilon: z.number().positive().default(1e-5),
  resid_pdrop: z.number().min(0).lt(1).default(0.1),
  tie_word_embeddings: z.boolean().default(true),
  scale_attn_weights: z.literal(true).default(true),
  scale_attn_by_inverse_layer_idx: z.literal(false).default(false),
  add_cross_attention: z.literal(false).default(false),
});

const HEAD = "lm_head.weight";

export const gpt2: PretrainedArchitecture = {
  prefix: "transformer.",
  reads: "text",
  unused: [
    { pattern: /\.attn\.(masked_)?bias$/, reason: "the mask of attention" },
    { pattern: /^lm_head\.weight$/, reason: "the table of tokens once more" },
    { pattern: /^(score|classifier|multiple_choice_head)\./, reason: "the head of a task" },
  ],
  plan: (config, who) => {
    const found = parseForeign(who, schema, config);
    return {
      vocabSize: found.vocab_size,
      options: () => ({
        architecture: "decoder",
        modelDim: found.n_embd,
        numLayers: found.n_layer,
        numHeads: found.n_head,
        ...(typeof found.n_inner === "number" && { mlpDim: found.n_inner }),
        maxSeqLen: found.n_positions,
        positions: "learned",
        normPlacement: "pre",
        activation: found.activation_function,
        layerNormEpsilon: found.layer_norm_epsilon,
        dropout: found.resid_pdrop,
        tieEmbeddings: found.tie_word_embeddings,
      }),
      weights: (reader, { modelDim, mlpDim, numLayers, vocabSize, maxSeqLen, tieEmbeddings }) => ({
        "tokenEmbedding.weight": reader.take("wte.weight", [vocabSize, modelDim]),
        "positionEmbedding.weight": reader.take("wpe.weight", [maxSeqLen, modelDim]),
        ...(!tieEmbeddings && { "head.weight": reader.take(HEAD, [vocabSize, modelDim]) }),
        ...eachLayer(numLayers, (layer) => {
          const from = `h.${layer}`;
          const to = `blocks.${layer}`;
          const parts = [`${to}.attention.query`, `${to}.attention.key`, `${to}.attention.value`];
          return {
            ...norm(reader, `${from}.ln_1`, `${to}.attentionNorm`, modelDim),
            ...turned(reader, `${from}.attn.c_attn`, parts, modelDim, modelDim),
            ...turned(reader, `${from}.attn.c_proj`, [`${to}.attention.output`], modelDim, modelDim),
            ...norm(reader, `${from}.ln_2`, `${to}.mlpNorm`, modelDim),
            ...turned(reader, `${from}.mlp.c_fc`, [`${to}.mlp.up`], mlpDim, modelDim),
            ...turned(reader, `${from}.mlp.c_proj`, [`${to}.mlp.down`], modelDim, mlpDim),
          };
        }),
        ...norm(reader, "ln_f", "finalNorm", modelDim),
      }),
    };
  },
};

/** Layers that are stored side by side as one, `[in, layers · out]`, each as `[out, in]` with its bias. */
function turned(reader: WeightReader, from: string, to: readonly string[], out: number, into: number): Weights {
  const together = to.length * out;
  const weight = toFloat32(reader.take(`${from}.weight`, [into, together]));
  const bias = toFloat32(reader.take(`${from}.bias`, [together]));
  return Object.fromEntries(
    to.flatMap((name, part): [string, NdArray][] => {
      const columns = new Float32Array(out * into);
      for (let row = 0; row < out; row++) {
        for (let column = 0; column < into; column++) {
          columns[row * into + column] = weight[column * together + part * out + row] ?? 0;
        }
      }
      return [
        [`${name}.weight`, ndarray(columns, [out, into])],
        [`${name}.bias`, ndarray(bias.slice(part * out, (part + 1) * out), [out])],
      ];
    }),
  );
}
