// `performer bench decode`: its options, and what it prints.

import type { Command } from "commander";

import { createBackend } from "#engine";
import { asUsage, UsageError } from "../../runs/usage.ts";
import { printJson } from "../output/json.ts";
import { formatCount, formatFixed } from "../../text/numbers.ts";
import { createProgress } from "../output/progress.ts";
import { formatTable } from "../../text/table.ts";
import { createVerb, positiveInteger } from "../verb.ts";
import { benchDecode, decodeSteps, JUMP_PREFIX, REFERENCE_POSITION } from "../../bench/decode.ts";
import type { DecodeBenchOptions, DecodeRow } from "../../bench/decode.ts";
import { parseLengths, parseThreads } from "./options.ts";
import { describeMachine } from "../../bench/measure.ts";
import type { Machine } from "../../bench/measure.ts";
import { addModelOptions, modelOf } from "./model-options.ts";
import type { BenchModelOptions } from "./model-options.ts";

interface Options extends BenchModelOptions {
  readonly positions: string;
  readonly batch: string;
  readonly tokens: number;
  readonly jump?: boolean;
}

export interface DecodeBenchResult {
  readonly machine: Machine;
  readonly rows: readonly DecodeRow[];
}

export function decodeBenchCommand(): Command {
  const command = createVerb({
    name: "bench decode",
    summary: "Measure the time of a generated token at several positions.",
    examples: [
      ["bench decode --batch 1", "positions 1,000 and 100,000: about three minutes"],
      ["bench decode --batch 4 --positions 10000", "four sequences side by side"],
      ["bench decode --positions 1000,1000000 --jump", "a far position without reading up to it: seconds"],
      ["bench decode --json", "one sequence and sixteen, the figures as JSON"],
    ],
  }).name("decode");
  return addModelOptions(command)
    .addHelpText(
      "after",
      `
Every token up to a position is really decoded, unless --jump is given: then each position is begun ${formatCount(JUMP_PREFIX)} tokens before it with
an empty state, and only those tokens are decoded. The state has the same size either way, and a token the same work, but --jump does
not show that nothing grows on the way. Positions of a batch are measured in turn, so that all see the same noise of the machine;
position ${formatCount(REFERENCE_POSITION)} is always among them. Tokens a second are those of all sequences together.`,
    )
    .option("--positions <list>", "tokens before the measured ones", "1000,100000")
    .option("--batch <list>", "sequences side by side", "1,16")
    .option("--tokens <count>", "tokens to measure at each position", positiveInteger, 1000)
    .option(
      "--jump",
      `begin far positions ${formatCount(JUMP_PREFIX)} tokens before, instead of decoding all up to them`,
    )
    .action(async (options: Options) => {
      const result = await asUsage(() =>
        measureDecode(
          {
            positions: parsePositions(options.positions),
            batches: parseLengths(options.batch, "--batch", "1,16"),
            tokens: options.tokens,
            jump: options.jump ?? false,
            model: modelOf(options),
          },
          parseThreads(options.threads),
        ),
      );
      if (options.json === true) await printJson(result);
      else process.stdout.write(`${formatDecodeBench(result)}\n`);
    });
}

/** Measures with progress on standard error. */
export async function measureDecode(
  settings: Omit<DecodeBenchOptions, "backend" | "onToken">,
  threads: number,
): Promise<DecodeBenchResult> {
  const progress = createProgress({ label: "bench decode", total: decodeSteps(settings) });
  try {
    const rows = await benchDecode({
      ...settings,
      backend: createBackend({ threads }),
      onToken: (done) => {
        if (done % 500 === 0) progress.update(done);
      },
    });
    return { machine: describeMachine(threads), rows };
  } finally {
    progress.stop();
  }
}

export function formatDecodeBench({ rows }: DecodeBenchResult): string {
  const cells = rows.map((row) => [
    row.model,
    formatCount(row.batch),
    formatCount(row.position),
    formatFixed(row.medianMsPerToken, 3),
    formatCount(Math.round(row.tokensPerSecond)),
    `${formatFixed(row.ratioToPosition1000, 3)}×`,
    formatCount(row.tokensRead),
  ]);
  const header = [
    "model",
    "sequences",
    "position",
    "ms a step",
    "tokens/s",
    "of position 1,000's time",
    "tokens read before",
  ];
  return formatTable(header, cells);
}

function parsePositions(text: string): readonly number[] {
  const positions = text.split(",").map((item) => (/^\d+$/.test(item.trim()) ? Number(item) : Number.NaN));
  const ascending = positions.every((position, index) => index === 0 || position > (positions[index - 1] ?? 0));
  if (positions.every((position) => Number.isSafeInteger(position)) && ascending) return positions;
  throw new UsageError(
    `--positions must be ascending whole numbers with commas between them, got '${text}'; write for example --positions 1000,100000`,
  );
}
