/** `performer bench data`: its options, and what it prints. */

import type { Command } from "commander";

import { benchData } from "../../bench/data.ts";
import { formatDataBench } from "../../bench/tables.ts";
import { createBench, showBench, type ShownOptions } from "./options.ts";

export function dataBenchCommand(): Command {
  return createBench({
    name: "data",
    summary: "Measure how fast a FASTA file is indexed and read.",
    examples: [
      ["bench data --fasta uniprot.fasta.gz", "in memory, into a cache, and from the cache"],
      ["bench data --fasta uniprot.fasta.gz --json", "the figures as JSON"],
    ],
    notes: `
Three passes: packed in memory, packed into an empty cache, found in that cache. Indexing
decompresses, checks every letter and packs; reading gives every sequence as token ids. The file
itself may come from the operating system's cache: what a disk takes comes on top. The cache is one
of its own, in the temporary folder, and is removed at the end.`,
  })
    .requiredOption("--fasta <file>", "protein sequences, FASTA, plain or gzip")
    .action(({ fasta, ...options }: ShownOptions & { readonly fasta: string }) =>
      showBench(options, (context) => benchData(fasta, context), { format: formatDataBench }),
    );
}
