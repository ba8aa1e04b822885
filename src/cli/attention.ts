// `performer attention`: what a trained protein model looks at, and which amino acids it treats alike.

import { join } from "node:path";

import { Option } from "commander";
import type { Command } from "commander";

import { splitNames } from "../data/index.ts";
import type { SplitName } from "../data/index.ts";
import { similarityMeanings, similarityViews } from "../inference/similarity.ts";
import type { SimilarityView } from "../inference/similarity.ts";
import { printJson } from "./output/json.ts";
import { addEngineOptions, createVerb, positiveInteger, wholeNumber, wholeNumbers } from "./verb.ts";
import type { EngineOptions } from "./verb.ts";

export interface AttentionVerbOptions extends EngineOptions {
  readonly sequence: string;
  readonly length?: number;
  readonly layers?: readonly number[];
  readonly heads?: readonly number[];
  /** Numbers of residues, from 1. */
  readonly tokens?: readonly number[];
  readonly out?: string;
  /** False after --no-similarity. */
  readonly similarity: boolean;
  readonly similarityOf?: SimilarityView;
  readonly split: SplitName;
  readonly fasta?: string;
  readonly count: number;
  readonly seed: number;
  readonly json?: boolean;
}

const NOTES = `
Maps are the weights with which the model itself mixes its values, with its own projections: one-hot values are sent through
the attention of every layer. Colours show them as multiples of uniform attention, on one scale for all heads.

Similarity of amino acids, by --similarity-of:
${similarityViews.map((view) => `  ${view.padEnd(11)} ${similarityMeanings[view]}`).join("\n")}
It is compared with BLOSUM62 over the 190 pairs of different residues: Pearson's correlation, a 95 % interval over amino acids drawn
anew, and the share of permutations of the amino acids that do as well.

PNG files show what the SVG files show. report.html needs no network and no other file.`;

export function attentionCommand(): Command {
  const command = createVerb({
    name: "attention",
    summary:
      "Show what a protein model looks at: maps of all layers and heads, single residues, amino acids beside BLOSUM62.",
    examples: [
      ["attention runs/demo", "on BPT1_BOVIN, into runs/demo/attention/report.html"],
      ["attention runs/demo --sequence P00974 --tokens 40,49,65", "whom three cysteines attend to"],
      ["attention runs/demo --sequence MKTAYIAKQR --layers 0 --heads 0,1", "two heads on residues of your own"],
      ["attention runs/demo --fasta mine.fasta --count 800", "similarity of amino acids from your proteins"],
      ["attention runs/demo --no-similarity --json", "the figures of every head as JSON"],
    ],
  })
    .addHelpText("after", NOTES)
    .argument("<folder>", "the run folder that train wrote")
    .option(
      "--sequence <residues>",
      "one protein: its accession in the embedded data, or its one-letter codes",
      "P00974",
    )
    .option(
      "--length <residues>",
      "show so many of its residues (default: 256, fewer in models of many heads)",
      positiveInteger,
    )
    .option("--layers <numbers>", "some layers, counted from 0, such as 0,3 (default: all)", wholeNumbers)
    .option("--heads <numbers>", "some heads, counted from 0 (default: all)", wholeNumbers)
    .option(
      "--tokens <numbers>",
      "residues, counted from 1, that are shown one by one (default: the most selective)",
      wholeNumbers,
    )
    .option("--out <folder>", "where the files go (default: the run's folder attention/)")
    .option("--no-similarity", "leave out the similarity of amino acids")
    .addOption(
      new Option("--similarity-of <view>", "what it is read from (default: heads; pairs below 3 heads)").choices(
        similarityViews,
      ),
    )
    .addOption(
      new Option("--split <name>", "embedded proteins that it is summed over").choices(splitNames).default("test"),
    )
    .option("--fasta <file>", "other proteins that it is summed over, plain or gzip")
    .option("--count <sequences>", "at most so many of them", positiveInteger, 256)
    .option("--seed <number>", "decides the permutations and the interval", wholeNumber, 0);
  return addEngineOptions(command).action(async (path: string, options: AttentionVerbOptions) => {
    // Loaded when it is needed: charts and a document cost every other command a third of a second.
    const { explainAttention } = await import("./attention/explain.ts");
    const { formatExplanation } = await import("./attention/explanation.ts");
    const explanation = await explainAttention(path, { ...options, out: options.out ?? join(path, "attention") });
    if (options.json === true) await printJson(explanation);
    else process.stdout.write(formatExplanation(explanation));
  });
}
