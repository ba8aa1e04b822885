/** What the attention is shown of: one protein or one text, as the model reads it. */

import { problem } from "../../graph/errors.ts";
import { basename, join, resolve } from "node:path";

import type { EncodedText } from "../../convert/index.ts";
import { proteinVocabulary, type Vocabulary } from "../../data/index.ts";
import { longestSequence } from "../../model/positions.ts";
import { outputStack } from "../../model/stacks.ts";
import { wordsOf, type Words } from "../../runs/data/words.ts";
import { UsageError } from "../../runs/usage.ts";
import type { EmbeddingModel, OpenedModel } from "../../runs/open-model.ts";
import { readSequences } from "../input/sequence-input.ts";
import { visible } from "../../views/attention/labels.ts";
import { DEFAULT_LENGTH, DEFAULT_SEQUENCE, DEFAULT_TEXT, type AttentionOptions } from "./options.ts";
import type { AttentionSubject } from "../../views/attention/subject.ts";

/** Weights that a page holds, two bytes each: 21 MB of text. */
const PAGE_WEIGHTS = 8 * 2 ** 20;
/** Letters of a text that stand for it in titles. */
const TITLE_LETTERS = 60;

export interface AttentionInput extends Pick<AttentionSubject, "id" | "reads"> {
  /** The residues that are shown, or the text as it was given. */
  readonly source: string;
  readonly words: Words;
  /** Special tokens in front of it. */
  readonly before: readonly number[];
  /** The tokens that are shown. */
  readonly own: Int32Array;
  /** Special tokens behind it. */
  readonly after: readonly number[];
  /** Tokens before it was cut, special ones left out. */
  readonly wholeLength: number;
}

/** A model whose maps can be drawn. */
export interface ReadableModel {
  readonly opened: OpenedModel;
  readonly subject: EmbeddingModel;
  readonly reads: AttentionSubject["reads"];
}

/** A run's own name, or that of a pretrained model's folder. */
export function titleOf(opened: OpenedModel): string {
  return opened.kind === "run" ? opened.run.config.name : basename(resolve(opened.name));
}

/** The titles of two models; their full paths where the titles are equal. */
export function titlesOf(first: OpenedModel, second: OpenedModel): readonly [first: string, second: string] {
  const titles = [titleOf(first), titleOf(second)] as const;
  return titles[0] === titles[1] ? [first.name, second.name] : titles;
}

/**
 * In a run's own folder; of other models where the command is run, for what lies in theirs may be published with them.
 */
export function defaultOut(opened: OpenedModel): string {
  return opened.kind === "run" ? join(opened.name, "attention") : `${titleOf(opened)}-attention`;
}

/** By which proteins are read: a pretrained model has the same letters under other ids. */
export function lettersOf({ encode, vocabulary }: EmbeddingModel): Vocabulary {
  return encode === undefined ? vocabulary : proteinVocabulary;
}

/** @throws UsageError for models of images, and for options that say nothing of what the model reads */
export function requireReadable(opened: OpenedModel, subject: EmbeddingModel, options: AttentionOptions) {
  const { name, reads } = subject;
  if (reads === "images") {
    throw new UsageError(
      problem`the model must read proteins or text, got ${name}, which reads images: their maps are not drawn; performer
      embed gives their vectors`,
    );
  }
  const refuse = (option: string, kind: string, fix: string): never => {
    throw new UsageError(
      problem`--${option} must come with a model of ${kind}, got ${name}, which reads ${reads}; ${fix}`,
    );
  };
  if (reads === "proteins" && options.text !== undefined) refuse("text", "text", "use --sequence");
  if (reads === "text") {
    if (options.sequence !== undefined) refuse("sequence", "proteins", "use --text");
    const { similarityOf, fasta, split, count } = options;
    const given = Object.entries({ "similarity-of": similarityOf, fasta, split, count });
    const [wrong] = given.find(([, value]) => value !== undefined) ?? [];
    if (wrong !== undefined) refuse(wrong, "proteins", "leave it out: texts have no amino acids to compare");
  }
  return { opened, subject, reads } satisfies ReadableModel;
}

/**
 * The protein or the text that the command line names, else one that is known, cut to what can be shown.
 *
 * @param notices is told what was cut
 * @throws UsageError for a text without tokens, and for more of it than can be shown; DataError for a protein that is
 *   none
 */
export async function readAttentionInput(
  model: ReadableModel,
  options: AttentionOptions,
  notices: string[],
): Promise<AttentionInput> {
  return cutToLength(await readWhole(model, options), model.subject, options, notices);
}

/**
 * Reads the input like `readAttentionInput`, but whole: nothing is cut to the model's length.
 *
 * @throws UsageError for a text without tokens; DataError for a protein that is none
 */
export async function readWhole(model: ReadableModel, options: AttentionOptions): Promise<AttentionInput> {
  const whole = model.reads === "proteins" ? await readProtein(model, options) : readText(model, options);
  return { ...whole, wholeLength: whole.own.length };
}

