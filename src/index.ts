/** performer-ts: Transformers whose attention costs linear time and memory, for Node and browsers. */
export * from "./attention/index.ts";
export * from "./autodiff/index.ts";
export * from "./data/index.ts";
export * from "./graph/index.ts";
export * from "./inference/index.ts";
export * from "./model/index.ts";
export * from "./runtime/index.ts";
export * from "./training/index.ts";
export { PerformerForCausalLM } from "./performer-for-causal-lm.ts";
export type { CreateOptions, FitOptions, GenerationOptions, LoadOptions } from "./performer-for-causal-lm.ts";
export { createBackend, DEFAULT_DEVICE } from "#engine";
