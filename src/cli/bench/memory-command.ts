// `performer bench memory`: its options, and what it prints.

import type { Command } from "commander";

import { printJson } from "../output/json.ts";
import { formatCount } from "../../text/numbers.ts";
import { createProgress } from "../output/progress.ts";
import { formatTable } from "../../text/table.ts";
import { createVerb, positiveInteger } from "../verb.ts";
import { directionOf } from "../../bench/contender.ts";
import { memoryCurves } from "../../bench/curves.ts";
import { benchMechanisms } from "../../bench/favor.ts";
import { addCaseOptions, addSizeOptions, chosenCases, chosenSizes, parseLengths, parseThreads } from "./options.ts";
import type { CaseOptions, SizeOptions } from "./options.ts";
import { describeRun } from "../../bench/measure.ts";
import { benchMemory, memorySubjects } from "../../bench/memory.ts";
import type { MemoryBenchResult, MemoryBenchSettings } from "../../bench/memory.ts";
import { parseMechanisms } from "../../bench/settings.ts";
import { writeFigure } from "./write-figure.ts";

const NOTES = `
Every row is one attention, compiled and run once in a process of its own; its peak holds the program, the engine, inputs and
outputs too. Exact attention forward is the engine's fused op, forward+backward the mechanism 'exact'. What certainly does not fit
into the free memory is not started, and said in one line.`;

interface MemoryBenchOptions extends CaseOptions, SizeOptions {
  readonly lengths: string;
  readonly mechanisms: string;
  readonly threads?: number;
  readonly exact: boolean;
  readonly json?: boolean;
  readonly svg?: string;
}

export function memoryBenchCommand(): Command {
  const command = createVerb({
    name: "bench memory",
    summary: "Measure the peak memory of attention by length.",
    examples: [
      ["bench memory", "4,096 to 65,536 tokens, both passes and directions: some minutes"],
      ["bench memory --direction causal --lengths 262144 --pass forward --no-exact", "one long sequence"],
      ["bench memory --svg memory.svg", "the curves as a figure"],
      ["bench memory --json", "the figures as JSON"],
    ],
  }).name("memory");
  return addSizeOptions(addCaseOptions(command, { pass: "both", direction: "both" }))
    .addHelpText("after", NOTES)
    .option("--lengths <list>", "tokens in the sequence", "4096,16384,65536")
    .option("--mechanisms <list>", `all, or which of ${benchMechanisms.join(", ")}`, "favor")
    .option("--threads <count>", "threads of the engine (default: all cores)", positiveInteger)
    .option("--no-exact", "leave exact attention out")
    .option("--svg <file>", "draw memory over length, both logarithmic")
    .action(async (options: MemoryBenchOptions) => {
      const result = await measureMemory(memoryBenchSettings(options));
      if (options.svg !== undefined) {
        await writeFigure(options.svg, "Peak memory of attention by length", memoryCurves(result.rows));
      }
      if (options.json === true) await printJson(result);
      else process.stdout.write(`${formatMemoryBench(result)}\n`);
    });
}

/** @throws UsageError for a list with something in it that cannot be measured */
function memoryBenchSettings(options: MemoryBenchOptions): MemoryBenchSettings {
  return {
    lengths: parseLengths(options.lengths),
    mechanisms: parseMechanisms(options.mechanisms),
    ...chosenCases(options),
    ...chosenSizes(options),
    exact: options.exact,
    threads: parseThreads(options.threads),
  };
}

/** Measures with progress on standard error. */
export async function measureMemory(settings: MemoryBenchSettings): Promise<MemoryBenchResult> {
  const progress = createProgress({ label: "bench memory", total: memorySubjects(settings).length });
  let done = 0;
  try {
    return await benchMemory(settings, {
      onRow: (what) => progress.update(++done, { measured: what }),
      onSkipped: ({ what, reason }) => progress.log(`bench memory: ${what} is skipped: ${reason}`),
    });
  } finally {
    progress.stop();
  }
}

export function formatMemoryBench({ machine, rows }: MemoryBenchResult): string {
  const cells = rows.map((row) => [
    row.mechanism,
    directionOf(row),
    row.pass,
    formatCount(row.seqLen),
    formatCount(Math.round(row.peakBytes / 2 ** 20)),
  ]);
  return `${describeRun(machine)}\n\n${formatTable(["attention", "direction", "pass", "tokens", "peak MiB"], cells)}`;
}
