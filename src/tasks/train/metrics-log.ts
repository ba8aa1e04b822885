/** What a run writes to metrics.jsonl while it trains, and reports as events. */

import { appendMetrics } from "../../storage/metrics.ts";
import type { RunFolder } from "../../storage/run-folder.ts";
import type { EvaluationResult } from "../../training/evaluate.ts";
import type { TrainingConfig } from "../../training/config.ts";
import type { TrainingProgress } from "../../training/trainer.ts";
import type { OnEvent } from "../../runs/events.ts";

export interface MetricsLog {
  readonly onStep: (progress: TrainingProgress) => Promise<void>;
  readonly onEvaluation: (step: number, result: EvaluationResult) => Promise<void>;
}

/**
 * Every `logInterval` steps one record of training, after every evaluation one of that; the first and the last step
 * too. Every step and every evaluation is an event.
 *
 * @param unit what one prediction is of
 * @returns functions for `train`; both reject with a StorageError when the disk is full
 */
export function createMetricsLog(
  folder: RunFolder,
  training: TrainingConfig,
  onEvent: OnEvent,
  unit = "tokens",
): MetricsLog {
  return {
    onStep: async (progress) => {
      onEvent({ type: "step", unit, ...progress });
      const { step, totalSteps, lossNats, learningRate, gradientNorm, tokens, elapsedSeconds } = progress;
      if (step !== 1 && step !== totalSteps && step % training.logInterval !== 0) return;
      await appendMetrics(folder, {
        step,
        trainLossNats: lossNats,
        learningRate,
        gradientNorm,
        tokens,
        elapsedSeconds,
      });
    },
    onEvaluation: async (step, result) => {
      onEvent({ type: "evaluation", step, result });
      const { lossNats, accuracy, perplexity, regression } = result;
      await appendMetrics(
        folder,
        regression === undefined
          ? { step, validLossNats: lossNats, validAccuracy: accuracy, validPerplexity: perplexity }
          : { step, validMeanSquaredError: regression.meanSquaredError, validRSquared: regression.rSquared },
      );
    },
  };
}
