// `performer generate`: new proteins, text or images from a trained model.

import type { Command } from "commander";

import { imageShapeOf, splitNames, tagId } from "../data/index.ts";
import type { Vocabulary } from "../data/index.ts";
import { DataError } from "../data/errors.ts";
import { addDtypeOption } from "./dtype.ts";
import type { DtypeOptions } from "./dtype.ts";
import { UsageError } from "../runs/usage.ts";
import { writeFileAtomically } from "../storage/files.ts";
import { createKnownSequences } from "../runs/novelty.ts";
import type { KnownSequences } from "../runs/novelty.ts";
import { openModel, subjectOf } from "../runs/open-model.ts";
import type { OpenedModel } from "../runs/open-model.ts";
import type { ModelConfig } from "../model/config.ts";
import { printJson } from "./output/json.ts";
import { formatCount, plural } from "../text/numbers.ts";
import type { RunConfig } from "../runs/run-config.ts";
import { loadRunData } from "../runs/run-model.ts";
import { formatSamples, generateSamples, writeImages } from "../runs/samples.ts";
import type { Sample } from "../runs/samples.ts";
import {
  addEngineOptions,
  createVerb,
  notNegative,
  positiveInteger,
  positiveNumber,
  shareOfOne,
  wholeNumber,
} from "./verb.ts";
import type { EngineOptions } from "../runs/engine-options.ts";

const DEFAULT_TOKENS = 200;

interface GenerateVerbOptions extends EngineOptions, DtypeOptions {
  readonly prompt: string;
  readonly tag?: string;
  readonly tokens?: number;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly repetitionPenalty: number;
  readonly minTokens: number;
  readonly unique?: boolean;
  /** true: the run's own training sequences. */
  readonly novel?: string | true;
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
  return addEngineOptions(addDtypeOption(command)).action(async (path: string, options: GenerateVerbOptions) => {
    const { tokens, temperature, topK, topP, seed, count, dtype, out, prompt, tag } = options;
    const { repetitionPenalty, minTokens, unique = false } = options;
    const opened = await openModel(path, options);
    const { config, tensors, backend, vocabulary } = subjectOf(opened);
    requireGenerating(opened, config);
    const shape = imageShapeOf(vocabulary);
    checkOutput(options, shape !== undefined);
    checkPrompt(prompt, vocabulary);
    if (tag !== undefined) checkTag(tag, vocabulary, opened);
    const known = await knownSequences(opened, options);
    const dropped = { duplicate: 0, refused: 0 };
    const generated = await generateSamples({
      config,
      tensors,
      backend,
      vocabulary,
      prompt,
      ...(tag !== undefined && { tag }),
      maxNewTokens: tokens ?? (shape === undefined ? DEFAULT_TOKENS : shape.width * shape.height * shape.channels),
      temperature,
      topK,
      topP,
      repetitionPenalty,
      minNewTokens: minTokens,
      unique,
      ...(known && { accept: (sequence) => !known.covers(sequence) }),
      onDropped: (reason) => {
        dropped[reason] += 1;
      },
      seed,
      count,
      dtype,
    });
    tellDropped(dropped, generated.length, options);
    const samples = known === undefined ? generated : generated.map((sample) => withNearest(sample, known));
    const shown = shape === undefined || out === undefined ? samples : await writeImages(out, samples, vocabulary);
    const isFile = shape === undefined && out !== undefined;
    if (isFile) await writeFileAtomically(out, formatSamples(samples, vocabulary));
    const told = { ...(isDropping(options) && { dropped }), ...(isFile && { file: out }) };
    if (options.json === true) await printJson({ samples: shown, ...told });
    else if (isFile) process.stdout.write(`${out}\n`);
    else if (shape === undefined) process.stdout.write(formatSamples(samples, vocabulary));
    else process.stdout.write(shown.map((sample) => ("file" in sample ? `${String(sample.file)}\n` : "")).join(""));
  });
}

