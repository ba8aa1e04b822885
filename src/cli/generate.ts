// `performer generate`: new proteins from a trained model.

import type { Command } from "commander";

import { proteinVocabulary } from "../data/index.ts";
import { DataError } from "../data/errors.ts";
import { addDtypeOption } from "./dtype.ts";
import type { DtypeOptions } from "./dtype.ts";
import { printJson } from "./output/json.ts";
import { openRunModel } from "./run-model.ts";
import { formatFasta, generateSamples } from "./samples.ts";
import { addEngineOptions, createVerb, notNegative, positiveInteger, shareOfOne, wholeNumber } from "./verb.ts";
import type { EngineOptions } from "./verb.ts";

interface GenerateVerbOptions extends EngineOptions, DtypeOptions {
  readonly prompt: string;
  readonly tokens: number;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly seed: number;
  readonly count: number;
  readonly json?: boolean;
}

export function generateCommand(): Command {
  const command = createVerb({
    name: "generate",
    summary: "Generate proteins with a trained model, as FASTA on standard output.",
    examples: [
      ["generate runs/demo --prompt MKV", "a protein that begins with MKV"],
      ["generate runs/demo --count 10 --seed 1 > proteins.fasta", "ten proteins, into a file"],
      ["generate runs/demo --prompt M --temperature 0.8 --top-p 0.9", "nearer to what the model is sure of"],
      ["generate runs/demo --dtype int8", "with weights of 8 bits: less memory, more tokens a second"],
      ["generate runs/demo --prompt MKV --json", "with likelihoods, as JSON"],
    ],
  })
    .argument("<folder>", "the run folder that train wrote")
    .option("--prompt <residues>", "how each protein begins, one-letter codes", "")
    .option("--tokens <count>", "longest continuation; the model may end earlier", positiveInteger, 200)
    .option("--temperature <number>", "1: the model's distribution; below: safer; 0: the likeliest", notNegative, 1)
    .option("--top-k <count>", "only the likeliest so many residues; 0: all", wholeNumber, 0)
    .option("--top-p <share>", "only the likeliest residues that make up this share; 1: all", shareOfOne, 1)
    .option("--seed <number>", "the same seed gives the same proteins", wholeNumber, 0)
    .option("--count <count>", "how many proteins", positiveInteger, 1);
  return addEngineOptions(addDtypeOption(command)).action(async (path: string, options: GenerateVerbOptions) => {
    const { prompt, tokens, temperature, topK, topP, seed, count, dtype } = options;
    checkPrompt(prompt);
    const { config, tensors, backend } = await openRunModel(path, options);
    const samples = await generateSamples({
      config: config.model,
      tensors,
      backend,
      prompt,
      maxNewTokens: tokens,
      temperature,
      topK,
      topP,
      seed,
      count,
      dtype,
    });
    if (options.json === true) await printJson({ samples });
    else process.stdout.write(formatFasta(samples));
  });
}

/** Refused before the model is read, in the name of the option. */
function checkPrompt(prompt: string): void {
  try {
    proteinVocabulary.encode(prompt);
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    const { rule, got, fix } = error;
    throw new DataError({ who: "--prompt", rule, got, fix }, { cause: error });
  }
}
