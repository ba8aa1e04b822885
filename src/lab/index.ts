/** What claims of the laboratory share: the form of a claim, its figure, and the statistics that decide it. */
export { defineClaim, runClaim } from "./claim.ts";
export type { Claim, ClaimOptions, ClaimOutcome, ClaimProgress, ClaimResult, ClaimRun } from "./claim.ts";
export { defineExperiment } from "./experiment.ts";
export type {
  Experiment,
  ExperimentOption,
  ExperimentOutcome,
  ExperimentRun,
  GivenOptions,
  ResultTable,
} from "./experiment.ts";
export type { Figure } from "./figure.ts";
export type { JsonRecord } from "./json.ts";
export { letOthersRun } from "./let-others-run.ts";
export {
  bootstrapInterval,
  createMoments,
  mean,
  meanInterval,
  median,
  quantile,
  roundTo,
  slope,
  standardError,
  variance,
  withinStandardErrors,
} from "../statistics/index.ts";
export type { Interval, Moments } from "../statistics/index.ts";
export type { JsonValue } from "../storage/json.ts";
