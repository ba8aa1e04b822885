/** `performer train`: a model from a recipe, into a run folder. */

import { problem } from "../graph/errors.ts";
import type { Command } from "commander";

import { UsageError } from "../runs/usage.ts";
import { DEFAULT_LEARNING_RATE } from "../runs/finetune/settings.ts";
import { formatFigures } from "../runs/figures.ts";
import { printJson } from "./output/json.ts";
import { prepareResumedRun, requireSameRun } from "../runs/resume.ts";
import { prepareNewRun, type NewRunOptions } from "../runs/new-run.ts";
import { describeRecipes } from "../runs/recipe.ts";
import type { OnEvent } from "../runs/events.ts";
import type { TrainingRun } from "../runs/training-run.ts";
import { trainHere } from "./train-here.ts";
import { addDataOptions, addEncodingOptions, addEngineOptions, collect, createVerb, wholeNumber } from "./verb.ts";

interface TrainOptions extends NewRunOptions {
  /** true where the option stands without a folder. */
  readonly resume?: string | true;
  readonly json?: boolean;
}

/** What --resume takes from the run folder, as options. */
const fixedByResume = {
  out: "--out",
  init: "--init",
  seed: "--seed",
  splitBy: "--split-by",
  sequenceColumn: "--sequence-column",
  labelColumn: "--label-column",
  tokenizer: "--tokenizer",
  imageSize: "--image-size",
  grey: "--grey",
  colour: "--colour",
  task: "--task",
} as const;

const NOTES = `
Without a recipe, the one for the kind of data is taken: demo for proteins, text, fashion for
images, labelled for tables. Tables (.csv, .tsv, .jsonl, .parquet) have a column of sequences and
one of labels: few different labels are classes, numbers with fractions are values, and --task says
otherwise. --task masked trains an encoder on hidden tokens. Documents longer than model.maxSeqLen
are cut into windows of that length. With training.segmentLength a window is trained in parts with
exact gradients, and memory is that of one part: with maxSeqLen=8192, tokensPerBatch=8192 and
segmentLength=1024 the recipe text takes a third. With --init training is that of the recipe
(without one, of the one for the kind of data, at a learning rate of ${DEFAULT_LEARNING_RATE}),
projections are not redrawn unless training.redrawInterval says so, and of the model dropout alone
can be set, and maxSeqLen where positions have no end.`;

