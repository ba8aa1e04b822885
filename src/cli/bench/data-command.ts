// `performer bench data`: its options, and what it prints.

import type { Command } from "commander";

import { asUsage } from "../../runs/usage.ts";
import { reportBytes } from "../../runs/data/proteins.ts";
import { showEvents } from "../output/show-events.ts";
import { printJson } from "../output/json.ts";
import { formatCount, formatFixed } from "../../text/numbers.ts";
import { formatTable } from "../../text/table.ts";
import { createVerb } from "../verb.ts";
import { benchData } from "../../bench/data.ts";
import type { DataBenchResult } from "../../bench/data.ts";

interface DataBenchOptions {
  readonly fasta: string;
  readonly json?: boolean;
}

export function dataBenchCommand(): Command {
  return createVerb({
    name: "bench data",
    summary: "Measure how fast a FASTA file is indexed and read.",
    examples: [
      ["bench data --fasta uniprot.fasta.gz", "in memory, into a cache, and from the cache"],
      ["bench data --fasta uniprot.fasta.gz --json", "the figures as JSON"],
    ],
  })
    .name("data")
    .addHelpText(
      "after",
      `
Three passes: packed in memory, packed into an empty cache, found in that cache. Indexing decompresses, checks every letter and packs;
reading gives every sequence as token ids. The file itself may come from the operating system's cache: what a disk takes comes on top.
The cache is one of its own, in the temporary folder, and is removed at the end.`,
    )
    .requiredOption("--fasta <file>", "protein sequences, FASTA, plain or gzip")
    .action(async ({ fasta, json }: DataBenchOptions) => {
      using display = showEvents();
      const progress = reportBytes("bench data", display.onEvent);
      const result = await asUsage(() => benchData(fasta, progress.update)).finally(progress.stop);
      if (json === true) await printJson(result);
      else process.stdout.write(`${formatDataBench(result)}\n`);
    });
}

const labels = {
  memory: "packed in memory",
  packed: "packed into a cache",
  cache: "found in the cache",
} as const satisfies Record<DataBenchResult["rows"][number]["from"], string>;

export function formatDataBench({ file, fileBytes, records, residues, rows }: DataBenchResult): string {
  const header = ["", "index ms", "read ms", "MB/s of the file", "residues/s"];
  const cells = rows.map((row) => [
    labels[row.from],
    formatFixed(row.indexMs, 0),
    formatFixed(row.readMs, 0),
    row.megabytesPerSecond === null ? "–" : formatFixed(row.megabytesPerSecond, 1),
    formatCount(Math.round(row.residuesPerSecond)),
  ]);
  const facts = `${file}: ${formatFixed(fileBytes / 1e6, 1)} MB, ${formatCount(records)} sequences, ${formatCount(residues)} residues`;
  return `${facts}\n\n${formatTable(header, cells)}`;
}
