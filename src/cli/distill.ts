// `performer distill`: a converted model learns to do what its original does, measured on texts that it has not seen.

import { relative } from "node:path";

import { Option } from "commander";
import type { Command } from "commander";

import { comparePairVectors, convertedFiles, distillModel, embedPairs } from "../convert/index.ts";
import type { DistillOutcome, DistillTexts, PairVectors, PretrainedModel } from "../convert/index.ts";
import type { Backend } from "../runtime/index.ts";
import { nextFreePath, requireNewFolder, writeNewFolder } from "../storage/new-folder.ts";
import { distilledParts } from "../training/distill.ts";
import type { DistilledPart } from "../training/distill.ts";
import { formatDistillation } from "../tasks/distill/report-text.ts";
import { openDistillSubject, readDistillTexts, requireSameTokens } from "../tasks/distill/subjects.ts";
import type { DistillSubject } from "../tasks/distill/subjects.ts";
import { asUsage, UsageError } from "../runs/usage.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { printJson } from "./output/json.ts";
import { formatCount, formatFixed, formatSeconds } from "../text/numbers.ts";
import { createProgress } from "./output/progress.ts";
import type { Progress } from "./output/progress.ts";
import { addEngineOptions, createVerb, positiveInteger, positiveNumber, wholeNumber } from "./verb.ts";
import type { EngineOptions } from "../runs/engine-options.ts";

interface DistillVerbOptions extends EngineOptions {
  readonly teacher: string;
  readonly out: string;
  readonly data?: string;
  readonly test?: string;
  readonly steps: number;
  readonly layerSteps: number;
  readonly train?: DistilledPart;
  readonly learningRate?: number;
  readonly batch?: number;
  readonly maxLength?: number;
  readonly evalInterval?: number;
  readonly patience?: number;
  readonly seed: number;
  readonly json?: boolean;
}

const DEFAULT_STEPS = 500;

const NOTES = `
The student is what performer convert made of the teacher; with --calibrate it begins much nearer. It learns the teacher's vectors (of a
decoder its next tokens) and the states of all its layers, on paragraphs and sentences of a text: blank lines part paragraphs, without
any each line is one. A twentieth of the paragraphs is held out and tells the best weights, which are what is written; the last twentieth,
or --test, is what the figures are of: the cosine of vectors with the teacher's, and whether first sentences of paragraphs find what
follows them. Ctrl-C ends training and writes the best weights so far. OUT is for embed, convert and train --init.`;

export function distillCommand(): Command {
  const command = createVerb({
    name: "distill",
    summary: "Train a converted model to do what its original does, on any text.",
    examples: [
      ["distill minilm-favor --teacher all-MiniLM-L6-v2 --out minilm-distilled", "on a novel of the package"],
      [
        "distill minilm-favor --teacher all-MiniLM-L6-v2 --data mine.txt --steps 200 --out mine",
        "on one's own texts, shorter",
      ],
      [
        "distill minilm-favor --teacher all-MiniLM-L6-v2 --data a.txt --test b.txt --out mine --json",
        "measured on another text",
      ],
    ],
  })
    .addHelpText("after", NOTES)
    .argument("<folder>", "the student: a converted model's folder")
    .requiredOption("--teacher <folder>", "what it was converted from: a folder, or a name on the hub")
    .requiredOption("--out <folder>", "where the trained student goes: a new or an empty folder")
    .option("--data <file>", "a text to learn from, plain or gzip (default: Pride and Prejudice, tested on Emma)")
    .option("--test <file>", "a text to be tested on (default: the end of the data)")
    .option("--steps <count>", "optimizer steps on the whole model", wholeNumber, DEFAULT_STEPS)
    .option("--layer-steps <count>", "steps before these in which every layer learns by itself", wholeNumber, 0)
    .addOption(
      new Option("--train <part>", "what is trained (default: blocks, all but embeddings and heads)").choices(
        distilledParts,
      ),
    )
    .option("--learning-rate <rate>", "peak learning rate (default: 3e-4)", positiveNumber)
    .option("--batch <tokens>", "tokens of a batch (default: 1,024)", positiveInteger)
    .option("--max-length <tokens>", "tokens that are read of a text in training (default: 512)", positiveInteger)
    .option("--eval-interval <steps>", "steps between evaluations (default: 25)", positiveInteger)
    .option("--patience <count>", "end after so many evaluations without a gain (default: 8)", positiveInteger)
    .option("--seed <number>", "decides the order of texts", wholeNumber, 0);
  return addEngineOptions(command).action(distill);
}

