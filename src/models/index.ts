/** Ready models: create or load, train, evaluate, generate, predict, save. */
export type { GenerationOptions, StoppingCriterion, StreamOptions, TokenStreamer } from "./generation.ts";
export { PerformerForCausalLM } from "./performer-for-causal-lm.ts";
export { PerformerForMaskedLM } from "./performer-for-masked-lm.ts";
export type { FilledPosition, FilledToken, FillMaskOptions } from "./performer-for-masked-lm.ts";
export { PerformerForSeq2SeqLM } from "./performer-for-seq2seq-lm.ts";
export type { GeneratedText, SequencePair, TargetGenerationOptions } from "./performer-for-seq2seq-lm.ts";
export { PerformerForSequenceClassification } from "./performer-for-sequence-classification.ts";
export type { LabelledExample, SequencePrediction } from "./performer-for-sequence-classification.ts";
export { PerformerForTokenClassification } from "./performer-for-token-classification.ts";
export type { TaggedExample } from "./performer-for-token-classification.ts";
export { PerformerModel } from "./performer-model.ts";
export type {
  BatchPlan,
  CreateOptions,
  FitOptions,
  LoadOptions,
  ModelClass,
  ModelFiles,
  ModelKind,
  ModelState,
  SequenceInput,
} from "./performer-model.ts";
