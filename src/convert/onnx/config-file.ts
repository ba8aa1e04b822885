/** config.json of an exported model: what transformers.js reads of it, and what this package knows. */
import type { ExportableModel } from "./exportable-model.ts";
import type { EncoderOutput } from "./encoder-graph.ts";

/** Classes of Hugging Face's library by the head; of states the body alone. */
const bertClasses = {
  "language-modeling": "BertForMaskedLM",
  "sequence-classification": "BertForSequenceClassification",
  regression: "BertForSequenceClassification",
  "token-classification": "BertForTokenClassification",
  pointer: "BertModel",
  none: "BertModel",
} as const;

/**
 * An encoder is called BERT, which is what programs that run any encoder take it for; a decoder is called by our name,
 * as its states are ours.
 *
 * @param about of the file, kept under `performer`
 */
export function exportedConfig(
  model: ExportableModel,
  output: EncoderOutput,
  longest: number,
  about: object,
): Readonly<Record<string, unknown>> {
  const { config, vocabulary, pooling, normalize, classNames = [] } = model;
  const isDecoder = config.architecture === "decoder";
  const labels =
    classNames.length > 0 ? classNames : Array.from({ length: config.numLabels ?? 0 }, (_, id) => `LABEL_${id}`);
  return {
    model_type: isDecoder ? "performer" : "bert",
    architectures: [isDecoder ? "PerformerForCausalLM" : output === "states" ? "BertModel" : bertClasses[config.head]],
    vocab_size: config.vocabSize,
    hidden_size: config.modelDim,
    num_hidden_layers: config.numLayers,
    num_attention_heads: config.numHeads,
    intermediate_size: config.mlpDim,
    max_position_embeddings: longest,
    pad_token_id: config.padId,
    bos_token_id: vocabulary.bosId,
    eos_token_id: vocabulary.eosId,
    ...(output === "predictions" &&
      labels.length > 0 && {
        id2label: Object.fromEntries(labels.entries()),
        label2id: Object.fromEntries(labels.map((label, id) => [label, id])),
      }),
    ...(config.head === "regression" && { problem_type: "regression" }),
    performer: {
      ...about,
      model: config,
      ...(output === "states" && pooling !== undefined && { pooling, normalize: normalize === true }),
    },
  };
}
