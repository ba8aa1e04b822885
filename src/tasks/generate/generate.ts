/** New proteins, text or images from a trained model. */

import { problem } from "../../graph/errors.ts";
import { DataError } from "../../data/errors.ts";
import { imageShapeOf, splitNames, tagId, type Vocabulary } from "../../data/index.ts";
import type { ModelConfig } from "../../model/config.ts";
import type { WeightDtype } from "../../onnx/weight-dtype.ts";
import type { EngineOptions } from "../../runs/engine-options.ts";
import { notice, untilAborted, type OnEvent, type TaskContext } from "../../runs/events.ts";
import { createKnownSequences, type KnownSequences } from "../../runs/novelty.ts";
import { openModel, embeddingModelOf, type OpenedModel } from "../../runs/open-model.ts";
import type { RunConfig } from "../../runs/run-config.ts";
import { loadRunData } from "../../runs/run-model.ts";
import { formatSamples, generateSamples, isProtein, writeImages, type Sample } from "../../runs/samples.ts";
import { UsageError } from "../../runs/usage.ts";
import { writeFileAtomically } from "../../storage/files.ts";
import { formatCount, plural } from "../../text/numbers.ts";

/** Longest continuation where nothing else is asked for. */
export const DEFAULT_TOKENS = 200;

export interface GenerateOptions extends EngineOptions {
  /** How weights are stored. */
  readonly dtype: WeightDtype;
  /** The text that sequences begin with. */
  readonly prompt: string;
  /** The family or organism of each protein. */
  readonly tag?: string;
  /** Longest continuation. Default 200; of images the whole image. */
  readonly tokens?: number;
  /** Divides the logits; 0 takes the most probable token. */
  readonly temperature: number;
  /** Draws from the k most probable tokens; 0: from all. */
  readonly topK: number;
  /** Draws from the most probable tokens that together reach this probability; 1: from all. */
  readonly topP: number;
  /** Makes tokens that have come before less probable; 1: no change. */
  readonly repetitionPenalty: number;
  /** The sequence cannot end before it has so many new tokens. */
  readonly minTokens: number;
  /** Draws others in place of duplicates. */
  readonly unique?: boolean;
  /** Draws others in place of sequences of a FASTA file; true: of the run's own training sequences. */
  readonly novel?: string | true;
  /** Same seed, same result. Default 0. */
  readonly seed: number;
  /** How many. */
  readonly count: number;
  /** A new file for the sequences, or the folder for images. */
  readonly out?: string;
  /**
   * Whether the result is to be shown as text, which images cannot be. A single text is then reported in events of type
   * `text` while it is written. Default false.
   */
  readonly asText?: boolean;
}

export interface GenerateResult {
  readonly samples: readonly (Sample & { readonly file?: string })[];
  /** Where others were drawn in place of some. */
  readonly dropped?: Readonly<Record<"duplicate" | "refused", number>>;
  /** The file of all sequences, where one was asked for. */
  readonly file?: string;
}

export interface Generated {
  readonly result: GenerateResult;
  readonly vocabulary: Vocabulary;
}

/**
 * @param folder of a run, or a pretrained decoder, its folder or its name on the hub
 * @throws UsageError for models that do not generate, and for options that do not fit the model; DataError for prompts
 *   and tags that it does not have; StorageError for files that cannot be written
 */
export async function generateSequences(
  folder: string,
  options: GenerateOptions,
  { signal, onEvent }: TaskContext = {},
): Promise<Generated> {
  const { tokens, temperature, topK, topP, seed, count, dtype, out, prompt, tag } = options;
  const { repetitionPenalty, minTokens, unique = false } = options;
  const told = untilAborted(signal, onEvent);
  const opened = await openModel(folder, options, told);
  const { config, tensors, backend, vocabulary } = embeddingModelOf(opened);
  requireGenerating(opened, config);
  const shape = imageShapeOf(vocabulary);
  checkOutput(options, shape !== undefined);
  checkPrompt(prompt, vocabulary);
  if (tag !== undefined) checkTag(tag, vocabulary, opened);
  const known = await knownSequences(opened, options, told);
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
    signal,
    onEvent: told,
    isStreamed: options.asText === true && out === undefined && count === 1 && isWrittenAsIs(vocabulary, options),
  });
  tellDropped(dropped, generated.length, options, told);
  const samples = known === undefined ? generated : generated.map((sample) => withNearest(sample, known));
  const shown = shape === undefined || out === undefined ? samples : await writeImages(out, samples, vocabulary);
  const isFile = shape === undefined && out !== undefined;
  if (isFile) await writeFileAtomically(out, formatSamples(samples, vocabulary));
  const result = { samples: shown, ...(isDropping(options) && { dropped }), ...(isFile && { file: out }) };
  return { result, vocabulary };
}

