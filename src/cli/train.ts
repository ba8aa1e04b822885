// `performer train`: a model from a recipe, into a run folder.

import type { Command } from "commander";

import { UsageError } from "./failures.ts";
import { formatFigures } from "./output/figures.ts";
import { printJson } from "./output/json.ts";
import { prepareNewRun, prepareResumedRun, requireSameRun } from "./start-run.ts";
import type { NewRunOptions } from "./start-run.ts";
import { carryOut } from "./training-run.ts";
import type { TrainingRun } from "./training-run.ts";
import { addDataOptions, addEngineOptions, collect, createVerb, wholeNumber } from "./verb.ts";

interface TrainOptions extends NewRunOptions {
  /** true where the option stands without a folder. */
  readonly resume?: string | true;
  readonly json?: boolean;
}

/** What --resume takes from the run folder, as options. */
const fixedByResume = { out: "--out", seed: "--seed", splitBy: "--split-by" } as const;

const DEFAULT_RECIPE = "demo";

export function trainCommand(): Command {
  const command = createVerb({
    name: "train",
    summary: "Train a causal language model on protein sequences.",
    examples: [
      ["train", "the recipe demo, about three minutes, into runs/demo"],
      ["train my.jsonc --out runs/mine", "a recipe of your own, into a folder of your choice"],
      ["train --set training.steps=100 --set model.modelDim=64", "change single settings"],
      [
        "train --set mechanism=favor-hyperbolic --set projection=simplex",
        "another feature map and projection (docs/feature-maps.md)",
      ],
      ["train --set gradientCheckpointing=blocks", "block by block: less memory, more time"],
      ["train --set reversible=true --set gradientCheckpointing=blocks", "a reversible model: no activations are kept"],
      ["train --fasta mine.fasta.gz --split-by hash", "your own sequences"],
      ["train --resume runs/demo", "go on after an interruption, bit for bit"],
      ["train my.jsonc --out runs/mine --resume", "the same, by the command that began the run"],
    ],
  }).argument("[recipe]", "a recipe by name (demo), or the path of a .jsonc file (default: demo)");
  return addRunOptions(command)
    .option("--resume [folder]", "go on with a run from its newest checkpoint (default: the folder of --out)")
    .action(async (recipe: string | undefined, options: TrainOptions) => {
      const run =
        options.resume === undefined
          ? await prepareNewRun(recipe ?? DEFAULT_RECIPE, options)
          : await resumedRun(recipe, options.resume, options);
      const { result, exitCode } = await carryOut(run);
      process.exitCode = exitCode;
      if (options.json === true) {
        await printJson(result);
      } else if (result.report !== null) {
        process.stdout.write(
          `${formatFigures(result.evaluations)}\n\nrun     ${result.run}\nreport  ${result.report}\n`,
        );
      }
    });
}

/** The options of a new run: what is trained, on what, where, and into which folder. */
export function addRunOptions(command: Command): Command {
  const withSettings = command
    .option("--set <key=value>", "change a setting of the recipe, such as training.steps=100; repeatable", collect)
    .option("--seed <number>", "the same as --set training.seed=<number>", wholeNumber)
    .option("--ignore-memory", "start even a run that is estimated not to fit into memory")
    .option("--out <folder>", "a new or empty folder for the run (default: runs/<recipe>, -2, -3, … when it is taken)");
  return addEngineOptions(addDataOptions(withSettings));
}

/**
 * `--resume FOLDER` takes everything from the folder. `--out FOLDER --resume` is the command that began the run, given again: what it
 * says must be what the run has.
 */
async function resumedRun(
  recipe: string | undefined,
  resume: string | true,
  options: TrainOptions,
): Promise<TrainingRun> {
  if (resume !== true) return prepareResumedRun(resume, checkResume(recipe, options));
  const { out, set, seed, splitBy, ...rest } = options;
  if (out === undefined) {
    throw new UsageError(
      "--resume must name the run's folder, got none; write --resume FOLDER, or --out FOLDER --resume",
    );
  }
  const repeated = recipe !== undefined || set !== undefined || seed !== undefined || splitBy !== undefined;
  if (repeated) await requireSameRun(out, recipe ?? DEFAULT_RECIPE, options);
  return prepareResumedRun(out, rest);
}

function checkResume(recipe: string | undefined, options: TrainOptions): TrainOptions {
  const given: string[] = Object.entries(fixedByResume).flatMap(([key, flag]) => (key in options ? [flag] : []));
  if (recipe !== undefined) given.unshift(`the recipe '${recipe}'`);
  if (given.length === 0) return options;
  throw new UsageError(
    `--resume takes its configuration from the run folder, got ${given.join(" and ")} as well; leave that out, or start a new run`,
  );
}
