// What the attention is shown of: one protein or one text, as the model reads it.

import { basename, join, resolve } from "node:path";

import { proteinVocabulary } from "../../data/index.ts";
import type { Vocabulary } from "../../data/index.ts";
import { longestSequence } from "../../model/positions.ts";
import { outputStack } from "../../model/stacks.ts";
import type { AttentionVerbOptions } from "../attention.ts";
import { wordsOf } from "../data/words.ts";
import type { Words } from "../data/words.ts";
import { UsageError } from "../failures.ts";
import type { EmbedSubject, OpenedModel } from "../model-input/subject.ts";
import { readSequences } from "../sequence-input.ts";
import { visible } from "./labels.ts";
import { DEFAULT_LENGTH, DEFAULT_SEQUENCE, DEFAULT_TEXT } from "./defaults.ts";
import type { AttentionSubject } from "./subject.ts";

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
  readonly subject: EmbedSubject;
  readonly reads: AttentionSubject["reads"];
}

/** A run's own name, or that of a pretrained model's folder. */
export function titleOf(opened: OpenedModel): string {
  return opened.kind === "run" ? opened.run.config.name : basename(resolve(opened.name));
}

/** In a run's own folder; of other models where the command is run, for what lies in theirs may be published with them. */
export function defaultOut(opened: OpenedModel): string {
  return opened.kind === "run" ? join(opened.name, "attention") : `${titleOf(opened)}-attention`;
}

/** By which proteins are read: a pretrained model has the same letters under other ids. */
export function lettersOf({ encode, vocabulary }: EmbedSubject): Vocabulary {
  return encode === undefined ? vocabulary : proteinVocabulary;
}

/** @throws UsageError for models of images, and for options that say nothing of what the model reads */
export function requireReadable(opened: OpenedModel, subject: EmbedSubject, options: AttentionVerbOptions) {
  const { name, reads } = subject;
  if (reads === "images") {
    throw new UsageError(
      `the model must read proteins or text, got ${name}, which reads images: their maps are not drawn; performer embed gives their vectors`,
    );
  }
  const refuse = (option: string, kind: string, fix: string): never => {
    throw new UsageError(`--${option} must come with a model of ${kind}, got ${name}, which reads ${reads}; ${fix}`);
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
 * @throws UsageError for a text without tokens, and for more of it than can be shown; DataError for a protein that is none
 */
export async function readAttentionInput(
  model: ReadableModel,
  options: AttentionVerbOptions,
  notices: string[],
): Promise<AttentionInput> {
  const whole = model.reads === "proteins" ? await readProtein(model, options) : readText(model, options);
  return cutToLength(whole, model.subject, options, notices);
}

type WholeInput = Omit<AttentionInput, "wholeLength">;

async function readProtein({ subject }: ReadableModel, options: AttentionVerbOptions): Promise<WholeInput> {
  const { sequence = DEFAULT_SEQUENCE } = options;
  const letters = lettersOf(subject);
  for await (const { id, residues, tokenIds } of readSequences({ sequence: [sequence] }, letters)) {
    return {
      id,
      reads: "proteins",
      source: residues,
      words: wordsOf("proteins", "language-modeling", letters),
      own: subject.encode?.(residues, id).tokenIds ?? tokenIds,
      ...aroundRuns(subject),
    };
  }
  throw new UsageError("--sequence must name one protein, got none; give its accession or its residues");
}

function readText({ opened, subject }: ReadableModel, { text = DEFAULT_TEXT }: AttentionVerbOptions): WholeInput {
  const { vocabulary } = subject;
  const recordId = "--text";
  const read =
    opened.kind === "run" ? text : opened.model.prompt + (opened.model.lowerCase ? text.toLowerCase() : text);
  const own = vocabulary.encode(read, { recordId });
  // Said of the text, not of what a model's folder puts in front of it.
  if (own.length === 0 || text.trim() === "") {
    throw new UsageError(`--text must hold at least one token, got ${JSON.stringify(text)}; write a sentence`);
  }
  return {
    id: `"${titleText(text)}"`,
    reads: "text",
    source: text,
    words: wordsOf("text", "language-modeling", vocabulary),
    own,
    ...(opened.kind === "run"
      ? aroundRuns(subject)
      : around(own, opened.model.encode(text, recordId, Number.POSITIVE_INFINITY).tokenIds)),
  };
}

/** One line. */
function titleText(text: string): string {
  const letters = Array.from(visible(text.replaceAll(/\s+/g, " ").trim()));
  return letters.length <= TITLE_LETTERS ? letters.join("") : `${letters.slice(0, TITLE_LETTERS - 3).join("")}...`;
}

/** The special tokens that runs and models of proteins read around a sequence. */
function aroundRuns({ config, vocabulary }: EmbedSubject): Pick<WholeInput, "before" | "after"> {
  return { before: [vocabulary.bosId], after: outputStack(config).causal ? [] : [vocabulary.eosId] };
}

/** What a tokenizer has put around its own tokens. */
function around(own: Int32Array, all: Int32Array): Pick<WholeInput, "before" | "after"> {
  const places = Array.from({ length: all.length - own.length + 1 }, (_, place) => place);
  const start = places.find((place) => own.every((id, index) => all[place + index] === id)) ?? 0;
  return { before: Array.from(all.subarray(0, start)), after: Array.from(all.subarray(start + own.length)) };
}

function cutToLength(
  whole: WholeInput,
  { config, longest: read }: EmbedSubject,
  { length: wanted, layers, heads }: AttentionVerbOptions,
  notices: string[],
): AttentionInput {
  const { own, words, reads } = whole;
  const option = reads === "proteins" ? "--sequence" : "--text";
  const maps = (layers?.length ?? config.numLayers) * (heads?.length ?? config.numHeads);
  const extra = whole.before.length + whole.after.length;
  const onPage = Math.floor(Math.sqrt(PAGE_WEIGHTS / maps)) - extra;
  const places = longestSequence(config);
  const longest = Math.min(places.length, read);
  const reason = places.length <= read ? places.reason : "the longest text that the model's folder states";
  if (wanted !== undefined && wanted > onPage) {
    throw new UsageError(
      `--length must be at most ${onPage} for ${maps} heads, as a map is as large as the square, got ${wanted}; ` +
        `choose fewer --layers or --heads, or give a part of the ${words.sample} with ${option}`,
    );
  }
  if (wanted !== undefined && wanted + extra > longest) {
    throw new UsageError(`--length must be at most ${longest - extra} with ${reason}, got ${wanted}; make it smaller`);
  }
  const length = Math.min(wanted ?? DEFAULT_LENGTH, onPage, longest - extra);
  if (own.length <= length) return { ...whole, wholeLength: own.length };
  notices.push(
    `The first ${length} of ${own.length} ${words.units} are shown; --length shows up to ${Math.min(onPage, longest - extra)}, ` +
      `${option} takes any part.`,
  );
  return {
    ...whole,
    source: reads === "proteins" ? whole.source.slice(0, length) : whole.source,
    own: own.subarray(0, length),
    wholeLength: own.length,
  };
}
