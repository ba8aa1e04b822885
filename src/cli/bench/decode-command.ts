/** `performer bench decode`: its options, and what it prints. */

import type { Command } from "commander";

import { benchDecode, JUMP_PREFIX, REFERENCE_POSITION } from "../../bench/decode.ts";
import { decodeBenchSettings, type DecodeBenchOptions } from "../../bench/settings.ts";
import { formatDecodeBench } from "../../bench/tables.ts";
import { formatCount } from "../../text/numbers.ts";
import { positiveInteger } from "../verb.ts";
import { addModelOptions, createBench, showBench, type ShownOptions } from "./options.ts";

export function decodeBenchCommand(): Command {
  const command = createBench({
    name: "decode",
    summary: "Measure the time of a generated token at several positions.",
    examples: [
      ["bench decode --batch 1", "positions 1,000 and 100,000: about three minutes"],
      ["bench decode --batch 4 --positions 10000", "four sequences side by side"],
      ["bench decode --positions 1000,1000000 --jump", "a far position without reading up to it: seconds"],
      ["bench decode --json", "one sequence and sixteen, the figures as JSON"],
    ],
    notes: `
Every token up to a position is really decoded, unless --jump is given: then each position is begun
${formatCount(JUMP_PREFIX)} tokens before it with an empty state, and only those tokens are decoded.
The state has the same size either way, and a token the same work, but --jump does not show that
nothing grows on the way. Positions of a batch are measured in turn, so that all see the same noise
of the machine; position ${formatCount(REFERENCE_POSITION)} is always among them. Tokens a second
are those of all sequences together.`,
  });
  return addModelOptions(command)
    .option("--positions <list>", "tokens before the measured ones", "1000,100000")
    .option("--batch <list>", "sequences side by side", "1,16")
    .option("--tokens <count>", "tokens to measure at each position", positiveInteger, 1000)
    .option(
      "--jump",
      `begin far positions ${formatCount(JUMP_PREFIX)} tokens before, instead of decoding all up to them`,
    )
    .action((options: DecodeBenchOptions & ShownOptions) =>
      showBench(options, (context) => benchDecode(decodeBenchSettings(options), context), {
        format: formatDecodeBench,
      }),
    );
}
