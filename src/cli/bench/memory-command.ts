/** `performer bench memory`: its options, and what it prints. */

import type { Command } from "commander";

import { memoryCurves } from "../../bench/curves.ts";
import { benchMechanisms } from "../../bench/favor.ts";
import { benchMemory } from "../../bench/memory.ts";
import { memoryBenchSettings, type MemoryBenchOptions } from "../../bench/settings.ts";
import { formatMemoryBench } from "../../bench/tables.ts";
import {
  addCaseOptions,
  addSizeOptions,
  addThreadsOption,
  createBench,
  showBench,
  type ShownOptions,
} from "./options.ts";

const NOTES = `
Every row is one attention, compiled and run once in a process of its own; its peak holds the
program, the engine, inputs and outputs too. Exact attention forward is the engine's fused op,
forward+backward the mechanism 'exact'. What certainly does not fit into the free memory is not
started, and said in one line.`;

export function memoryBenchCommand(): Command {
  const command = createBench({
    name: "memory",
    summary: "Measure the peak memory of attention by length.",
    examples: [
      ["bench memory", "4,096 to 65,536 tokens, both passes and directions: some minutes"],
      ["bench memory --direction causal --lengths 262144 --pass forward --no-exact", "one long sequence"],
      ["bench memory --svg memory.svg", "the curves as a figure"],
      ["bench memory --json", "the figures as JSON"],
    ],
    notes: NOTES,
  });
  return addThreadsOption(
    addSizeOptions(addCaseOptions(command, { pass: "both", direction: "both" }))
      .option("--lengths <list>", "tokens in the sequence", "4096,16384,65536")
      .option("--mechanisms <list>", `all, or which of ${benchMechanisms.join(", ")}`, "favor"),
  )
    .option("--no-exact", "leave exact attention out")
    .option("--svg <file>", "draw memory over length, both logarithmic")
    .action((options: MemoryBenchOptions & ShownOptions) =>
      showBench(options, (context) => benchMemory(memoryBenchSettings(options), context), {
        format: formatMemoryBench,
        figure: { label: "Peak memory of attention by length", curves: ({ rows }) => memoryCurves(rows) },
      }),
    );
}
