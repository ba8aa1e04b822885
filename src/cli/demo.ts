// `performer demo`, which is what `npm start` runs: train, evaluate and generate in one go, and say what to try next.

import type { Command } from "commander";

import { performerCommand, shellQuoted } from "./invocation.ts";
import { formatFigures } from "./output/figures.ts";
import { printJson } from "./output/json.ts";
import { formatCount, formatSeconds } from "./output/numbers.ts";
import { formatFasta } from "./samples.ts";
import { prepareNewRun } from "./start-run.ts";
import type { NewRunOptions } from "./start-run.ts";
import { addRunOptions } from "./train.ts";
import { carryOut } from "./training-run.ts";
import type { TrainingResult } from "./training-run.ts";
import { createVerb } from "./verb.ts";

const RECIPE = "demo";

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
    const { result, exitCode } = await carryOut(await prepareNewRun(RECIPE, options));
    process.exitCode = exitCode;
    if (options.json === true) await printJson(result);
    else if (result.report !== null) process.stdout.write(`${summarise(result, result.report)}\n`);
  });
}

function summarise(result: TrainingResult, report: string): string {
  const { run, step, tokens, elapsedSeconds, evaluations, samples } = result;
  const performer = performerCommand();
  const folder = shellQuoted(run);
  return [
    "",
    `Trained ${formatCount(step)} steps, ${formatCount(tokens)} tokens, in ${formatSeconds(elapsedSeconds)}.`,
    "",
    "Predicting the next residue of sequences that training has not seen (ood: of families it has not seen):",
    "",
    formatFigures(evaluations),
    "",
    "Three generated proteins:",
    "",
    formatFasta(samples),
    `run     ${run}`,
    `report  ${report}  (open it in a browser)`,
    "",
    "Next:",
    "",
    `  ${performer} generate ${folder} --prompt MKV --count 5`,
    `  ${performer} eval ${folder} --split ood`,
    `  ${performer} train --fasta yours.fasta --split-by hash`,
  ].join("\n");
}
