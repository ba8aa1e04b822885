/** Attention: FAVOR+ on plain arrays, and the mechanisms for graphs of your own. */
export { favorAttention } from "./favor-attention.ts";
export type { AttentionArray, AttentionOutput, FavorAttentionOptions, TensorLike } from "./favor-attention.ts";
export { positiveFeatures, reluFeatures } from "./favor/feature-maps.ts";
export type { ExponentialKeys, FeatureMap, PlainKeys } from "./favor/feature-maps.ts";
export { defaultNumFeatures, favorMechanism } from "./favor/favor.ts";
export { formFor } from "./mechanism.ts";
export type {
  AttentionMechanism,
  AttentionOptions,
  AttentionState,
  ExecutionForm,
  ProjectionSizes,
  RecurrentForm,
} from "./mechanism.ts";
export { mechanisms } from "./mechanisms.ts";
export type { MechanismName } from "./mechanisms.ts";
