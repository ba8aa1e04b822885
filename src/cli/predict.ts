/** `performer predict`: the classes, or the values, that a fine-tuned model predicts for new proteins. */

import type { Command } from "commander";

import { openPredictions, predictAll, predictionLine, type PredictOptions } from "../tasks/predict/predict.ts";
import { addDtypeOption } from "./dtype.ts";
import { addSequenceOptions, standardInput } from "./input-options.ts";
import { printJson } from "./output/json.ts";
import { showEvents } from "./output/show-events.ts";
import { addEngineOptions, createVerb } from "./verb.ts";

interface PredictVerbOptions extends PredictOptions {
  readonly out?: string;
  readonly json?: boolean;
}

export function predictCommand(): Command {
  const command = createVerb({
    name: "predict",
    summary: "Predict classes or values of new proteins with a fine-tuned model.",
    examples: [
      ["predict runs/finetune --fasta mine.fasta", "id,prediction,probability as CSV, on standard output"],
      ["predict runs/finetune --fasta mine.fasta.gz --out predictions.csv", "the same into a file"],
      ["predict runs/finetune --sequence MKVLAT --sequence P00974 --json", "as JSON"],
    ],
  })
    .argument("<folder>", "the run folder that finetune wrote, or train from a table of labels")
    .option("--out <file>", "CSV file to write; replaces an existing one (default: standard output)");
  return addEngineOptions(addDtypeOption(addSequenceOptions(command))).action(
    async (folder: string, { json, ...options }: PredictVerbOptions) => {
      using display = showEvents();
      const asked = { ...options, ...standardInput };
      if (json === true || asked.out !== undefined) {
        const result = await predictAll(folder, asked, display);
        if (json === true) await printJson(result);
        else process.stdout.write(`${result.file ?? ""}\n`);
        return;
      }
      const { header, predictions } = await openPredictions(folder, asked, display);
      process.stdout.write(header);
      for await (const prediction of predictions) process.stdout.write(predictionLine(prediction));
    },
  );
}
