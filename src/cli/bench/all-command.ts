/** `performer bench all`: its options, and what it prints. */

import { join } from "node:path";
import type { Command } from "commander";

import { benchAll } from "../../bench/all.ts";
import { parseThreads } from "../../bench/options.ts";
import { printJson } from "../output/json.ts";
import { showEvents } from "../output/show-events.ts";
import { addThreadsOption, createBench } from "./options.ts";

interface AllOptions {
  readonly out: string;
  readonly quick?: boolean;
  readonly threads?: number;
  readonly json?: boolean;
}

export function allBenchCommand(): Command {
  return addThreadsOption(
    createBench({
      name: "all",
      summary: "Run every benchmark at small sizes and write figures and tables into a folder.",
      examples: [
        ["bench all", "into runs/bench: three to five minutes"],
        ["bench all --quick", "the smallest sizes: seconds, to see that everything works"],
        ["bench all --out figures --json", "into a folder of your own, all results as JSON too"],
      ],
      notes: `
The folder gets attention.json, model.json, memory.json, train.json and decode.json, a figure (.svg)
of each of the first three, and tables.txt with everything that the benchmarks print by themselves.
Each can be run alone, at sizes of your own.`,
    })
      .option("--out <folder>", "where the files go", join("runs", "bench"))
      .option("--quick", "the smallest sizes, which say nothing about speed"),
  ).action(async ({ out, quick = false, threads, json = false }: AllOptions) => {
    using display = showEvents();
    const onTable = (table: string) => {
      if (!json) process.stdout.write(`${table}\n`);
    };
    const results = await benchAll({ out, quick, threads: parseThreads(threads), onTable }, display);
    if (json) await printJson(results);
    else process.stdout.write(`Written to ${out}.\n`);
  });
}
