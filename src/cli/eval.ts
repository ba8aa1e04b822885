/** `performer eval`: how well a trained model predicts, beside the baseline of its task. */

import { Option, type Command } from "commander";

import { splitNames } from "../data/index.ts";
import { formatFigures } from "../runs/figures.ts";
import { evaluateRun, type EvaluateOptions } from "../tasks/evaluate/evaluate.ts";
import { formatStored } from "../tasks/evaluate/evaluate-stored.ts";
import { addDtypeOption } from "./dtype.ts";
import { printJson } from "./output/json.ts";
import { showEvents } from "./output/show-events.ts";
import { addDataOptions, addEngineOptions, createVerb } from "./verb.ts";

interface EvalVerbOptions extends EvaluateOptions {
  readonly json?: boolean;
}

export function evalCommand(): Command {
  const command = createVerb({
    name: "eval",
    summary:
      "Evaluate a trained model on a split of its data, or on other data, next to a baseline that knows frequencies only.",
    examples: [
      ["eval runs/demo", "on sequences held out from training"],
      ["eval runs/demo --split ood", "on protein families that training has not seen"],
      ["eval runs/demo --fasta mine.fasta --split-by hash", "on other proteins"],
      ["eval runs/text --data emma.txt", "on another text"],
      ["eval runs/demo --dtype int8", "with weights of 8 bits, beside the same with float32"],
      ["eval runs/demo --json", "the figures as JSON"],
    ],
  })
    .argument("<folder>", "the run folder that train wrote")
    .addOption(new Option("--split <name>", "which split").choices(splitNames).default("test"));
  return addEngineOptions(addDtypeOption(addDataOptions(command))).action(
    async (folder: string, options: EvalVerbOptions) => {
      using display = showEvents();
      const { figures, words } = await evaluateRun(folder, options, display);
      if (options.json === true) await printJson(figures);
      else process.stdout.write(`${formatFigures([figures], words)}\n${formatStored(figures)}`);
    },
  );
}