async function distill(folder: string, options: DistillVerbOptions): Promise<void> {
  const { json, steps, layerSteps } = options;
  if (steps + layerSteps === 0) {
    throw new UsageError("--steps and --layer-steps must not both be 0, for then nothing is learnt; leave --steps out");
  }
  await requireNewFolder(options.out);
  const student = await openDistillSubject(folder, "student", options);
  const teacher = await openDistillSubject(options.teacher, "teacher", options);
  requireSameTokens(student, teacher);
  const texts = await asUsage(() => readDistillTexts(options));
  const { backend } = student;
  note(
    `texts: ${formatCount(texts.learn.length)} to learn from, ${formatCount(texts.heldOut.length)} held out, ${formatCount(texts.pairs.length)} pairs to test on`,
  );
  const vectorsOf = (who: string, model: PretrainedModel) => embedWithProgress(who, model, texts.pairs, backend);
  const taught = await vectorsOf("teacher", teacher.model);
  const before = comparePairVectors(await vectorsOf("before", student.model), taught);
  note(`before: cosine ${formatFixed(before.meanCosine, 3)} with the teacher`);
  const records: object[] = [];
  const [began, cpu] = [performance.now(), process.cpuUsage()];
  const { outcome, exitCode } = await learn(student, teacher, texts, options, records);
  const { user, system } = process.cpuUsage(cpu);
  const times = { elapsedSeconds: (performance.now() - began) / 1000, cpuSeconds: (user + system) / 1e6 };
  const model = { ...student.model, tensors: outcome.tensors };
  const files = await convertedFiles(model, student.source);
  const metrics = records.map((record) => `${JSON.stringify(record)}\n`).join("");
  // Taken meanwhile, it stays as it is; what took so long to train must not be lost for that.
  const out = await nextFreePath(options.out);
  if (relative(options.out, out) !== "") note(`${options.out} has been taken since the beginning; writing ${out}`);
  await writeNewFolder(out, { ...files, "metrics.jsonl": metrics });
  process.exitCode = exitCode ?? 0;
  // Who interrupts does not want to wait for measurements.
  const after = outcome.interrupted ? undefined : comparePairVectors(await vectorsOf("after", model), taught);
  const retrieval = comparePairVectors(taught, taught).retrieval;
  if (json === true) {
    const { tensors: _, before: first, after: best, ...made } = outcome;
    await printJson({
      out,
      student: student.name,
      teacher: teacher.name,
      ...made,
      ...times,
      heldOut: { count: texts.heldOut.length, before: first, after: best },
      test: { before, after: after ?? null, teacher: { retrieval } },
    });
    return;
  }
  const made = outcome.steps.layers + outcome.steps.model;
  process.stdout.write(
    `${formatDistillation(before, after, retrieval)}\n\n${out}: ${formatCount(made)} steps in ${formatSeconds(times.elapsedSeconds)}` +
      `${outcome.interrupted ? ", interrupted: the best weights so far" : ""}\n${heldOutLine(outcome)}\n`,
  );
}

/** What became of the texts that choose the weights. */
function heldOutLine({ before, after }: { readonly before: number; readonly after: number }): string {
  const kept =
    after < before ? "" : ": nothing came nearer, so the weights written are the student's own; train for more --steps";
  return `distance on texts held out: ${before.toPrecision(3)} before, ${after.toPrecision(3)} after${kept}`;
}

async function embedWithProgress(
  who: string,
  model: PretrainedModel,
  pairs: DistillTexts["pairs"],
  backend: Backend,
): Promise<PairVectors> {
  const progress = createProgress({ label: `embed, ${who}`, unit: "texts", total: 2 * pairs.length });
  try {
    return await embedPairs(model, pairs, backend, (done) => progress.update(done));
  } finally {
    progress.stop();
  }
}

async function learn(
  { model: student, backend }: DistillSubject,
  { model: teacher }: DistillSubject,
  texts: DistillTexts,
  { learningRate, batch, maxLength, evalInterval, patience, seed, steps, layerSteps, train }: DistillVerbOptions,
  records: object[],
): Promise<{ readonly outcome: DistillOutcome; readonly exitCode: number | undefined }> {
  const idsOf = (all: readonly string[]) => all.map((text) => teacher.encode(text).tokenIds);
  let shown: { readonly stage: string; readonly progress: Progress } | undefined;
  const progressOf = (stage: "layers" | "model") => {
    if (shown?.stage !== stage) {
      shown?.progress.stop();
      const total = stage === "layers" ? layerSteps : steps;
      shown = { stage, progress: createProgress({ label: `distill ${stage}`, unit: "steps", total }) };
    }
    return shown.progress;
  };
  using interrupt = listenForInterrupt(() => {
    note("interrupted: finishing this step and writing the best weights; interrupt again to stop at once");
  });
  try {
    const outcome = await asUsage(() =>
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
        signal: interrupt.signal,
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
    return { outcome, exitCode: interrupt.exitCode() };
  } finally {
    shown?.progress.stop();
  }
}

function distanceName({ config }: DistillSubject["model"]): string {
  return config.architecture === "encoder" ? "1 − cosine" : "KL(teacher ‖ student), nats,";
}

function note(line: string): void {
  process.stderr.write(`${line}\n`);
}
