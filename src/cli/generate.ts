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
      "Generate with a trained model: proteins as FASTA or text, on standard output, and images as PNG files in a folder.",
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
    .option("--prompt <text>", "how each sequence begins: one-letter codes of residues, or text", "")
    .option(
      "--tag <name>",
      "the family or organism of each protein, of a model trained with --set data.tags=family or organism; config.json lists them",
    )
    .option(
      "--tokens <count>",
      `longest continuation; the model may end earlier (default: ${DEFAULT_TOKENS}; images: the whole image)`,
      positiveInteger,
    )
    .option("--temperature <number>", "1: the model's distribution; below: safer; 0: the likeliest", notNegative, 1)
    .option("--top-k <count>", "only the likeliest so many tokens; 0: all", wholeNumber, 0)
    .option("--top-p <share>", "only the likeliest tokens that make up this share; 1: all", shareOfOne, 1)
    .option(
      "--repetition-penalty <number>",
      "above 1: what has come before is less likely; for large vocabularies, of 20 residues all have soon come",
      positiveNumber,
      1,
    )
    .option("--min-tokens <count>", "the model cannot end a sequence before", wholeNumber, 0)
    .option("--unique", "draw others in place of duplicates")
    .option(
      "--novel [fasta]",
      "draw others in place of sequences that are, hold, or are part of one of the training set, or of this file; tells the nearest",
    )
    .option("--seed <number>", "the same seed gives the same sequences", wholeNumber, 0)
    .option("--count <count>", "how many sequences", positiveInteger, 1)
    .option("--out <path>", "a new file for the sequences, or the folder for images (default: standard output)");
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
