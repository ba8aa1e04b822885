/** The model as a graph: configuration, parameters, forward pass. */
export { modelConfig } from "./config.ts";
export type { MechanismChoices, ModelConfig, ModelOptions } from "./config.ts";
export { modelPresets } from "./presets.ts";
export type { ModelPresetName } from "./presets.ts";
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
export { withFreshHead } from "./fresh-head.ts";
export type { FreshHeadOptions, HeadedModel } from "./fresh-head.ts";
export { ConfigError } from "../graph/errors.ts";
export { hiddenStates, logits } from "./performer.ts";
export type { ForwardOptions, ModelTensors } from "./performer.ts";
export { logitsOfPart } from "./parts.ts";
export { sequenceToSequenceLogits } from "./encoder-decoder.ts";
export { predictions } from "./predictions.ts";
export type { ModelInputs } from "./predictions.ts";
export type { Positions } from "./positions.ts";
export { checkTensors, checkVocabulary, tensorShapes } from "./tensors.ts";
