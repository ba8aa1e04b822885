/** `performer finetune`: a trained run becomes a classifier, or a predictor of numbers, of labelled sequences. */

import { Option, type Command } from "commander";

import {
  DEFAULT_BATCH,
  DEFAULT_EPOCHS,
  DEFAULT_HEAD_LEARNING_RATE,
  DEFAULT_LEARNING_RATE,
  DEFAULT_PATIENCE,
  type FinetuneOptions,
} from "../runs/finetune/settings.ts";
import { prepareFinetuning } from "../runs/finetune/prepare.ts";
import { formatFigures } from "../runs/figures.ts";
import { printJson } from "./output/json.ts";
import { trainHere } from "./train-here.ts";
import { addEngineOptions, collect, createVerb, positiveInteger, positiveNumber, wholeNumber } from "./verb.ts";

interface FinetuneVerbOptions extends FinetuneOptions {
  readonly json?: boolean;
}

const NOTES = `
The table (.csv, .tsv, .jsonl, .parquet) has a column of sequences, one of labels, and if you like
one named split (train, valid, test); without it rows are parted by a hash of their sequence. Few
different labels are classes, numbers with fractions are values. With a handful of labels a class
try --freeze too: fewer weights can learn less by heart. The body of a decoder stays causal, as it
was trained, and the new output layer reads the mean over its tokens, or with --set
model.pooling=last the last one; that of an encoder sees both sides. Test figures come with 95 %
bootstrap intervals over sequences, and every prediction is in predictions.csv of the run. performer
predict applies the run to new proteins, as does PerformerForSequenceClassification.from_pretrained;
performer eval measures it again, and performer train --resume takes it up after an interruption.`;

export function finetuneCommand(): Command {
  const command = createVerb({
    name: "finetune",
    summary: "Fine-tune a trained model on labelled sequences: a classification or a regression.",
    examples: [
      ["finetune runs/demo --data labels.csv", "labels of few kinds are classes, numbers with fractions values"],
      ["finetune runs/demo --data tm.tsv --label-column tm --task regression", "a property of a protein"],
      ["finetune runs/demo --data labels.csv --freeze", "the new output layer alone: seconds, and no forgetting"],
      ["finetune runs/demo --data labels.csv --freeze-layers 2", "the embeddings and the first two layers stay"],
      ["finetune runs/demo --data labels.csv --epochs 50 --patience 10", "longer, with more patience"],
      ["finetune runs/demo --data labels.csv --set model.dropout=0.1 --json", "single settings; the result as JSON"],
    ],
  })
    .addHelpText("after", NOTES)
    .argument("<folder>", "the run folder that train wrote, of a decoder or an encoder")
    .requiredOption("--data <file>", "a table of labelled sequences: .csv, .tsv, .jsonl, .parquet")
    .option("--sequence-column <name>", "column that holds the sequences (default: sequence, else text)")
    .option("--label-column <name>", "column that holds the labels (default: label)")
    .addOption(
      new Option("--task <task>", "kind of the labels (default: what they suggest)").choices([
        "classification",
        "regression",
      ]),
    )
    .option("--freeze", "train only the new output layer")
    .option("--freeze-layers <count>", "keep the embeddings and this many first layers fixed", positiveInteger)
    .option("--epochs <count>", `most passes over the training sequences (default: ${DEFAULT_EPOCHS})`, positiveInteger)
    .option("--steps <count>", "most optimizer steps, instead of --epochs", positiveInteger)
    .option(
      "--learning-rate <rate>",
      `peak learning rate (default: ${DEFAULT_LEARNING_RATE}; with --freeze ${DEFAULT_HEAD_LEARNING_RATE})`,
      positiveNumber,
    )
    .option("--batch <tokens>", `tokens per batch (default: ${DEFAULT_BATCH})`, positiveInteger)
    .option(
      "--patience <count>",
      "stop after this many epochs without a lower validation loss, and keep the best weights; 0: never (default: " +
        `${DEFAULT_PATIENCE})`,
      wholeNumber,
    )
    .option(
      "--seed <number>",
      "random seed of the output layer, the order of batches and dropout (default: 0)",
      wholeNumber,
    )
    .option(
      "--set <key=value>",
      "change a setting of training, model.pooling or model.dropout; may be repeated",
      collect,
    )
    .option("--ignore-memory", "start the run even if it is estimated not to fit into memory")
    .option("--out <folder>", "a new or empty folder for the run (default: runs/finetune, -2, -3, … when it is taken)");
  return addEngineOptions(command).action(async (path: string, options: FinetuneVerbOptions) => {
    const { run, result } = await trainHere((onEvent) => prepareFinetuning(path, options, onEvent));
    if (options.json === true) {
      await printJson(result);
    } else if (result.report !== null) {
      const predictions = result.predictions === undefined ? "" : `predictions  ${result.predictions}\n`;
      process.stdout.write(
        `${formatFigures(result.evaluations, run.dataset.words)}\n\nrun          ` +
          `${result.run}\n${predictions}report       ${result.report}\n`,
      );
    }
  });
}
