// `performer generate`: new proteins, text or images from a trained model.

import type { Command } from "commander";

import { imageShapeOf, vocabularyFrom } from "../data/index.ts";
import type { Vocabulary } from "../data/index.ts";
import { DataError } from "../data/errors.ts";
import { addDtypeOption } from "./dtype.ts";
import type { DtypeOptions } from "./dtype.ts";
import { UsageError } from "./failures.ts";
import { printJson } from "./output/json.ts";
import type { RunConfig } from "./run-config.ts";
import { openRunModel } from "./run-model.ts";
import { formatSamples, generateSamples, writeImages } from "./samples.ts";
import { addEngineOptions, createVerb, notNegative, positiveInteger, shareOfOne, wholeNumber } from "./verb.ts";
import type { EngineOptions } from "./verb.ts";

const DEFAULT_TOKENS = 200;

interface GenerateVerbOptions extends EngineOptions, DtypeOptions {
  readonly prompt: string;
  readonly tokens?: number;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly seed: number;
  readonly count: number;
  readonly out?: string;
  readonly json?: boolean;
}

export function generateCommand(): Command {
  const command = createVerb({
    name: "generate",
    summary:
      "Generate with a trained model: proteins as FASTA or text, on standard output, and images as PNG files in a folder.",
    examples: [
      ["generate runs/demo --prompt MKV", "a protein that begins with MKV"],
      ["generate runs/demo --count 10 --seed 1 > proteins.fasta", "ten proteins, into a file"],
      ["generate runs/demo --prompt M --temperature 0.8 --top-p 0.9", "nearer to what the model is sure of"],
      ["generate runs/text --prompt 'It is a truth'", "text that goes on from there"],
      ["generate runs/fashion --count 4 --out pictures", "four images, pictures/performer-1.png and so on"],
      ["generate runs/demo --dtype int8", "with weights of 8 bits: less memory, more tokens a second"],
      ["generate runs/demo --prompt MKV --json", "with likelihoods, as JSON"],
    ],
  })
    .argument("<folder>", "the run folder that train wrote")
    .option("--prompt <text>", "how each sequence begins: one-letter codes of residues, or text", "")
    .option(
      "--tokens <count>",
      `longest continuation; the model may end earlier (default: ${DEFAULT_TOKENS}; images: the whole image)`,
      positiveInteger,
    )
    .option("--temperature <number>", "1: the model's distribution; below: safer; 0: the likeliest", notNegative, 1)
    .option("--top-k <count>", "only the likeliest so many tokens; 0: all", wholeNumber, 0)
    .option("--top-p <share>", "only the likeliest tokens that make up this share; 1: all", shareOfOne, 1)
    .option("--seed <number>", "the same seed gives the same sequences", wholeNumber, 0)
    .option("--count <count>", "how many sequences", positiveInteger, 1)
    .option("--out <folder>", "where images go");
  return addEngineOptions(addDtypeOption(command)).action(async (path: string, options: GenerateVerbOptions) => {
    const { tokens, temperature, topK, topP, seed, count, dtype, out, prompt } = options;
    const { config, tensors, backend } = await openRunModel(path, options);
    requireGenerating(config);
    const vocabulary = vocabularyFrom(config.vocabulary);
    const shape = imageShapeOf(vocabulary);
    checkOutput(options, shape !== undefined);
    checkPrompt(prompt, vocabulary);
    const samples = await generateSamples({
      config: config.model,
      tensors,
      backend,
      vocabulary,
      prompt,
      maxNewTokens: tokens ?? (shape === undefined ? DEFAULT_TOKENS : shape.width * shape.height * shape.channels),
      temperature,
      topK,
      topP,
      seed,
      count,
      dtype,
    });
    const shown = shape === undefined || out === undefined ? samples : await writeImages(out, samples, vocabulary);
    if (options.json === true) await printJson({ samples: shown });
    else if (shape === undefined) process.stdout.write(formatSamples(samples, vocabulary));
    else process.stdout.write(shown.map((sample) => ("file" in sample ? `${String(sample.file)}\n` : "")).join(""));
  });
}

/** @throws UsageError for models that predict no next token */
function requireGenerating({ data, model }: RunConfig): void {
  if (data.task === "language-modeling" && model.architecture === "decoder") return;
  const isLabelled = data.task === "classification" || data.task === "regression";
  const use = isLabelled
    ? "measure it with eval, and apply it to new sequences with PerformerForSequenceClassification.from_pretrained(folder).predict(sequences)"
    : "measure it with eval";
  throw new UsageError(
    `the model must predict the next token (task language-modeling), got one of task ${data.task}, which sees whole sequences; ` +
      `${use}; to generate, train another with --task language-modeling`,
  );
}

function checkOutput({ out, prompt, tokens, json }: GenerateVerbOptions, areImages: boolean): void {
  if (!areImages && out !== undefined) {
    throw new UsageError(
      "--out must come with a model of images, got one of text, which is printed; redirect it with >",
    );
  }
  if (!areImages) return;
  if (out === undefined && json !== true) {
    throw new UsageError("images must have a folder to go to, got none; add --out pictures");
  }
  if (prompt !== "" || tokens !== undefined) {
    throw new UsageError("images are generated whole, got --prompt or --tokens; leave them out");
  }
}

/** Refused in the name of the option. */
function checkPrompt(prompt: string, vocabulary: Vocabulary): void {
  try {
    vocabulary.encode(prompt);
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    const { rule, got, fix } = error;
    throw new DataError({ who: "--prompt", rule, got, fix }, { cause: error });
  }
}
