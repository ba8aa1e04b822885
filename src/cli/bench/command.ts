// `performer bench`: how fast this machine is at what this package does.

import { Command, Option } from "commander";

import { createBackend } from "#engine";
import { formatCount, formatFixed } from "../output/numbers.ts";
import { printJson } from "../output/json.ts";
import { createProgress } from "../output/progress.ts";
import { formatTable } from "../output/table.ts";
import { createVerb, frameErrors, positiveInteger } from "../verb.ts";
import { benchAttention, benchCases, benchMechanisms, LONGEST_EXACT } from "./attention.ts";
import type { AttentionBenchResult } from "./attention.ts";
import { decodeBenchCommand, trainBenchCommand } from "./model-commands.ts";
import { passes } from "./products.ts";
import { attentionBenchSettings } from "./settings.ts";
import type { AttentionBenchOptions } from "./settings.ts";

export function benchCommand(): Command {
  return frameErrors(new Command("bench"), "performer bench")
    .description("Measure speed on this machine.")
    .addHelpText(
      "after",
      `
Examples:
  performer bench attention      attention beside its matrix products and exact attention
  performer bench train          a training step
  performer bench decode         a token far out beside one near the start`,
    )
    .addCommand(attentionCommand())
    .addCommand(trainBenchCommand())
    .addCommand(decodeBenchCommand());
}

const NOTES = `
Everything runs in turn, round by round, and medians are compared. 'bound' is the time of the matrix products of linear
attention alone, as plain products in one graph; 'loop bound' that of the same products in the loop that attention uses, whose
operands stay in the cache (for forward+backward there is only that one); 'exact' that of the engine's fused softmax attention. Exact attention is left out above ${LONGEST_EXACT} tokens,
where a run takes many seconds, and for forward+backward, because the fused op has no gradient. All feature maps get as many
features a token ('over positive' compares them with favor): those with two a row of the projection get half the rows.`;

function attentionCommand(): Command {
  const command = createVerb({
    name: "bench attention",
    summary: "Measure attention beside its matrix products alone and beside exact attention.",
    examples: [
      ["bench attention", "forward, both directions, 4,096 and 16,384 tokens: under a minute"],
      ["bench attention --pass both --lengths 4096", "the backward pass too"],
      ["bench attention --direction causal --lengths 65536", "a long sequence"],
      ["bench attention --mechanisms favor,favor-relu", "two feature maps"],
      ["bench attention --mechanisms all --lengths 4096 --no-exact", "every feature map"],
      ["bench attention --json", "the figures as JSON"],
    ],
  }).name("attention");
  return command
    .addHelpText("after", NOTES)
    .option("--lengths <list>", "tokens in the sequence", "4096,16384")
    .option("--mechanisms <list>", `all, or which of ${benchMechanisms.join(", ")}`, "favor")
    .option("--rounds <count>", "how often everything runs in turn", positiveInteger, 7)
    .addOption(new Option("--pass <pass>", "what to measure").choices([...passes, "both"]).default("forward"))
    .addOption(
      new Option("--direction <direction>", "what a token sees")
        .choices(["causal", "bidirectional", "both"])
        .default("both"),
    )
    .option("--heads <count>", "attention heads", positiveInteger, 8)
    .option("--head-dim <size>", "width of a head", positiveInteger, 64)
    .option("--features <count>", "random features a head", positiveInteger, 256)
    .option("--threads <count>", "threads of the engine (default: all cores)", positiveInteger)
    .option("--no-exact", "leave exact attention out")
    .action(async (options: AttentionBenchOptions & { readonly json?: boolean }) => {
      const settings = attentionBenchSettings(options);
      const { rounds, threads } = settings;
      const progress = createProgress({ label: "bench attention", total: benchCases(settings).length * rounds });
      let done = 0;
      try {
        const result = await benchAttention(settings, createBackend({ device: "cpu", threads }), (what) =>
          progress.update(++done, { measuring: what }),
        );
        progress.stop();
        if (options.json === true) await printJson(result);
        else process.stdout.write(`${formatAttentionBench(result)}\n`);
      } finally {
        progress.stop();
      }
    });
}

/** The machine on one line, then the rows as a table; what was not measured stays empty. */
export function formatAttentionBench({ machine, gemm, rows }: AttentionBenchResult): string {
  const { cpu, threads, node, engine, platform } = machine;
  const times = (value: number | undefined, digits: number, unit = "") =>
    value === undefined ? "" : `${formatFixed(value, digits)}${unit}`;
  const table = formatTable(
    ...measuredColumns(
      [
        "attention",
        "direction",
        "pass",
        "tokens",
        "median ms",
        "min ms",
        "bound ms",
        "over bound",
        "over loop bound",
        "over positive",
        "exact ms",
        "faster",
      ],
      rows.map((row) => [
        row.mechanism,
        row.causal ? "causal" : "bidirectional",
        row.pass,
        formatCount(row.seqLen),
        times(row.medianMs, 1),
        times(row.minMs, 1),
        times(row.boundMs, 1),
        times(row.ratioToBound, 2, "×"),
        times(row.ratioToLoopBound, 2, "×"),
        times(row.ratioToPositive, 2, "×"),
        times(row.exactMs, 0),
        times(row.speedupOverExact, 1, "×"),
      ]),
    ),
  );
  const about = `${cpu}, ${threads} threads, ${platform}, Node ${node}, ${engine}; 1024³ product ${formatFixed(gemm.gflops, 0)} GFLOP/s`;
  return `${about}\n\n${table}`;
}

/** Without the columns of what was not measured at all. */
function measuredColumns(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
): [readonly string[], readonly (readonly string[])[]] {
  const kept = heads.map((_, column) => rows.some((row) => row[column] !== ""));
  const pick = (cells: readonly string[]) => cells.filter((_, column) => kept[column]);
  return [pick(heads), rows.map(pick)];
}
