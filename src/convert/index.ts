/** Weights in: pretrained Transformers of Hugging Face's library. */
export { embeddingOf, embedTexts } from "./embed-texts.ts";
export type { EmbedTextsOptions } from "./embed-texts.ts";
export { openSource } from "./open-source.ts";
export type { OpenSourceOptions } from "./open-source.ts";
export { isPretrained, loadPretrained } from "./pretrained.ts";
export type { PretrainedModel } from "./pretrained.ts";
export { pretrainedModelTypes } from "./architectures/index.ts";
export type { PretrainedModelType } from "./architectures/index.ts";
export type { EncodedText } from "./tokens.ts";
export type { UnusedTensor } from "./weight-reader.ts";
export { memorySource } from "../storage/file-source.ts";
export type { FileSource } from "../storage/file-source.ts";
