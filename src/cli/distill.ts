/**
 * `performer distill`: a converted model learns to do what its original does, measured on texts that it has not seen.
 */

import { Option, type Command } from "commander";

import type { TaskEvent } from "../runs/events.ts";
import { distillStudent, type DistillTaskOptions, type DistillResult } from "../tasks/distill/distill.ts";
import { formatDistillation } from "../tasks/distill/report-text.ts";
import { formatCount, formatSeconds } from "../text/numbers.ts";
import { distilledParts } from "../training/distill.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { printJson } from "./output/json.ts";
import { showEvents } from "./output/show-events.ts";
import { addEngineOptions, createVerb, positiveInteger, positiveNumber, wholeNumber } from "./verb.ts";

interface DistillVerbOptions extends DistillTaskOptions {
  readonly json?: boolean;
}

const DEFAULT_STEPS = 500;

const NOTES = `
The student is what performer convert made of the teacher; with --calibrate it begins much nearer.
It learns the teacher's vectors (of a decoder its next tokens) and the states of all its layers, on
paragraphs and sentences of a text: blank lines part paragraphs, without any each line is one. A
twentieth of the paragraphs is held out and tells the best weights, which are what is written; the
last twentieth, or --test, is what the figures are of: the cosine of vectors with the teacher's, and
whether first sentences of paragraphs find what follows them. Ctrl-C ends training and writes the
best weights so far. OUT is for embed, convert and train --init.`;

export function distillCommand(): Command {
  const command = createVerb({
    name: "distill",
    summary: "Train a converted model to match its original, on any text.",
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
    .requiredOption("--teacher <folder>", "the original model: a folder, or a name on the hub")
    .requiredOption("--out <folder>", "new or empty folder for the trained student")
    .option("--data <file>", "a text to learn from, plain or gzip (default: Pride and Prejudice, tested on Emma)")
    .option("--test <file>", "a text to test on (default: the end of the data)")
    .option("--steps <count>", "optimizer steps on the whole model", wholeNumber, DEFAULT_STEPS)
    .option("--layer-steps <count>", "steps before that in which each layer learns by itself", wholeNumber, 0)
    .addOption(
      new Option("--train <part>", "which weights to train (default: blocks, all but embeddings and heads)").choices(
        distilledParts,
      ),
    )
    .option("--learning-rate <rate>", "peak learning rate (default: 3e-4)", positiveNumber)
    .option("--batch <tokens>", "tokens per batch (default: 1,024)", positiveInteger)
    .option("--max-length <tokens>", "longest text in training, in tokens (default: 512)", positiveInteger)
    .option("--eval-interval <steps>", "steps between evaluations (default: 25)", positiveInteger)
    .option("--patience <count>", "stop after this many evaluations without a gain (default: 8)", positiveInteger)
    .option("--seed <number>", "random seed of the order of texts", wholeNumber, 0);
  return addEngineOptions(command).action(distill);
}

async function distill(folder: string, { json, ...options }: DistillVerbOptions): Promise<void> {
  using display = showEvents();
  let phase = "";
  using interrupt = listenForInterrupt((exitCode) => {
    // Nothing has been learnt yet, or all of it is written.
    if (phase !== "learn") process.exit(exitCode);
    display.log("interrupted: finishing this step and writing the best weights; interrupt again to stop at once");
  });
  const onEvent = (event: TaskEvent) => {
    if (event.type === "phase") phase = event.name;
    display.onEvent(event);
  };
  const cpuSeconds = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  };
  const result = await distillStudent(folder, { ...options, cpuSeconds }, { signal: interrupt.signal, onEvent });
  process.exitCode = interrupt.exitCode() ?? 0;
  if (json === true) await printJson(result);
  else process.stdout.write(`${describe(result)}\n`);
}

function describe({ out, steps, elapsedSeconds, interrupted, heldOut, test }: DistillResult): string {
  return [
    formatDistillation(test.before, test.after ?? undefined, test.teacher.retrieval),
    "",
    `${out}: ${formatCount(steps.layers + steps.model)} steps in ` +
      `${formatSeconds(elapsedSeconds)}${interrupted ? ", interrupted: the best weights so far" : ""}`,
    heldOutLine(heldOut),
  ].join("\n");
}

/** What became of the texts that choose the weights. */
function heldOutLine({ before, after }: { readonly before: number; readonly after: number }): string {
  const kept =
    after < before ? "" : ": nothing came nearer, so the weights written are the student's own; train for more --steps";
  return `distance on texts held out: ${before.toPrecision(3)} before, ${after.toPrecision(3)} after${kept}`;
}
