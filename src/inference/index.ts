/** Using a trained model: generation with a state of fixed size. */
export { createDecoder } from "./decoder.ts";
export type { Decoder } from "./decoder.ts";
export { generate } from "./generate.ts";
export type { GeneratedSequence, GenerateOptions } from "./generate.ts";
export { sample } from "./sampling.ts";
export type { SamplingOptions } from "./sampling.ts";
