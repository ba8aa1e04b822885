/** `performer generate`: new proteins, text or images from a trained model. */

import type { Command } from "commander";

import { imageShapeOf } from "../data/index.ts";
import { formatSamples } from "../runs/samples.ts";
import { DEFAULT_TOKENS, generateSequences, type GenerateOptions } from "../tasks/generate/generate.ts";
import type { OnEvent } from "../runs/events.ts";
import { addDtypeOption } from "./dtype.ts";
import { printJson } from "./output/json.ts";
import { showEvents } from "./output/show-events.ts";
import {
  addEngineOptions,
  createVerb,
  notNegative,
  positiveInteger,
  positiveNumber,
  shareOfOne,
  wholeNumber,
} from "./verb.ts";

interface GenerateVerbOptions extends Omit<GenerateOptions, "asText"> {
  readonly json?: boolean;
}

export function generateCommand(): Command {
  const command = createVerb({
    name: "generate",
    summary:
      "Generate with a trained model: proteins (FASTA) or text on standard output, images as PNG files in a folder.",
    examples: [
      ["generate runs/demo --prompt MKV", "a protein that begins with MKV"],
      ["generate runs/demo --count 10 --seed 1 --out proteins.fasta", "ten proteins, into a file"],
      ["generate runs/demo --prompt M --temperature 0.8 --top-p 0.9", "nearer to what the model is sure of"],
      [
        "generate runs/demo --count 100 --min-tokens 80 --unique --novel --out new.fasta",
        "a hundred different proteins of 80 residues or more, none of the training set",
      ],
      [
        "generate runs/families --tag PS00280",
        "a protein of this family, by a model trained with --set data.tags=family",
      ],
      ["generate runs/text --prompt 'It is a truth'", "text that goes on from there"],
      ["generate runs/fashion --count 4 --out pictures", "four images, pictures/performer-1.png and so on"],
      ["generate gpt2 --prompt 'It is a truth' --tokens 40", "by a pretrained model's folder, or its name on the hub"],
      ["generate runs/demo --dtype int8", "with weights of 8 bits: less memory, more tokens a second"],
      ["generate runs/demo --prompt MKV --json", "with likelihoods, as JSON"],
    ],
  })
    .argument("<folder>", "the run folder that train wrote; or a pretrained decoder, its folder or its name on the hub")
    .option("--prompt <text>", "text that each sequence starts with: residues in one-letter codes, or text", "")
    .option(
      "--tag <name>",
      "the family or organism of each protein, of a model trained with --set data.tags=family or organism; config.json lists them",
    )
    .option(
      "--tokens <count>",
      `most tokens to add; the model may stop earlier (default: ${DEFAULT_TOKENS}; images: the whole image)`,
      positiveInteger,
    )
    .option(
      "--temperature <number>",
      "1 samples the model's distribution, less is safer, 0 takes the most likely token",
      notNegative,
      1,
    )
    .option("--top-k <count>", "sample from this many most likely tokens; 0: from all", wholeNumber, 0)
    .option(
      "--top-p <share>",
      "sample from the most likely tokens that add up to this probability; 1: from all",
      shareOfOne,
      1,
    )
    .option(
      "--repetition-penalty <number>",
      "above 1 makes tokens that have occurred less likely; meant for large vocabularies",
      positiveNumber,
      1,
    )
    .option("--min-tokens <count>", "fewest tokens before a sequence may end", wholeNumber, 0)
    .option("--unique", "replace duplicates by new sequences")
    .option(
      "--novel [fasta]",
      "replace sequences that overlap the training set, or this file, by new ones; prints the nearest known one",
    )
    .option("--seed <number>", "random seed; the same seed gives the same sequences", wholeNumber, 0)
    .option("--count <count>", "number of sequences", positiveInteger, 1)
    .option("--out <path>", "new file for the sequences, or folder for images (default: standard output)");
  return addEngineOptions(addDtypeOption(command)).action(
    async (folder: string, { json, ...options }: GenerateVerbOptions) => {
      using display = showEvents();
      let isShown = false;
      const onEvent: OnEvent = (event) => {
        if (event.type !== "text") return display.onEvent(event);
        isShown = true;
        process.stdout.write(event.text);
      };
      const { result, vocabulary } = await generateSequences(
        folder,
        { ...options, asText: json !== true },
        { onEvent },
      );
      const { samples, file } = result;
      if (isShown) process.stdout.write("\n");
      else if (json === true) await printJson(result);
      else if (file !== undefined) process.stdout.write(`${file}\n`);
      else if (imageShapeOf(vocabulary) === undefined) process.stdout.write(formatSamples(samples, vocabulary));
      else process.stdout.write(samples.map((sample) => `${sample.file ?? ""}\n`).join(""));
    },
  );
}
