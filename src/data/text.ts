/** Text data sets: documents encoded and parted into train, valid and test. */
import { readText, type ByteSource } from "./bytes.ts";
import {
  emptySplits,
  splitByHash,
  splitNames,
  type EncodedSequence,
  type SequenceDataset,
  type SplitName,
} from "./datasets.ts";
import { DataError } from "./errors.ts";
import { byteVocabulary } from "./vocabularies/bytes.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** One document. */
export interface TextSource {
  /** The document's identifier, for messages too: the file's name. */
  readonly name: string;
  /** UTF-8, plain or gzip; taken as it stands, line ends included. */
  readonly source: ByteSource;
  /** Puts the whole document there, whatever `splitBy` says: data that come as files of their own, one a split. */
  readonly split?: SplitName;
}

/** Shares of a document or of documents, in this order; they add up to 1. */
export type SplitShares = Readonly<Record<"train" | "valid" | "test", number>>;

/** Options of `loadText`: the files, and how documents are split. */
export interface LoadTextOptions {
  /** The files, each with its name. */
  readonly sources: readonly TextSource[];
  /** The data set's name. Default: the documents' names. */
  readonly name?: string;
  /**
   * What the ids mean, or a function that makes it from all texts, such as `characterVocabulary`. Default
   * `byteVocabulary`, which knows every text.
   */
  readonly vocabulary?: Vocabulary | ((texts: readonly string[]) => Vocabulary);
  /**
   * "contiguous": the beginning of each document is train, what follows valid, its end test, so that no window of one
   * split holds text of another. "hash": whole documents by a stable hash of their names, 90 % train, 5 % valid, 5 %
   * test. Default "contiguous", which also suits a single document.
   */
  readonly splitBy?: "contiguous" | "hash";
  /**
   * For "contiguous". Default 0.9, 0.05, 0.05; characters are the unit, so the cuts do not depend on the vocabulary.
   */
  readonly shares?: SplitShares;
}

/**
 * Reads and encodes documents. A part without a character is left out.
 *
 * @throws DataError when there is no document, when one is not text in UTF-8 or is empty, when the shares do not add up
 *   to 1, and on text outside the vocabulary
 */
export async function loadText(options: LoadTextOptions): Promise<SequenceDataset> {
  const { sources, splitBy = "contiguous", shares = { train: 0.9, valid: 0.05, test: 0.05 } } = options;
  const name = options.name ?? sources.map((source) => source.name).join(", ");
  checkShares(shares);
  const documents: { readonly name: string; readonly split: SplitName | undefined; readonly text: string }[] = [];
  for (const { name: fileName, source, split } of sources) {
    const text = await readText(source, fileName);
    if (text === "") {
      throw new DataError({
        who: fileName,
        rule: "a document must hold at least one character",
        got: "an empty file",
        fix: "check that the path is right and that the download has finished",
      });
    }
    documents.push({ name: fileName, split, text });
  }
  if (documents.length === 0) {
    throw new DataError({
      who: "loadText",
      rule: "there must be at least one document",
      got: "none",
      fix: "pass sources: [{ name, source }]",
    });
  }

  const given = options.vocabulary ?? byteVocabulary;
  const vocabulary = typeof given === "function" ? given(documents.map(({ text }) => text)) : given;
  const splits = emptySplits<EncodedSequence>();
  for (const { name: id, split, text } of documents) {
    const whole = split ?? (splitBy === "hash" ? splitByHash(id) : undefined);
    const parts = whole === undefined ? cutText(text, shares) : { [whole]: text };
    for (const splitName of splitNames) {
      const part = parts[splitName] ?? "";
      if (part !== "") splits[splitName].push({ id, tokenIds: vocabulary.encode(part, { recordId: id }) });
    }
  }
  return { name, vocabulary, splits };
}

/** Consecutive parts of a text, cut between characters. */
export function cutText(text: string, { train, valid }: SplitShares): Partial<Record<SplitName, string>> {
  const first = characterBoundary(text, Math.round(text.length * train));
  const second = characterBoundary(text, Math.round(text.length * (train + valid)));
  return { train: text.slice(0, first), valid: text.slice(first, second), test: text.slice(second) };
}

/** The given index, or the next one where it would part a surrogate pair. */
export function characterBoundary(text: string, index: number): number {
  const code = text.charCodeAt(index);
  const isLowSurrogate = code >= 0xdc00 && code <= 0xdfff;
  return isLowSurrogate && index > 0 ? index + 1 : index;
}

function checkShares(shares: SplitShares): void {
  const { train, valid, test } = shares;
  const all = [train, valid, test];
  if (all.every((share) => share >= 0) && Math.abs(train + valid + test - 1) < 1e-9) return;
  throw new DataError({
    who: "loadText",
    rule: "shares must not be negative and must add up to 1",
    got: `train ${train}, valid ${valid}, test ${test}`,
    fix: "pass { train: 0.9, valid: 0.05, test: 0.05 }, or leave them out",
  });
}
