/** Statistics in float64: means and variances in two passes, correlation and R², quantiles, ranks, intervals. */
export { bootstrapInterval, meanInterval, withinStandardErrors } from "./intervals.ts";
export type { Interval, SampleSource } from "./intervals.ts";
export { createMoments, createMomentsTable, mean, populationVariance, standardError, variance } from "./moments.ts";
export type { Moments, MomentsTable } from "./moments.ts";
export { median, quantile, ranks, spearman } from "./order.ts";
export {
  meanSquaredError,
  meanSquaredErrorOf,
  mergePairMoments,
  NO_PAIRS,
  pairMoments,
  pearson,
  pearsonOf,
  rSquared,
  rSquaredOf,
  slope,
} from "./pairs.ts";
export type { PairMoments } from "./pairs.ts";
export { roundTo } from "./rounding.ts";
export { logSumExp, softmax } from "./softmax.ts";
