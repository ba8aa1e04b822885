/**
 * performer-ts/tasks: what each verb of the command does, as functions `(input, { signal, onEvent }) => result`.
 *
 * A task prints nothing and never ends the process. It reports progress as typed events, takes an AbortSignal, and
 * returns what the command prints with `--json`.
 *
 * @example
 * const run = await prepareNewRun("demo", { out: "runs/demo", set: ["training.steps=100"] }); const result = await
 * runTraining(run, { signal, onEvent: (event) => event.type === "step" && console.log(event.lossNats) }); const {
 * figures } = await evaluateRun(result.run, { split: "ood", dtype: "float32" });
 */
export { ignoreEvent, untilAborted } from "../runs/events.ts";
export type {
  CheckpointEvent,
  EvaluationEvent,
  NoticeEvent,
  OnEvent,
  PhaseEvent,
  ProgressEndEvent,
  ProgressEvent,
  RunEvent,
  StepEvent,
  TaskContext,
  TaskEvent,
} from "../runs/events.ts";
export type { EngineOptions } from "../runs/engine-options.ts";
export { UsageError } from "../runs/usage.ts";
export { prepareFinetuning } from "../runs/finetune/prepare.ts";
export type { FinetuneOptions } from "../runs/finetune/settings.ts";
export { prepareNewRun } from "../runs/new-run.ts";
export type { NewRunOptions } from "../runs/new-run.ts";
export { prepareResumedRun } from "../runs/resume.ts";
export type { ResumeOptions } from "../runs/resume.ts";
export type { TrainingRun } from "../runs/training-run.ts";
export { explainAttention } from "./attention/explain.ts";
export type { AttentionOptions } from "./attention/options.ts";
export { convertToLinear } from "./convert/convert.ts";
export type { Converted, ConvertResult, ConvertTaskOptions } from "./convert/convert.ts";
export { diagnoseRun } from "./diagnose/diagnose.ts";
export type { DiagnoseResult, DiagnoseTaskOptions } from "./diagnose/diagnose.ts";
export { distillStudent } from "./distill/distill.ts";
export type { DistillResult, DistillTaskOptions } from "./distill/distill.ts";
export { embedAsJson, embedIntoFile } from "./embed/embed.ts";
export type { Embedded, EmbedOptions as EmbedTaskOptions, EmbedResult } from "./embed/embed.ts";
export { evaluateRun } from "./evaluate/evaluate.ts";
export type { Evaluation, EvaluateOptions } from "./evaluate/evaluate.ts";
export { exportToOnnx } from "./export/export.ts";
export type { Exported, ExportTaskOptions } from "./export/export.ts";
export { generateSequences } from "./generate/generate.ts";
export type { Generated, GenerateOptions as GenerateTaskOptions, GenerateResult } from "./generate/generate.ts";
export { checkClaim, makeExperiment } from "./lab/run.ts";
export type { CheckedClaim, LabRunOptions, MadeExperiment } from "./lab/run.ts";
export { openPredictions, predictAll } from "./predict/predict.ts";
export type { Prediction, PredictionStream, PredictOptions, PredictResult } from "./predict/predict.ts";
export { pushToHub } from "./push/push.ts";
export type { PushResult, PushTaskOptions } from "./push/push.ts";
export { openScores, scoreAllMutants } from "./score/score.ts";
export type {
  MutantOptions,
  MutantResult,
  ScoredMutants,
  ScoreOptions as ScoreTaskOptions,
  ScoreStream,
} from "./score/score.ts";
export { runTraining } from "./train/train.ts";
export type { TrainingResult } from "./train/train.ts";
