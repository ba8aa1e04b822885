// `performer bench train` and `performer bench decode`: a whole model at work.

import type { Command } from "commander";
import { availableParallelism } from "node:os";

import { createBackend } from "#engine";
import { printJson } from "../output/json.ts";
import { formatCount, formatFixed, formatPercent } from "../output/numbers.ts";
import { createProgress } from "../output/progress.ts";
import { formatTable } from "../output/table.ts";
import { UsageError } from "../failures.ts";
import { createVerb, positiveInteger } from "../verb.ts";
import { benchDecode } from "./decode.ts";
import { describeMachine } from "./measure.ts";
import { benchTrain } from "./train.ts";

interface ModelOptions {
  readonly layers: number;
  readonly modelDim: number;
  readonly heads: number;
  readonly features: number;
  readonly threads?: number;
  readonly json?: boolean;
}

function addModelOptions(command: Command): Command {
  return command
    .option("--layers <count>", "blocks of the model", positiveInteger, 4)
    .option("--model-dim <size>", "width of the model", positiveInteger, 256)
    .option("--heads <count>", "attention heads", positiveInteger, 4)
    .option("--features <count>", "random features a head", positiveInteger, 128)
    .option("--threads <count>", "threads of the engine (default: all cores)", positiveInteger);
}

function modelOf({ layers, modelDim, heads, features }: ModelOptions) {
  return { numLayers: layers, modelDim, numHeads: heads, numFeatures: features, dropout: 0 };
}

interface TrainBenchOptions {
  readonly batch: number;
  readonly length: number;
  readonly segment?: number;
  readonly steps: number;
}

/** With learned positions, as the model that the notes on performance speak of; a table of a million positions would be the model. */
function modelForLength(options: ModelOptions & TrainBenchOptions) {
  const { length, segment } = options;
  if (segment !== undefined) return { ...modelOf(options), maxSeqLen: length };
  return { ...modelOf(options), positions: "learned", maxSeqLen: length } as const;
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
    .action(async (options: ModelOptions & TrainBenchOptions) => {
      const threads = options.threads ?? availableParallelism();
      const progress = createProgress({ label: "bench train", total: options.steps + 1 });
      try {
        const result = await benchTrain(
          {
            model: modelForLength(options),
            batchSize: options.batch,
            seqLen: options.length,
            segmentLength: options.segment ?? 0,
            steps: options.steps,
            threads,
          },
          createBackend({ device: "cpu", threads }),
          (done) => progress.update(done),
        );
        progress.stop();
        if (options.json === true) return await printJson(result);
        const rows = result.rows.map((row) => [
          row.model,
          formatFixed(row.stepMs, 0),
          formatCount(Math.round(row.tokensPerSecond)),
          formatFixed(row.gflop, 1),
          formatPercent(row.shareOfGemm),
          formatFixed(row.peakBytes / 2 ** 30, 2),
        ]);
        const header = ["model", "step ms", "tokens/s", "GFLOP", "share of product rate", "peak GiB"];
        process.stdout.write(
          `1024³ product ${formatFixed(result.gemm.gflops, 0)} GFLOP/s\n\n${formatTable(header, rows)}\n`,
        );
      } finally {
        progress.stop();
      }
    });
}

export function decodeBenchCommand(): Command {
  const command = createVerb({
    name: "bench decode",
    summary: "Measure the time of a generated token at several positions.",
    examples: [
      ["bench decode", "positions 1,000 and 100,000: about two minutes"],
      ["bench decode --positions 100,10000 --batch 4", "four sequences side by side"],
      ["bench decode --json", "the figures as JSON"],
    ],
  }).name("decode");
  return addModelOptions(command)
    .addHelpText(
      "after",
      `
Every token up to a position is really decoded. Then the positions are measured in turn, so that all see the same noise of the machine.`,
    )
    .option("--positions <list>", "tokens before the measured ones; the first is compared with", "1000,100000")
    .option("--batch <count>", "sequences side by side", positiveInteger, 1)
    .option("--tokens <count>", "tokens to measure at each position", positiveInteger, 1000)
    .action(
      async (
        options: ModelOptions & { readonly positions: string; readonly batch: number; readonly tokens: number },
      ) => {
        const threads = options.threads ?? availableParallelism();
        const positions = parsePositions(options.positions);
        const progress = createProgress({
          label: "bench decode",
          total: (positions.at(-1) ?? 0) + positions.length * options.tokens,
        });
        try {
          const rows = await benchDecode({
            backend: createBackend({ device: "cpu", threads }),
            positions,
            batch: options.batch,
            tokens: options.tokens,
            model: modelOf(options),
            onToken: (done) => {
              if (done % 500 === 0) progress.update(done);
            },
          });
          progress.stop();
          if (options.json === true) return await printJson({ machine: describeMachine(threads), rows });
          const table = rows.map((row) => [
            row.model,
            formatCount(row.batch),
            formatCount(row.position),
            formatFixed(row.medianMsPerToken, 3),
            formatCount(Math.round(row.tokensPerSecond)),
            `${formatFixed(row.ratioToFirst, 3)}×`,
          ]);
          const header = ["model", "sequences", "position", "ms a token", "tokens/s", "of the first position's"];
          process.stdout.write(`${formatTable(header, table)}\n`);
        } finally {
          progress.stop();
        }
      },
    );
}

function parsePositions(text: string): number[] {
  const positions = text.split(",").map((item) => (/^\d+$/.test(item.trim()) ? Number(item) : Number.NaN));
  const ascending = positions.every((position, index) => index === 0 || position > (positions[index - 1] ?? 0));
  if (positions.every((position) => Number.isSafeInteger(position)) && ascending) return positions;
  throw new UsageError(
    `--positions must be ascending whole numbers with commas between them, got '${text}'; write for example --positions 1000,100000`,
  );
}
