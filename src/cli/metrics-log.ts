// What a run writes to metrics.jsonl while it trains, and shows on standard error.

import { appendMetrics } from "../storage/metrics.ts";
import type { RunFolder } from "../storage/run-folder.ts";
import type { EvaluationResult } from "../training/evaluate.ts";
import type { TrainingConfig } from "../training/config.ts";
import type { TrainingProgress } from "../training/trainer.ts";
import { formatFixed, formatLarge, formatPercent } from "./output/numbers.ts";
import type { Progress } from "./output/progress.ts";

/** Weight of the newest step in what is shown: single batches differ too much to be read. */
const SHOWN_SHARE = 0.1;

export interface MetricsLog {
  readonly onStep: (progress: TrainingProgress) => Promise<void>;
  readonly onEvaluation: (step: number, result: EvaluationResult) => Promise<void>;
}

/**
 * Every `logInterval` steps one record of training, after every evaluation one of that; the first and the last step too.
 *
 * @param counted what one prediction is of
 * @returns functions for `train`; both reject with a StorageError when the disk is full
 */
export function createMetricsLog(
  folder: RunFolder,
  training: TrainingConfig,
  progress: Progress,
  counted = "tokens",
): MetricsLog {
  let shown: { readonly lossNats: number; readonly tokensPerSecond: number } | undefined;
  return {
    onStep: async ({
      step,
      totalSteps,
      lossNats,
      learningRate,
      gradientNorm,
      tokens,
      tokensPerSecond,
      elapsedSeconds,
    }) => {
      shown = {
        lossNats: mix(shown?.lossNats, lossNats),
        tokensPerSecond: mix(shown?.tokensPerSecond, tokensPerSecond),
      };
      progress.update(step, {
        loss: formatFixed(shown.lossNats, 3),
        [`${counted}/s`]: formatLarge(Math.round(shown.tokensPerSecond)),
      });
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
    onEvaluation: async (step, { lossNats, accuracy, perplexity, regression }) => {
      if (regression !== undefined) {
        const { meanSquaredError, rSquared } = regression;
        progress.log(
          `step ${step}: validation squared error ${formatFixed(meanSquaredError, 4)}, R² ${formatFixed(rSquared, 3)}`,
        );
        await appendMetrics(folder, { step, validMeanSquaredError: meanSquaredError, validRSquared: rSquared });
        return;
      }
      progress.log(
        `step ${step}: validation loss ${formatFixed(lossNats, 3)}, perplexity ${formatFixed(perplexity, 2)}, ` +
          `accuracy ${formatPercent(accuracy)}`,
      );
      await appendMetrics(folder, {
        step,
        validLossNats: lossNats,
        validAccuracy: accuracy,
        validPerplexity: perplexity,
      });
    },
  };
}

function mix(before: number | undefined, now: number): number {
  return before === undefined ? now : before + SHOWN_SHARE * (now - before);
}