/** The first of its tokens, with the special ones around them. */
export function firstTokens(whole: AttentionInput, length: number): AttentionInput {
  const { reads, source, own } = whole;
  return {
    ...whole,
    source: reads === "proteins" ? source.slice(0, length) : source,
    own: own.subarray(0, length),
  };
}

/** How many tokens of its own the model reads of a protein or text, beside the special ones, and why not more. */
export function roomFor(
  { before, after }: Pick<AttentionInput, "before" | "after">,
  { config, longest }: Pick<EmbeddingModel, "config" | "longest">,
): { readonly room: number; readonly reason: string } {
  const places = longestSequence(config);
  const extra = before.length + after.length;
  return places.length <= longest
    ? { room: places.length - extra, reason: places.reason }
    : { room: longest - extra, reason: "the longest text that the model's folder states" };
}

type WholeInput = Omit<AttentionInput, "wholeLength">;

async function readProtein({ opened, subject }: ReadableModel, options: AttentionOptions): Promise<WholeInput> {
  const { sequence = DEFAULT_SEQUENCE } = options;
  const letters = lettersOf(subject);
  for await (const { id, residues, tokenIds } of readSequences({ sequence: [sequence] }, letters)) {
    return {
      id,
      reads: "proteins",
      source: residues,
      words: wordsOf("proteins", "language-modeling", letters),
      own: opened.kind === "run" ? tokenIds : opened.model.encode(residues, id, Number.POSITIVE_INFINITY).tokenIds,
      ...aroundRuns(subject),
    };
  }
  throw new UsageError(problem`--sequence must name one protein, got none; give its accession or its residues`);
}

function readText({ opened, subject }: ReadableModel, { text = DEFAULT_TEXT }: AttentionOptions): WholeInput {
  const { vocabulary } = subject;
  const recordId = "--text";
  const read =
    opened.kind === "run"
      ? { own: vocabulary.encode(text, { recordId }), ...aroundRuns(subject) }
      : parted(opened.model.encode(text, recordId, Number.POSITIVE_INFINITY));
  // Said of the text, not of what a model's folder puts in front of it.
  if (read.own.length === 0 || text.trim() === "") {
    throw new UsageError(problem`--text must hold at least one token, got ${JSON.stringify(text)}; write a sentence`);
  }
  return {
    id: `"${titleText(text)}"`,
    reads: "text",
    source: text,
    words: wordsOf("text", "language-modeling", vocabulary),
    ...read,
  };
}

/** One line. */
function titleText(text: string): string {
  const letters = Array.from(visible(text.replaceAll(/\s+/g, " ").trim()));
  return letters.length <= TITLE_LETTERS ? letters.join("") : `${letters.slice(0, TITLE_LETTERS - 3).join("")}...`;
}

/** The special tokens that runs and models of proteins read around a sequence. */
function aroundRuns({ config, vocabulary }: EmbeddingModel): Pick<WholeInput, "before" | "after"> {
  return { before: [vocabulary.bosId], after: outputStack(config).causal ? [] : [vocabulary.eosId] };
}

/** A text's own tokens, and what its tokenizer has put around them. */
function parted({ tokenIds, specials }: EncodedText): Pick<WholeInput, "before" | "own" | "after"> {
  const [before, after] = specials ?? [0, 0];
  const end = tokenIds.length - after;
  return {
    before: Array.from(tokenIds.subarray(0, before)),
    own: tokenIds.subarray(before, end),
    after: Array.from(tokenIds.subarray(end)),
  };
}

function cutToLength(
  whole: AttentionInput,
  subject: EmbeddingModel,
  { length: wanted, layers, heads }: AttentionOptions,
  notices: string[],
): AttentionInput {
  const { own, words, reads } = whole;
  const { config } = subject;
  const option = reads === "proteins" ? "--sequence" : "--text";
  const maps = (layers?.length ?? config.numLayers) * (heads?.length ?? config.numHeads);
  const onPage = Math.floor(Math.sqrt(PAGE_WEIGHTS / maps)) - whole.before.length - whole.after.length;
  const { room, reason } = roomFor(whole, subject);
  if (wanted !== undefined && wanted > onPage) {
    throw new UsageError(
      problem`--length must be at most ${onPage} for ${maps} heads, as a map is as large as the square, got ${wanted};
      choose fewer --layers or --heads, or give a part of the ${words.sample} with ${option}`,
    );
  }
  if (wanted !== undefined && wanted > room) {
    throw new UsageError(problem`--length must be at most ${room} with ${reason}, got ${wanted}; make it smaller`);
  }
  const length = Math.min(wanted ?? DEFAULT_LENGTH, onPage, room);
  if (own.length <= length) return whole;
  notices.push(
    `The first ${length} of ${own.length} ${words.units} are shown; --length shows up to ${Math.min(onPage, room)}, ` +
      `${option} takes any part.`,
  );
  return firstTokens(whole, length);
}
