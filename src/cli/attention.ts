/** `performer attention`: what a model of proteins or text looks at, and which amino acids it treats alike. */

import { Option, type Command } from "commander";

import { splitNames } from "../data/index.ts";
import { similarityMeanings, similarityViews } from "../inference/similarity.ts";
import {
  DEFAULT_COUNT,
  DEFAULT_LENGTH,
  DEFAULT_SEQUENCE,
  DEFAULT_SPLIT,
  DEFAULT_TEXT,
  type AttentionOptions,
} from "../tasks/attention/options.ts";
import { standardInput } from "./input-options.ts";
import { printJson } from "./output/json.ts";
import { showEvents } from "./output/show-events.ts";
import { addEngineOptions, createVerb, positiveInteger, wholeNumber, wholeNumbers } from "./verb.ts";

interface AttentionVerbOptions extends AttentionOptions {
  readonly json?: boolean;
}

const NOTES = `
Maps are the weights with which the model itself mixes its values, with its own projections: one-hot
values are sent through the attention of every layer. Colours show them as multiples of uniform
attention, on one scale for all heads.

Tokens of a text are those of the model's own tokenizer, by their pieces and numbers: eating(4).
Special tokens that it puts around the text are part of the maps, and have no number. A text that is
longer than the model reads is cut, which is said.

Similarity of amino acids, for models of proteins, by --similarity-of:
${similarityViews.map((view) => `  ${view.padEnd(11)} ${similarityMeanings[view]}`).join("\n")} It
is compared with BLOSUM62 over the 190 pairs of different residues: Pearson's correlation, a 95 %
interval over amino acids drawn anew, and the share of permutations of the amino acids that do as
well.

PNG files show what the SVG files show. report.html needs no network and no other file. Files of the
same names are replaced, also those of another model whose folder has the same NAME; --out keeps
both.`;

export function attentionCommand(): Command {
  const command = createVerb({
    name: "attention",
    summary:
      "Show what a model's attention looks at: maps of all layers and heads, single tokens, amino acids next to " +
      "BLOSUM62.",
    examples: [
      ["attention runs/demo", "on BPT1_BOVIN, into runs/demo/attention/report.html"],
      ["attention runs/demo --sequence P00974 --tokens 40,49,65", "whom three cysteines attend to"],
      ["attention runs/demo --sequence MKTAYIAKQR --layers 0 --heads 0,1", "two heads on residues of your own"],
      ["attention runs/demo --fasta mine.fasta --count 800", "similarity of amino acids from your proteins"],
      ['attention all-MiniLM-L6-v2 --text "A man is eating food."', "a text, by a pretrained or a converted model"],
      ["attention minilm-linear --beside all-MiniLM-L6-v2", "what conversion has changed, head by head"],
      ["attention esm2_t6_8M_UR50D --sequence P00974", "a protein, by a pretrained model, or its name on the hub"],
      ["attention runs/demo --no-similarity --json", "the figures of every head as JSON"],
    ],
  })
    .addHelpText("after", NOTES)
    .argument(
      "<folder>",
      "the run folder that train wrote; or a model that is pretrained or that convert or distill wrote, its " +
        "folder or its name on the hub",
    )
    .option(
      "--sequence <residues>",
      "for a model of proteins, one: its accession in the embedded data, or its one-letter codes (default: " +
        `${DEFAULT_SEQUENCE})`,
    )
    .option("--text <text>", `for a model of text, one (default: "${DEFAULT_TEXT}")`)
    .option(
      "--length <count>",
      `number of residues or tokens to show (default: ${DEFAULT_LENGTH}, fewer in models of many heads)`,
      positiveInteger,
    )
    .option(
      "--beside <folder>",
      "a second model with the same tokens, layers and heads, such as the one before conversion",
    )
    .option("--layers <numbers>", "some layers, counted from 0, such as 0,3 (default: all)", wholeNumbers)
    .option("--heads <numbers>", "some heads, counted from 0 (default: all)", wholeNumbers)
    .option(
      "--tokens <numbers>",
      "residues or tokens to show one by one, counted from 1 (default: the most selective)",
      wholeNumbers,
    )
    .option(
      "--out <folder>",
      "where the files go, in place of earlier ones of their names (default: attention/ in the folder of a run, " +
        "NAME-attention/ here for other models)",
    )
    .option("--no-similarity", "leave out the similarity of amino acids")
    .addOption(
      new Option(
        "--similarity-of <view>",
        "what the similarity is computed from (default: heads; pairs below 3 heads)",
      ).choices(similarityViews),
    )
    .addOption(
      new Option("--split <name>", `split of the embedded proteins to sum over (default: ${DEFAULT_SPLIT})`).choices(
        splitNames,
      ),
    )
    .option("--fasta <file>", "other proteins to sum over, plain or gzip")
    .option("--count <sequences>", `most proteins to sum over (default: ${DEFAULT_COUNT})`, positiveInteger)
    .option("--seed <number>", "random seed of the permutations and the interval", wholeNumber, 0);
  return addEngineOptions(command).action(async (folder: string, { json, ...options }: AttentionVerbOptions) => {
    // Loaded when it is needed: charts and a document cost every other command a third of a second.
    const { explainAttention } = await import("../tasks/attention/explain.ts");
    const { formatExplanation } = await import("../tasks/attention/explanation.ts");
    using display = showEvents();
    const explanation = await explainAttention(folder, { ...options, ...standardInput }, display);
    if (json === true) await printJson(explanation);
    else process.stdout.write(formatExplanation(explanation));
  });
}
