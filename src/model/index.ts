/** The model as a graph: configuration, parameters, forward pass. */
export { modelConfig } from "./config.ts";
export type { ModelConfig, ModelOptions } from "./config.ts";
export {
  countParameters,
  drawProjections,
  initialParameters,
  parameterShapes,
  projectionName,
  projectionShapes,
  toTree,
} from "./parameters.ts";
export type { Block, Linear, Named, Norm, Parameters } from "./parameters.ts";
export { ConfigError } from "../attention/parse-options.ts";
export { logits, logitsOfPart } from "./performer.ts";
export type { ForwardOptions, ModelTensors, Positions } from "./performer.ts";
export { checkTensors, checkVocabulary, tensorShapes } from "./tensors.ts";
