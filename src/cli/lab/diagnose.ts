/** `performer lab diagnose`: what random features make of a trained model's attention, layer by layer, head by head. */

import { Option, type Command } from "commander";

import { splitNames } from "../../data/index.ts";
import { diagnoseRun, LONGEST, type DiagnoseTaskOptions } from "../../tasks/diagnose/diagnose.ts";
import { formatDiagnosis } from "../../tasks/diagnose/diagnosis-table.ts";
import { printJson } from "../output/json.ts";
import { showEvents } from "../output/show-events.ts";
import { addDataOptions, addEngineOptions, createVerb, positiveInteger, shareOfOne, wholeNumber } from "../verb.ts";

interface DiagnoseVerbOptions extends DiagnoseTaskOptions {
  readonly json?: boolean;
}

const NOTES = `
‖x‖² is the median squared norm of queries and keys over √headDim. Predicted and measured are the
relative variance of the kernel entries that exact attention reads; the prediction is for
independent rows. Output error is ‖approximate − exact‖ / ‖exact‖, mean over projections drawn anew;
features needed bring it to --wanted-error. A model with exact attention is diagnosed as if FAVOR+
took its place.`;

export function diagnoseCommand(): Command {
  const command = createVerb({
    name: "lab diagnose",
    summary: "Measure how far a trained model's attention is from exact attention, and what would bring it nearer.",
    examples: [
      ["lab diagnose runs/demo", "every layer and head on sequences held out from training"],
      ["lab diagnose runs/demo --features 256 --wanted-error 0.05", "what other settings would give"],
      ["lab diagnose runs/demo --out runs/demo/diagnosis", "with a picture of exact and approximate attention"],
      ["lab diagnose runs/demo --fasta mine.fasta --split-by hash", "on other sequences"],
      ["lab diagnose runs/demo --json", "all figures as JSON"],
    ],
  })
    .name("diagnose")
    .addHelpText("after", NOTES)
    .argument("<folder>", "the run folder that train wrote")
    .addOption(new Option("--split <name>", "which split").choices(splitNames).default("test"))
    .option("--sequences <count>", "number of sequences", positiveInteger, 4)
    .option(
      "--length <tokens>",
      `tokens of a sequence that are read (default: what the longest so many have, at most ${LONGEST})`,
      positiveInteger,
    )
    .option("--features <count>", "random features (default: the model's)", positiveInteger)
    .option("--wanted-error <share>", "the output error that one can live with", shareOfOne, 0.1)
    .option("--seed <number>", "random seed of the projections and sampled positions", wholeNumber, 0)
    .option("--out <folder>", "write attention.svg there: exact and approximate attention of one sequence");
  return addEngineOptions(addDataOptions(command)).action(
    async (folder: string, { json, ...options }: DiagnoseVerbOptions) => {
      using display = showEvents();
      const result = await diagnoseRun(folder, options, display);
      const { length, ids, picture } = result;
      if (json === true) {
        await printJson(result);
        return;
      }
      process.stdout.write(`${formatDiagnosis(result, length)}\n`);
      if (picture !== null) process.stdout.write(`\nattention of ${ids[0] ?? ""}: ${picture}\n`);
    },
  );
}
