/** Learning rate by step. */
import type { TrainingConfig } from "./config.ts";

/**
 * Linear warm-up, then constant or cosine.
 *
 * @param step counted from 0: the rate of the update that is about to be made
 */
export function learningRateAt(step: number, config: TrainingConfig): number {
  const { learningRate, warmupSteps, steps, schedule, finalLearningRateShare } = config;
  if (step < warmupSteps) return (learningRate * (step + 1)) / warmupSteps;
  if (schedule === "constant") return learningRate;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, steps - warmupSteps));
  const cosine = (1 + Math.cos(Math.PI * progress)) / 2;
  return learningRate * (finalLearningRateShare + (1 - finalLearningRateShare) * cosine);
}