export function trainCommand(): Command {
  const command = createVerb({
    name: "train",
    summary: "Train a model on proteins, text, images or labelled sequences.",
    examples: [
      ["train", "the recipe demo, about three minutes, into runs/demo"],
      ["train my.jsonc --out runs/mine", "a recipe of your own, into a folder of your choice"],
      ["train --set training.steps=100 --set model.modelDim=64", "change single settings"],
      [
        "train --set mechanism=favor-hyperbolic --set projection=simplex",
        "another feature map and projection (docs/feature-maps.md)",
      ],
      ["train --set 'mechanism=local(window=64)'", "a mechanism with its options (docs/mechanisms.md)"],
      ["train --set gradientCheckpointing=blocks", "block by block: less memory, more time"],
      ["train --set reversible=true --set gradientCheckpointing=blocks", "a reversible model: no activations are kept"],
      [
        "train --fasta mine.fasta.gz --split-by similarity",
        "your own proteins, near copies in one split (docs/data.md)",
      ],
      [
        "train --fasta mine.fasta.gz --split-by hash --set concatenate=true --set maxSeqLen=8192 --set " +
          "tokensPerBatch=8192",
        "rows of many proteins, the paper's long task",
      ],
      ["train --task masked --set masking=spans --set maskRate=0.2", "hide runs of residues, and more of them"],
      ["train --data pride-and-prejudice", "text, byte by byte: the recipe text"],
      ["train --data notes/ --tokenizer characters", "the .txt files of a folder"],
      [
        "train --data book.txt --set maxSeqLen=8192 --set segmentLength=1024",
        "long windows in parts: memory of 1,024 tokens",
      ],
      ["train --data fashion-mnist --image-size 14", "images, pixel by pixel: the recipe fashion"],
      ["train --data photos/ --image-size 32 --grey", "the PNG and JPEG files of a folder"],
      ["train --data mails.csv --label-column spam", "a classifier of labelled sequences"],
      ["train --init runs/text --data letters.txt", "go on from a trained model, on other data"],
      ["train --init minilm-favor --data book.txt", "hidden tokens by a converted or a pretrained model"],
      ["train --resume runs/demo", "go on after an interruption, bit for bit"],
      ["train my.jsonc --out runs/mine --resume", "the same, by the command that began the run"],
    ],
  })
    .addHelpText("after", () => `${describeRecipes()}\n${NOTES}`)
    .argument("[recipe]", "a recipe by its name (below), or the path of a .jsonc file");
  return addRunOptions(command)
    .option(
      "--init <folder>",
      "start from the weights of a run, a converted or a pretrained model, which decides architecture, sizes and " +
        "vocabulary",
    )
    .option("--resume [folder]", "continue a run from its newest checkpoint (default: the folder of --out)")
    .action(async (recipe: string | undefined, options: TrainOptions) => {
      const { resume } = options;
      const { run, result } = await trainHere((onEvent) =>
        resume === undefined ? prepareNewRun(recipe, options, onEvent) : resumedRun(recipe, resume, options, onEvent),
      );
      const { words } = run.dataset;
      if (options.json === true) {
        await printJson(result);
      } else if (result.report !== null) {
        process.stdout.write(
          `${formatFigures(result.evaluations, words)}\n\nrun     ${result.run}\nreport  ${result.report}\n`,
        );
      }
    });
}

/** The options of a new run: what is trained, on what, where, and into which folder. */
export function addRunOptions(command: Command): Command {
  const withSettings = command
    .option(
      "--set <key=value>",
      "change a setting of the recipe, such as training.steps=100; repeat it, or list several with commas",
      collect,
    )
    .option("--seed <number>", "the same as --set training.seed=<number>", wholeNumber)
    .option("--ignore-memory", "start the run even if it is estimated not to fit into memory")
    .option("--out <folder>", "a new or empty folder for the run (default: runs/<recipe>, -2, -3, … when it is taken)");
  return addEngineOptions(addEncodingOptions(addDataOptions(withSettings)));
}

/**
 * `--resume FOLDER` takes everything from the folder. `--out FOLDER --resume` is the command that began the run, given
 * again: what it says must be what the run has.
 */
async function resumedRun(
  recipe: string | undefined,
  resume: string | true,
  options: TrainOptions,
  onEvent: OnEvent,
): Promise<TrainingRun> {
  if (resume !== true) return prepareResumedRun(resume, checkResume(recipe, options), onEvent);
  const { set, init, seed, splitBy, sequenceColumn, labelColumn, tokenizer, imageSize, grey, colour, task, ...rest } =
    options;
  const { out } = rest;
  if (out === undefined) {
    throw new UsageError(
      problem`--resume must name the run's folder, got none; write --resume FOLDER, or --out FOLDER --resume`,
    );
  }
  const said = [
    recipe,
    set,
    init,
    seed,
    splitBy,
    sequenceColumn,
    labelColumn,
    tokenizer,
    imageSize,
    grey,
    colour,
    task,
  ];
  if (said.some((each) => each !== undefined)) await requireSameRun(out, recipe, options);
  return prepareResumedRun(out, rest, onEvent);
}

function checkResume(recipe: string | undefined, options: TrainOptions): TrainOptions {
  const given: string[] = Object.entries(fixedByResume).flatMap(([key, flag]) => (key in options ? [flag] : []));
  if (recipe !== undefined) given.unshift(`the recipe '${recipe}'`);
  if (given.length === 0) return options;
  throw new UsageError(
    problem`--resume takes its configuration from the run folder, got ${given.join(" and ")} as well; leave that out, or
    start a new run`,
  );
}
