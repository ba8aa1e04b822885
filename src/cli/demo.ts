/**
 * `performer demo`, which is what `npm start` runs: train, evaluate and generate in one go, and say what to try next.
 */

import type { Command } from "commander";

import { imageShapeOf } from "../data/index.ts";
import type { RunDataset } from "../runs/dataset.ts";
import { performerCommand, shellQuoted } from "./invocation.ts";
import { formatFigures } from "../runs/figures.ts";
import { printJson } from "./output/json.ts";
import { formatCount, formatSeconds } from "../text/numbers.ts";
import { formatSamples } from "../runs/samples.ts";
import { prepareNewRun, type NewRunOptions } from "../runs/new-run.ts";
import { addRunOptions } from "./train.ts";
import { trainHere } from "./train-here.ts";
import type { TrainingResult } from "../tasks/train/train.ts";
import { createVerb } from "./verb.ts";

interface DemoOptions extends NewRunOptions {
  readonly json?: boolean;
}

export function demoCommand(): Command {
  const command = createVerb({
    name: "demo",
    summary:
      "Train a small protein language model, evaluate it, and generate proteins: about three minutes on a laptop.",
    examples: [
      ["demo", "into runs/demo, or the next free name"],
      ["demo --set training.steps=50", "a shorter one"],
      ["demo --json", "the figures and the proteins as JSON"],
    ],
  });
  return addRunOptions(command).action(async (options: DemoOptions) => {
    const { run, result } = await trainHere((onEvent) => prepareNewRun(undefined, options, onEvent));
    if (options.json === true) await printJson(result);
    else if (result.report !== null) process.stdout.write(`${summarise(result, result.report, run.dataset)}\n`);
  });
}

function summarise(result: TrainingResult, report: string, { words, vocabulary, kind }: RunDataset): string {
  const { run, step, tokens, elapsedSeconds, evaluations, samples } = result;
  const performer = performerCommand();
  const folder = shellQuoted(run);
  const next =
    kind === "proteins"
      ? [
          `generate ${folder} --prompt MKV --count 5`,
          `eval ${folder} --split ood`,
          "train --fasta yours.fasta --split-by hash",
        ]
      : [`eval ${folder}`];
  const areShown = samples.length > 0 && imageShapeOf(vocabulary) === undefined;
  const shown = areShown ? [`Three generated ${words.samples}:`, "", formatSamples(samples, vocabulary)] : [];
  return [
    "",
    `Trained ${formatCount(step)} steps, ${formatCount(tokens)} tokens, in ${formatSeconds(elapsedSeconds)}.`,
    "",
    `Predicting ${words.predicted} of sequences that training has not seen${kind === "proteins" ? " (ood: of families it has not seen)" : ""}:`,
    "",
    formatFigures(evaluations, words),
    "",
    ...shown,
    `run     ${run}`,
    `report  ${report}  (open it in a browser)`,
    "",
    "Next:",
    "",
    ...next.map((command) => `  ${performer} ${command}`),
  ].join("\n");
}
