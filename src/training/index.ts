/** Training and evaluation: losses, AdamW, schedules, the loop. */
export type { BatchSource } from "./batch.ts";
export { trainingConfig } from "./config.ts";
export type { TrainingConfig, TrainingOptions } from "./config.ts";
export { createEvaluator } from "./evaluate.ts";
export type { EvaluationResult, Evaluator } from "./evaluate.ts";
export { meanLoss, tokenLosses } from "./loss.ts";
export type { TokenLosses } from "./loss.ts";
export { adamW, globalNorm, initialMoments } from "./optimizer.ts";
export type { AdamWSettings, Moments } from "./optimizer.ts";
export { learningRateAt } from "./schedule.ts";
export { initialState, train, TrainingError } from "./trainer.ts";
export type { TrainingOutcome, TrainingProgress, TrainingState, TrainOptions } from "./trainer.ts";
