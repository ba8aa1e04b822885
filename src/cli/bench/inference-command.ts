/** `performer bench inference`: its options, and what it prints. */

import { Option, type Command } from "commander";

import { benchInference, inferenceTasks } from "../../bench/inference.ts";
import { inferenceBenchSettings, type InferenceBenchOptions } from "../../bench/settings.ts";
import { formatInferenceBench } from "../../bench/tables.ts";
import { modelPresets } from "../../model/index.ts";
import { addDtypeOption } from "../dtype.ts";
import { collect, positiveInteger } from "../verb.ts";
import { addThreadsOption, createBench, showBench, type ShownOptions } from "./options.ts";

export function inferenceBenchCommand(): Command {
  const command = createBench({
    name: "inference",
    summary:
      "Measure how many residues a second are embedded and scored, as a share of the machine's matrix-product rate.",
    examples: [
      ["bench inference", "a model of the demo's size on embedded proteins"],
      ["bench inference --fasta DB.fasta.gz --count 4096", "on the first records of a file"],
      ["bench inference --set model.architecture=encoder --set model.modelDim=256", "another model"],
      ["bench inference --preset paper-regular --count 256 --task embed", "a model of the literature"],
      ["bench inference --json", "the figures as JSON"],
    ],
    notes: `
Time is that of the whole: reading ahead, packing into batches, compiling graphs, running them,
reading results. Operations are counted as those of the textbook's matrix products for real tokens,
with linear attention; padding does not count. The rate is that of a 1024³ product, measured in
between. Weights are random. An encoder is scored in one pass.`,
  });
  return addThreadsOption(
    addDtypeOption(command)
      .option("--fasta <file>", "proteins, FASTA, plain or gzip (default: the embedded proteins)")
      .option("--count <records>", "the first so many", positiveInteger, 1024)
      .addOption(
        new Option("--preset <name>", "a model of the literature (default: that of recipe demo)").choices(
          Object.keys(modelPresets),
        ),
      )
      .option("--set <key=value>", "change a setting of the model: --set model.numLayers=2; may be repeated", collect)
      .addOption(new Option("--task <task>", "what to measure").choices([...inferenceTasks, "both"]).default("both"))
      .option("--batch <tokens>", "tokens per batch, padding included (default: as embed and score)", positiveInteger),
  ).action((options: InferenceBenchOptions & ShownOptions) =>
    showBench(options, async (context) => benchInference(await inferenceBenchSettings(options), context), {
      format: formatInferenceBench,
    }),
  );
}
