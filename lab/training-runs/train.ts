/** A training job, carried out in this process. */

import { createBackend } from "performer-ts";
import { median } from "performer-ts/lab";
import { countParameters, modelConfig } from "performer-ts/model";
import {
  createEvaluator,
  train,
  trainingConfig,
  TrainingError,
  type EvaluationResult,
  type TrainingProgress,
} from "performer-ts/training";
import type { CurvePoint, TrainingJob, TrainingJobResult } from "./job.ts";
import type { SplitResult } from "./subject.ts";
import { loadSubject } from "./subjects.ts";

/** @param onStep told each step that is done */
export async function trainJob(job: TrainingJob, onStep: (step: number) => void): Promise<TrainingJobResult> {
  const training = trainingConfig({ ...job.training });
  const subject = await loadSubject(job.subject, training);
  const config = modelConfig({ ...subject.model, ...job.model });
  const { steps, seed } = training;
  const evaluations = (job.evaluations ?? 0) + 1;
  const backend = createBackend();
  const curve: CurvePoint[] = [];
  const times: number[] = [];
  let failedAt: number | null = null;
  let before: TrainingProgress | undefined;
  let test: SplitResult | null = null;
  let ood: SplitResult | null = null;
  try {
    const { state } = await train({
      config,
      training: { ...training, evalInterval: Math.max(1, Math.ceil(steps / evaluations)), checkpointInterval: steps },
      backend,
      batches: subject.batches(seed),
      validation: subject.valid,
      onStep: (progress) => {
        times.push(1000 * (progress.elapsedSeconds - (before?.elapsedSeconds ?? 0)));
        before = progress;
        onStep(progress.step);
      },
      onEvaluation: (step, result) => {
        curve.push({ step, seconds: before?.elapsedSeconds ?? 0, ...splitOf(result) });
      },
    });
    await using evaluator = createEvaluator(config, backend);
    test = splitOf(await evaluator.evaluate(state.model, subject.test));
    if (subject.ood !== undefined) ood = splitOf(await evaluator.evaluate(state.model, subject.ood));
  } catch (error) {
    if (!(error instanceof TrainingError)) throw error;
    failedAt = times.length + 1;
  }
  const last = curve.at(-1);
  return {
    numParameters: countParameters(config),
    steps,
    tokensPerStep: (before?.tokens ?? 0) / Math.max(1, times.length),
    stepMs: median(times.length > 0 ? times : [0]),
    // In kibibytes. The parent, whose own peak a child's begins with, holds no engine and is small.
    peakMemoryBytes: 1024 * process.resourceUsage().maxRSS,
    curve,
    valid: failedAt === null && last !== undefined ? { lossNats: last.lossNats, accuracy: last.accuracy } : null,
    test,
    ood,
    unigram: subject.unigram ?? null,
    failedAt,
  };
}

function splitOf({ lossNats, accuracy }: EvaluationResult): SplitResult {
  return { lossNats, accuracy };
}
