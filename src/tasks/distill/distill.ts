/** A converted model learns to do what its original does, measured on texts that it has not seen. */

import { problem } from "../../graph/errors.ts";
import { relative } from "node:path";

import {
  comparePairVectors,
  convertedFiles,
  distillModel,
  embedPairs,
  type DistillOutcome,
  type DistillTexts,
  type PairVectors,
  type PretrainedModel,
} from "../../convert/index.ts";
import type { EngineOptions } from "../../runs/engine-options.ts";
import {
  ignoreEvent,
  notice,
  reportProgress,
  untilAborted,
  type OnEvent,
  type ProgressReport,
  type TaskContext,
} from "../../runs/events.ts";
import { asUsage, UsageError } from "../../runs/usage.ts";
import type { Backend } from "../../runtime/index.ts";
import { nextFreePath, requireNewFolder, writeNewFolder } from "../../storage/new-folder.ts";
import { formatCount, formatFixed } from "../../text/numbers.ts";
import type { DistilledPart } from "../../training/distill.ts";
import {
  openDistillModel,
  readDistillTexts,
  requireSameTokens,
  type DistillModel,
  type TextFiles,
} from "./subjects.ts";

export interface DistillTaskOptions extends EngineOptions, TextFiles {
  /** What the student was converted from: a folder, or a name on the hub. */
  readonly teacher: string;
  /** A new or an empty folder. */
  readonly out: string;
  /** Optimizer steps on the whole model. */
  readonly steps: number;
  /** Steps before these in which every layer learns by itself. */
  readonly layerSteps: number;
  /** Which weights are trained. Default: all. */
  readonly train?: DistilledPart;
  /** The peak learning rate. */
  readonly learningRate?: number;
  /** Tokens of a batch. */
  readonly batch?: number;
  /** The longest sequence, in tokens. */
  readonly maxLength?: number;
  /** Evaluates every so many steps. */
  readonly evalInterval?: number;
  /** Ends training after so many evaluations without improvement. Default 0: never. */
  readonly patience?: number;
  /** Same seed, same result. Default 0. */
  readonly seed: number;
  /** Processor time that has been used so far, in seconds. Default: it is not measured. */
  readonly cpuSeconds?: () => number;
}

type PairComparison = ReturnType<typeof comparePairVectors>;

export interface DistillResult extends Omit<DistillOutcome, "tensors" | "before" | "after"> {
  readonly out: string;
  readonly student: string;
  readonly teacher: string;
  /** The time of training alone. */
  readonly elapsedSeconds: number;
  readonly cpuSeconds?: number;
  /** Distances to the teacher on the texts that choose the weights. */
  readonly heldOut: { readonly count: number; readonly before: number; readonly after: number };
  /** Distances on the test texts, which nothing was chosen by; `after` is null where training was interrupted. */
  readonly test: {
    readonly before: PairComparison;
    readonly after: PairComparison | null;
    readonly teacher: Pick<PairComparison, "retrieval">;
  };
}

/**
 * @param folder the student: a converted model's
 * @param context an aborted signal ends the task, but in the phase "learn", which the step in progress then ends: the
 *   best weights so far are written, and the result says `interrupted`
 * @throws UsageError for models that do not belong together; ConfigError for settings; StorageError for folders
 */
