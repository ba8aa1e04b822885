/** Using a trained model: generation with a state of fixed size. */
export { createBatchDecoder } from "./batch-decoder.ts";
export type { BatchDecoder, BatchDecoderOptions, SequenceSnapshot } from "./batch-decoder.ts";
export type { SequenceArrays } from "./slot-engine.ts";
export { createDecoder } from "./decoder.ts";
export type { Decoder } from "./decoder.ts";
export { generate } from "./generate.ts";
export type { GeneratedSequence, GenerateOptions } from "./generate.ts";
export { sample } from "./sampling.ts";
export type { SamplingOptions } from "./sampling.ts";
export { diagnoseModel } from "./observe-diagnosis.ts";
export type { DiagnoseModelOptions, LayerDiagnosis, ModelDiagnosis } from "./observe-diagnosis.ts";
export { observeAttention } from "./observe.ts";
export type { ObservedAttention, ObserveOptions } from "./observe.ts";