/**
 * Whether a sequence is shown as it is, so that it can be shown while it is written: text, with nothing to compare it
 * with.
 */
function isWrittenAsIs(vocabulary: Vocabulary, { unique, novel }: GenerateOptions): boolean {
  const isText = !isProtein(vocabulary) && imageShapeOf(vocabulary) === undefined;
  return isText && unique !== true && novel === undefined;
}

/** @throws UsageError for models that predict no next token */
function requireGenerating(opened: OpenedModel, { architecture, head }: ModelConfig): void {
  if (opened.kind === "pretrained") {
    if (architecture === "decoder" && head === "language-modeling") return;
    throw new UsageError(
      problem`the model must predict the next token, got ${opened.name}, an ${architecture} with head '${head}'; use one
      of model_type gpt2`,
    );
  }
  const { data } = opened.run.config;
  if (data.task === "language-modeling" && architecture === "decoder") return;
  const isLabelled = data.task === "classification" || data.task === "regression";
  const use = isLabelled
    ? "measure it with eval, and apply it to new sequences with PerformerForSequenceClassification.from_pretrained(folder).predict(sequences)"
    : "measure it with eval";
  throw new UsageError(
    problem`the model must predict the next token (task language-modeling), got one of task ${data.task}, which sees
    whole sequences; ${use}; to generate, train another with --task language-modeling`,
  );
}

/** The sequences that new ones are held against; undefined where none are asked for. */
async function knownSequences(
  opened: OpenedModel,
  { novel }: GenerateOptions,
  onEvent: OnEvent,
): Promise<KnownSequences | undefined> {
  if (novel === undefined) return undefined;
  const config = requireRunOfProteins("--novel", opened);
  const other = novel === true ? {} : { fasta: novel, splitBy: "hash" as const };
  const { splits, vocabulary } = await loadRunData(config, other, "hold new sequences against", onEvent);
  // A file counts with all its records, the run's own data with those it was trained on.
  const sequences = novel === true ? splits.train : splitNames.flatMap((name) => [...splits[name]]);
  return createKnownSequences(sequences, vocabulary);
}

function withNearest(sample: Sample, known: KnownSequences): Sample {
  const nearest = known.nearest(sample.sequence);
  return nearest === undefined ? sample : { ...sample, nearest };
}

function isDropping({ unique, novel }: GenerateOptions): boolean {
  return unique === true || novel !== undefined;
}

/** What was drawn in vain, and whether there are fewer sequences than were asked for. */
function tellDropped(
  { duplicate, refused }: Readonly<Record<"duplicate" | "refused", number>>,
  found: number,
  { count, unique, novel }: GenerateOptions,
  onEvent: OnEvent,
): void {
  const told = [
    ...(unique === true ? [`${formatCount(duplicate)} ${plural(duplicate, "duplicate")}`] : []),
    ...(novel === undefined ? [] : [`${formatCount(refused)} known ${plural(refused, "sequence")}`]),
  ];
  if (told.length > 0) notice(onEvent, `dropped: ${told.join(", ")}`);
  if (found >= count) return;
  notice(
    onEvent,
    `only ${formatCount(found)} of ${formatCount(count)} sequences were found in 20 draws for each; raise --temperature or --tokens, or give another --prompt`,
  );
}

function checkOutput(options: GenerateOptions, areImages: boolean): void {
  const { out, prompt, tokens, asText, minTokens, unique, novel } = options;
  if (!areImages && minTokens > (tokens ?? DEFAULT_TOKENS)) {
    throw new UsageError(
      problem`--min-tokens must be at most --tokens (${tokens ?? DEFAULT_TOKENS}), got ${minTokens}; raise --tokens, or
      lower it`,
    );
  }
  if (!areImages) return;
  if (minTokens > 0 || unique === true || novel !== undefined) {
    throw new UsageError(problem`images are generated whole, got --min-tokens, --unique or --novel; leave them out`);
  }
  if (out === undefined && asText === true) {
    throw new UsageError(problem`images must have a folder to go to, got none; add --out pictures`);
  }
  if (prompt !== "" || tokens !== undefined) {
    throw new UsageError(problem`images are generated whole, got --prompt or --tokens; leave them out`);
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
  throw new UsageError(problem`${option} must come with a model of proteins, got one of ${kind}; leave it out`);
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