export async function distillStudent(
  folder: string,
  options: DistillTaskOptions,
  context: TaskContext = {},
): Promise<DistillResult> {
  const { signal, onEvent = ignoreEvent } = context;
  const told = untilAborted(signal, onEvent);
  const { steps, layerSteps } = options;
  if (steps + layerSteps === 0) {
    throw new UsageError(
      problem`--steps and --layer-steps must not both be 0, for then nothing is learnt; leave --steps out`,
    );
  }
  await requireNewFolder(options.out);
  const student = await openDistillModel(folder, "student", options, told);
  const teacher = await openDistillModel(options.teacher, "teacher", options, told);
  requireSameTokens(student, teacher);
  const texts = await asUsage(() => readDistillTexts(options));
  const { backend } = student;
  notice(
    told,
    `texts: ${formatCount(texts.learn.length)} to learn from, ${formatCount(texts.heldOut.length)} held out, ${formatCount(texts.pairs.length)} pairs to test on`,
  );
  const vectorsOf = (who: string, model: PretrainedModel) => embedWithProgress(who, model, texts.pairs, backend, told);
  const taught = await vectorsOf("teacher", teacher.model);
  const before = comparePairVectors(await vectorsOf("before", student.model), taught);
  notice(told, `before: cosine ${formatFixed(before.meanCosine, 3)} with the teacher`);
  onEvent({ type: "phase", name: "learn" });
  const records: object[] = [];
  const [began, cpuBefore] = [performance.now(), options.cpuSeconds?.() ?? 0];
  const outcome = await learn(student, teacher, texts, options, records, context);
  const elapsedSeconds = (performance.now() - began) / 1000;
  const times = { elapsedSeconds, ...(options.cpuSeconds && { cpuSeconds: options.cpuSeconds() - cpuBefore }) };
  const model = { ...student.model, tensors: outcome.tensors };
  const files = await convertedFiles(model, student.source);
  const metrics = records.map((record) => `${JSON.stringify(record)}\n`).join("");
  // Taken meanwhile, it stays as it is; what took so long to train must not be lost for that.
  const out = await nextFreePath(options.out);
  if (relative(options.out, out) !== "") {
    notice(onEvent, `${options.out} has been taken since the beginning; writing ${out}`);
  }
  await writeNewFolder(out, { ...files, "metrics.jsonl": metrics });
  onEvent({ type: "phase", name: "measure" });
  // Who interrupts does not want to wait for measurements.
  const after = outcome.interrupted ? null : comparePairVectors(await vectorsOf("after", model), taught);
  const { retrieval } = comparePairVectors(taught, taught);
  const { tensors: _, before: first, after: best, ...made } = outcome;
  return {
    out,
    student: student.name,
    teacher: teacher.name,
    ...made,
    ...times,
    heldOut: { count: texts.heldOut.length, before: first, after: best },
    test: { before, after, teacher: { retrieval } },
  };
}

async function embedWithProgress(
  who: string,
  model: PretrainedModel,
  pairs: DistillTexts["pairs"],
  backend: Backend,
  onEvent: OnEvent,
): Promise<PairVectors> {
  const progress = reportProgress(onEvent, { label: `embed, ${who}`, unit: "texts", total: 2 * pairs.length });
  try {
    return await embedPairs(model, pairs, backend, (done) => progress.update(done));
  } finally {
    progress.stop();
  }
}

async function learn(
  { model: student, backend }: DistillModel,
  { model: teacher }: DistillModel,
  texts: DistillTexts,
  { learningRate, batch, maxLength, evalInterval, patience, seed, steps, layerSteps, train }: DistillTaskOptions,
  records: object[],
  { signal, onEvent = ignoreEvent }: TaskContext,
): Promise<DistillOutcome> {
  const idsOf = (all: readonly string[]) => all.map((text) => teacher.encode(text).tokenIds);
  let shown: { readonly stage: string; readonly progress: ProgressReport } | undefined;
  const progressOf = (stage: "layers" | "model") => {
    if (shown?.stage !== stage) {
      shown?.progress.stop();
      const total = stage === "layers" ? layerSteps : steps;
      shown = { stage, progress: reportProgress(onEvent, { label: `distill ${stage}`, unit: "steps", total }) };
    }
    return shown.progress;
  };
  try {
    return await asUsage(() =>
      distillModel({
        teacher,
        student,
        tokenIds: idsOf(texts.learn),
        heldOut: idsOf(texts.heldOut),
        backend,
        seed,
        steps: { layers: layerSteps, model: steps },
        pooling: student.pooling === "cls" ? "cls" : "mean",
        ...(train !== undefined && { part: train }),
        ...(learningRate !== undefined && { learningRate }),
        ...(batch !== undefined && { tokensPerBatch: batch }),
        ...(maxLength !== undefined && { maxSeqLen: maxLength }),
        ...(evalInterval !== undefined && { evalInterval }),
        ...(patience !== undefined && { patience }),
        ...(signal && { signal }),
        onStep: (stage, { step, lossNats, learningRate: rate, gradientNorm, elapsedSeconds }) => {
          progressOf(stage).update(step, { loss: formatFixed(lossNats, 4) });
          records.push({ stage, step, trainLoss: lossNats, learningRate: rate, gradientNorm, elapsedSeconds });
        },
        onEvaluation: (stage, step, distance) => {
          progressOf(stage).log(`step ${step}: ${distanceName(student)} ${formatFixed(distance, 4)} on texts held out`);
          records.push({ stage, step, heldOutDistance: distance });
        },
      }),
    );
  } finally {
    shown?.progress.stop();
  }
}

function distanceName({ config }: DistillModel["model"]): string {
  return config.architecture === "encoder" ? "1 − cosine" : "KL(teacher ‖ student), nats,";
}
