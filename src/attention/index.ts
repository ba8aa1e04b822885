/** Attention: FAVOR+ on plain arrays, and the mechanisms for graphs of your own. */
export { attention, favorAttention } from "./favor-attention.ts";
export { attentionGradients, favorAttentionGradients } from "./attention-gradients.ts";
export type { AttentionGradients, AttentionGradientsOptions } from "./attention-gradients.ts";
export { measureStatistics } from "./measure-statistics.ts";
export type { MeasureStatisticsOptions } from "./measure-statistics.ts";
export type {
  ArrayAttentionOptions,
  AttentionArray,
  AttentionArrays,
  AttentionOutput,
  FrozenStatistics,
  KeyMask,
  OwnArray,
  TensorLike,
} from "./favor-attention.ts";
export { featureMaps } from "./favor/maps/index.ts";
export type { FeatureMapName } from "./favor/maps/index.ts";
export type {
  ExponentialFeatures,
  FeatureMap,
  Features,
  MapInputs,
  PlainFeatures,
  ScaledFeatures,
  SequenceMasks,
  SequenceStatistics,
  Statistics,
} from "./feature-map.ts";
export { arcCosineFeatures, generalizedFeatures, reluFeatures } from "./favor/maps/generalized.ts";
export type { GeneralizedOptions } from "./favor/maps/generalized.ts";
export { rescaled } from "./favor/maps/rescaled.ts";
export { favorMechanism } from "./favor/favor.ts";
export type { FavorName } from "./favor/favor.ts";
export { defaultNumFeatures, drawProjection, projectionNames } from "./favor/projections.ts";
export type { ProjectionChoice, ProjectionSizes } from "./mechanism.ts";
export { formFor } from "./mechanism.ts";
export type {
  AttentionMechanism,
  AttentionOptions,
  AttentionState,
  ExecutionForm,
  RecurrentForm,
} from "./mechanism.ts";
export { createMechanism } from "./choice.ts";
export { parseMechanism, splitMechanisms } from "./choice-text.ts";
export type { MechanismChoice, MechanismWithOptions } from "./choice.ts";
export { mechanisms } from "./mechanisms.ts";
export type { MechanismName } from "./mechanisms.ts";
export { mixedHeads } from "./mixed-heads.ts";
export type { HeadsPart } from "./mixed-heads.ts";
export { attentionMatrix } from "./attention-matrix.ts";
export type { AttentionMatrix } from "./attention-matrix.ts";
export { diagnose } from "./diagnose/diagnose.ts";
export type { Diagnosis, HeadDiagnosis, MeasuredCandidate } from "./diagnose/diagnose.ts";
export type { DiagnoseOptions, DiagnosisCandidate } from "./diagnose/options.ts";
export type { VarianceSummary } from "./diagnose/pairs.ts";
export { predictedRelativeVariance } from "./diagnose/predicted-variance.ts";
export type { KernelPair } from "./diagnose/predicted-variance.ts";
