// `performer eval`: how well a trained model predicts, beside the baseline of its task.

import { Option } from "commander";
import type { Command } from "commander";

import { splitNames } from "../data/index.ts";
import type { SplitName } from "../data/index.ts";
import { addDtypeOption } from "./dtype.ts";
import type { DtypeOptions } from "./dtype.ts";
import { evaluateStored, formatStored } from "../tasks/evaluate/evaluate-stored.ts";
import { formatFigures } from "../runs/figures.ts";
import { printJson } from "./output/json.ts";
import { createProgress } from "./output/progress.ts";
import { loadRunData, openRunModel } from "../runs/run-model.ts";
import { addDataOptions, addEngineOptions, createVerb } from "./verb.ts";
import type { DataOptions } from "../runs/data/options.ts";
import type { EngineOptions } from "../runs/engine-options.ts";

interface EvalOptions extends DataOptions, EngineOptions, DtypeOptions {
  readonly split: SplitName;
  readonly json?: boolean;
}

export function evalCommand(): Command {
  const command = createVerb({
    name: "eval",
    summary:
      "Evaluate a trained model on a split of its data, or of other data, beside a baseline that knows frequencies only.",
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
    async (path: string, options: EvalOptions) => {
      const { split, dtype } = options;
      const { config, tensors, backend } = await openRunModel(path, options);
      const dataset = await loadRunData(config, options, "evaluate on");
      const progress = (total: number) => createProgress({ label: `evaluate ${split}`, unit: "batches", total });
      const figures = await evaluateStored({ config, tensors, dataset, split, backend, dtype, progress });
      if (options.json === true) await printJson(figures);
      else process.stdout.write(`${formatFigures([figures], dataset.words)}\n${formatStored(figures)}`);
    },
  );
}
