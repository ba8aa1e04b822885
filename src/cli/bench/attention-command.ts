// `performer bench attention`: its options, and what it prints.

import type { Command } from "commander";

import { createBackend } from "#engine";
import { printJson } from "../output/json.ts";
import { formatCount, formatFixed } from "../../text/numbers.ts";
import { createProgress } from "../output/progress.ts";
import { formatTable } from "../../text/table.ts";
import { createVerb, positiveInteger } from "../verb.ts";
import { benchAttention, benchCases } from "../../bench/attention.ts";
import type { AttentionBenchResult, AttentionBenchSettings } from "../../bench/attention.ts";
import { directionOf } from "../../bench/contender.ts";
import { attentionCurves } from "../../bench/curves.ts";
import { LONGEST_EXACT } from "../../bench/exact.ts";
import { benchMechanisms } from "../../bench/favor.ts";
import { describeRun } from "../../bench/measure.ts";
import { addCaseOptions, addSizeOptions } from "./options.ts";
import { attentionBenchSettings, peerChoices } from "../../bench/settings.ts";
import type { AttentionBenchOptions } from "../../bench/settings.ts";
import { writeFigure } from "./write-figure.ts";

const NOTES = `
Everything runs in turn, round by round, and medians are compared. 'bound' is the time of the matrix products of linear
attention alone, each of them once, as plain products in one graph; 'loop bound' that of the same products in the loops that
attention uses, whose operands stay in the cache (backward, features are computed again there).

Exact attention is left out above ${LONGEST_EXACT} tokens. Forward it is the engine's fused op. That op has no gradient: for
forward+backward, 'exact' keeps all L × L matrices while they fit, 'exact (in chunks)' computes them again chunk by chunk as
FlashAttention does, and 'exact (fused), forward alone' is a lower bound; 'faster' compares with the faster of the first two.

Peers are the engine's LinearAttention op ('engine': causal, forward), TensorFlow.js on wasm (bidirectional, forward; one thread
in Node), PyTorch with performer-pytorch, and this package's own favor on the engine's WebAssembly half ('wasm'). tfjs and python are
measured where you have installed them, and skipped in one line where not. 'all' leaves wasm out, whose threads disturb the others. What is
slow is measured in fewer rounds.

All feature maps get as many features a token ('over positive' compares them with favor): those with two a row of the
projection get half the rows. From three lengths on, 'scaling' is the slope of log time over log length.`;

type Options = AttentionBenchOptions & { readonly json?: boolean; readonly svg?: string };

export function attentionBenchCommand(): Command {
  const command = createVerb({
    name: "bench attention",
    summary: "Measure attention beside its matrix products alone, exact attention and its peers.",
    examples: [
      ["bench attention", "forward, both directions, 4,096 and 16,384 tokens: a minute or two"],
      ["bench attention --pass both --lengths 4096", "the backward pass too"],
      ["bench attention --direction causal --lengths 65536", "a long sequence"],
      ["bench attention --mechanisms favor,favor-relu", "two feature maps"],
      ["bench attention --mechanisms all --lengths 4096 --no-exact --peers none", "every feature map"],
      ["bench attention --pass both --peers wasm", "how much slower WebAssembly is than the native engine"],
      ["bench attention --lengths 1024,4096,16384 --svg time.svg", "how it scales, as a figure"],
      ["bench attention --json", "the figures as JSON"],
    ],
  }).name("attention");
  return addSizeOptions(addCaseOptions(command, { pass: "forward", direction: "both" }))
    .addHelpText("after", NOTES)
    .option("--lengths <list>", "tokens in the sequence", "4096,16384")
    .option("--mechanisms <list>", `all, or which of ${benchMechanisms.join(", ")}`, "favor")
    .option("--rounds <count>", "how often everything runs in turn", positiveInteger, 7)
    .option("--threads <count>", "threads of the engine (default: all cores)", positiveInteger)
    .option("--no-exact", "leave exact attention out")
    .option("--peers <list>", `all, none, or which of ${peerChoices.join(", ")}`, "all")
    .option("--python <program>", "the Python to look for torch in", "python3")
    .option("--svg <file>", "draw time over length, both logarithmic")
    .action(async (options: Options) => {
      const result = await measureAttention(attentionBenchSettings(options));
      if (options.svg !== undefined) {
        await writeFigure(options.svg, "Time of attention by length", attentionCurves(result.rows));
      }
      if (options.json === true) await printJson(result);
      else process.stdout.write(`${formatAttentionBench(result)}\n`);
    });
}

/** Measures with progress on standard error. */
export async function measureAttention(settings: AttentionBenchSettings): Promise<AttentionBenchResult> {
  const { rounds, threads } = settings;
  const progress = createProgress({ label: "bench attention", total: benchCases(settings).length * rounds });
  let done = 0;
  try {
    return await benchAttention(settings, createBackend({ threads }), {
      onRound: (what) => progress.update(++done, { measuring: what }),
      onSkipped: (peer, reason) => progress.log(`bench attention: ${peer} is skipped: ${reason}`),
    });
  } finally {
    progress.stop();
  }
}

/** The machine on one line, then the rows as a table; what was not measured stays empty. */
export function formatAttentionBench({ machine, gemm, rows, scaling }: AttentionBenchResult): string {
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
        directionOf(row),
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
  const about = `${describeRun(machine)}; 1024³ product ${formatFixed(gemm.gflops, 0)} GFLOP/s`;
  const slopes = scaling.map((fit) => [
    fit.mechanism,
    directionOf(fit),
    fit.pass,
    `L^${formatFixed(fit.exponent, 2)}`,
    `${formatCount(fit.from)} … ${formatCount(fit.to)}`,
  ]);
  const grows = formatTable(["attention", "direction", "pass", "time grows as", "tokens"], slopes);
  return [about, table, ...(slopes.length === 0 ? [] : [grows])].join("\n\n");
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