/** @throws UsageError for models that predict no next token */
function requireGenerating(opened: OpenedModel, { architecture, head }: ModelConfig): void {
  if (opened.kind === "pretrained") {
    if (architecture === "decoder" && head === "language-modeling") return;
    throw new UsageError(
      `the model must predict the next token, got ${opened.name}, an ${architecture} with head '${head}'; use one of model_type gpt2`,
    );
  }
  const { data } = opened.run.config;
  if (data.task === "language-modeling" && architecture === "decoder") return;
  const isLabelled = data.task === "classification" || data.task === "regression";
  const use = isLabelled
    ? "measure it with eval, and apply it to new sequences with PerformerForSequenceClassification.from_pretrained(folder).predict(sequences)"
    : "measure it with eval";
  throw new UsageError(
    `the model must predict the next token (task language-modeling), got one of task ${data.task}, which sees whole sequences; ` +
      `${use}; to generate, train another with --task language-modeling`,
  );
}

/** The sequences that new ones are held against; undefined where none are asked for. */
async function knownSequences(
  opened: OpenedModel,
  { novel }: GenerateVerbOptions,
): Promise<KnownSequences | undefined> {
  if (novel === undefined) return undefined;
  const config = requireRunOfProteins("--novel", opened);
  const other = novel === true ? {} : { fasta: novel, splitBy: "hash" as const };
  const { splits, vocabulary } = await loadRunData(config, other, "hold new sequences against");
  // Of a file all records count, of the run's own data those that it has learnt from.
  const sequences = novel === true ? splits.train : splitNames.flatMap((name) => [...splits[name]]);
  return createKnownSequences(sequences, vocabulary);
}

function withNearest(sample: Sample, known: KnownSequences): Sample {
  const nearest = known.nearest(sample.sequence);
  return nearest === undefined ? sample : { ...sample, nearest };
}

function isDropping({ unique, novel }: GenerateVerbOptions): boolean {
  return unique === true || novel !== undefined;
}

/** What was drawn in vain, and whether there are fewer sequences than were asked for. */
function tellDropped(
  { duplicate, refused }: Readonly<Record<"duplicate" | "refused", number>>,
  found: number,
  { count, unique, novel }: GenerateVerbOptions,
): void {
  const told = [
    ...(unique === true ? [`${formatCount(duplicate)} ${plural(duplicate, "duplicate")}`] : []),
    ...(novel === undefined ? [] : [`${formatCount(refused)} known ${plural(refused, "sequence")}`]),
  ];
  if (told.length > 0) process.stderr.write(`dropped: ${told.join(", ")}\n`);
  if (found >= count) return;
  process.stderr.write(
    `only ${formatCount(found)} of ${formatCount(count)} sequences were found in 20 draws for each; raise --temperature or --tokens, or give another --prompt\n`,
  );
}

function checkOutput(options: GenerateVerbOptions, areImages: boolean): void {
  const { out, prompt, tokens, json, minTokens, unique, novel } = options;
  if (!areImages && minTokens > (tokens ?? DEFAULT_TOKENS)) {
    throw new UsageError(
      `--min-tokens must be at most --tokens (${tokens ?? DEFAULT_TOKENS}), got ${minTokens}; raise --tokens, or lower it`,
    );
  }
  if (!areImages) return;
  if (minTokens > 0 || unique === true || novel !== undefined) {
    throw new UsageError("images are generated whole, got --min-tokens, --unique or --novel; leave them out");
  }
  if (out === undefined && json !== true) {
    throw new UsageError("images must have a folder to go to, got none; add --out pictures");
  }
  if (prompt !== "" || tokens !== undefined) {
    throw new UsageError("images are generated whole, got --prompt or --tokens; leave them out");
  }
}

/** @throws UsageError for models of other kinds; DataError when the model has no such tag */
function checkTag(tag: string, vocabulary: Vocabulary, opened: OpenedModel): void {
  requireRunOfProteins("--tag", opened);
  tagId(vocabulary, tag, "--tag");
}

/** @throws UsageError for everything else */
function requireRunOfProteins(option: string, opened: OpenedModel): RunConfig {
  const kind = opened.kind === "run" ? opened.run.config.data.kind : "text";
  if (opened.kind === "run" && kind === "proteins") return opened.run.config;
  throw new UsageError(`${option} must come with a model of proteins, got one of ${kind}; leave it out`);
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
