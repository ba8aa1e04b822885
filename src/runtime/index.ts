/** Running graphs: compile a function of tensors, feed it arrays. */
export { feedsFor, RuntimeError } from "./backend.ts";
export type { Backend, BackendOptions, Device, Executable, Feeds, WeightOptions } from "./backend.ts";
export { compile } from "./compile.ts";
export { createBackend, defaultDevice } from "#engine";
export type { CompiledFunction, CompileOptions, InputSpec } from "./compile.ts";
export { weightDtype, withWeights } from "./weights.ts";
export type { WeightDtype } from "../onnx/weight-dtype.ts";
