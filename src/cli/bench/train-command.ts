/** `performer bench train`: its options, and what it prints. */

import type { Command } from "commander";

import { trainBenchSettings, type TrainBenchOptions } from "../../bench/settings.ts";
import { formatTrainBench } from "../../bench/tables.ts";
import { benchTrain } from "../../bench/train.ts";
import { positiveInteger } from "../verb.ts";
import { addModelOptions, createBench, showBench, type ShownOptions } from "./options.ts";

export function trainBenchCommand(): Command {
  const command = createBench({
    name: "train",
    summary: "Measure a whole training step as a share of the machine's matrix-product rate.",
    examples: [
      ["bench train", "4 layers, modelDim 256, 4 × 1,024 tokens"],
      ["bench train --model-dim 512 --heads 8 --features 256", "a wider model"],
      [
        "bench train --batch 1 --length 131072 --segment 4096 --steps 1",
        "a long sequence in parts: minutes, memory of one part",
      ],
      ["bench train --json", "the figures as JSON"],
    ],
    notes: `
A step is loss, gradients, clipping and AdamW. Operations are counted as those of the textbook's
matrix products, forward and backward; what is recomputed to save memory does not count. The rate is
that of a 1024³ product, measured between the steps.`,
  });
  return addModelOptions(command)
    .option("--batch <count>", "sequences of a batch", positiveInteger, 4)
    .option("--length <tokens>", "tokens of a sequence", positiveInteger, 1024)
    .option("--segment <tokens>", "read sequences in parts of so many tokens (default: in one go)", positiveInteger)
    .option("--steps <count>", "steps to measure", positiveInteger, 12)
    .action((options: TrainBenchOptions & ShownOptions) =>
      showBench(options, (context) => benchTrain(trainBenchSettings(options), context), { format: formatTrainBench }),
    );
}
