/** The options that name what a model is to read. */

import type { Command } from "commander";

import { collect } from "./verb.ts";

export function addSequenceOptions(command: Command): Command {
  return command
    .option(
      "--sequence <residues>",
      "a protein by its one-letter codes, or by its accession in the embedded data (P00974, BPT1_BOVIN); may be repeated",
      collect,
    )
    .option("--fasta <file>", "proteins of a FASTA file, plain or gzip; - reads standard input");
}

export function addTextOptions(command: Command): Command {
  return command
    .option("--text <text>", "a text, for a model of text; may be repeated", collect)
    .option("--file <file>", "texts, one a line, plain or gzip; - reads standard input");
}

export function addImageOptions(command: Command): Command {
  return command
    .option("--image <file>", "a PNG or JPEG file, for a model of images; may be repeated", collect)
    .option("--images <folder>", "all PNG and JPEG files of a folder, in the order of their names");
}

/** What `-` stands for. */
export const standardInput = { standardInput: () => process.stdin } as const;
