// `performer bench train`: its options, and what it prints.

import type { Command } from "commander";

import { createBackend } from "#engine";
import { asUsage } from "../../runs/usage.ts";
import { printJson } from "../output/json.ts";
import { formatCount, formatFixed, formatPercent } from "../../text/numbers.ts";
import { createProgress } from "../output/progress.ts";
import { formatTable } from "../../text/table.ts";
import { createVerb, positiveInteger } from "../verb.ts";
import { parseThreads } from "./options.ts";
import { addModelOptions, modelOf } from "./model-options.ts";
import type { BenchModelOptions } from "./model-options.ts";
import { benchTrain } from "../../bench/train.ts";
import type { TrainBenchResult, TrainBenchSettings } from "../../bench/train.ts";

interface TrainBenchOptions extends BenchModelOptions {
  readonly batch: number;
  readonly length: number;
  readonly segment?: number;
  readonly steps: number;
}

export function trainBenchCommand(): Command {
  const command = createVerb({
    name: "bench train",
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
  }).name("train");
  return addModelOptions(command)
    .addHelpText(
      "after",
      `
A step is loss, gradients, clipping and AdamW. Operations are counted as those of the textbook's matrix products, forward and backward;
what is recomputed to save memory does not count. The rate is that of a 1024³ product, measured between the steps.`,
    )
    .option("--batch <count>", "sequences of a batch", positiveInteger, 4)
    .option("--length <tokens>", "tokens of a sequence", positiveInteger, 1024)
    .option("--segment <tokens>", "read sequences in parts of so many tokens (default: in one go)", positiveInteger)
    .option("--steps <count>", "steps to measure", positiveInteger, 12)
    .action(async (options: TrainBenchOptions) => {
      const result = await asUsage(() =>
        measureTrain({
          model: modelForLength(options),
          batchSize: options.batch,
          seqLen: options.length,
          segmentLength: options.segment ?? 0,
          steps: options.steps,
          threads: parseThreads(options.threads),
        }),
      );
      if (options.json === true) await printJson(result);
      else process.stdout.write(`${formatTrainBench(result)}\n`);
    });
}

/** With learned positions, as the model that the notes on performance speak of; a table of a million positions would be the model. */
function modelForLength(options: TrainBenchOptions) {
  const { length, segment } = options;
  if (segment !== undefined) return { ...modelOf(options), maxSeqLen: length };
  return { ...modelOf(options), positions: "learned", maxSeqLen: length } as const;
}

/** Measures with progress on standard error. */
export async function measureTrain(settings: TrainBenchSettings): Promise<TrainBenchResult> {
  const progress = createProgress({ label: "bench train", total: settings.steps + 1 });
  try {
    return await benchTrain(settings, createBackend({ threads: settings.threads }), (done) => progress.update(done));
  } finally {
    progress.stop();
  }
}

export function formatTrainBench({ gemm, rows }: TrainBenchResult): string {
  const cells = rows.map((row) => [
    row.model,
    formatFixed(row.stepMs, 0),
    formatCount(Math.round(row.tokensPerSecond)),
    formatFixed(row.gflop, 1),
    formatPercent(row.shareOfGemm),
    formatFixed(row.peakBytes / 2 ** 30, 2),
  ]);
  const header = ["model", "step ms", "tokens/s", "GFLOP", "share of product rate", "peak GiB"];
  return `1024³ product ${formatFixed(gemm.gflops, 0)} GFLOP/s\n\n${formatTable(header, cells)}`;
}
