/**
 * performer-ts: Transformers whose attention costs linear time and memory, for Node and browsers.
 *
 * The names that most programs need. Everything else stands in the subpaths that package.json exports:
 * `performer-ts/attention`, `/ops`, `/data`, `/training`, `/inference`, `/convert`, `/models`, …
 */
export { attention, attentionGradients, diagnose, favorAttention } from "./attention/index.ts";
export type { ArrayAttentionOptions, MechanismChoice } from "./attention/index.ts";
export { gradients } from "./autodiff/index.ts";
export { convertPretrained, distillModel, embedTexts, exportOnnx, loadPretrained } from "./convert/index.ts";
export { byteVocabulary, DataError, loadLabelled, proteinVocabulary } from "./data/index.ts";
export { GraphError } from "./graph/index.ts";
export { ConfigError } from "./model/index.ts";
export { PerformerForCausalLM } from "./models/performer-for-causal-lm.ts";
export { PerformerForMaskedLM } from "./models/performer-for-masked-lm.ts";
export { PerformerForSeq2SeqLM } from "./models/performer-for-seq2seq-lm.ts";
export { PerformerForSequenceClassification } from "./models/performer-for-sequence-classification.ts";
export { PerformerForTokenClassification } from "./models/performer-for-token-classification.ts";
export type { CreateOptions, FitOptions, GenerationOptions, LoadOptions, StreamOptions } from "./models/index.ts";
export { compile, createBackend, RuntimeError } from "./runtime/index.ts";
export { StorageError } from "./storage/errors.ts";
export { TrainingError } from "./training/index.ts";
