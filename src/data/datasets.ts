/** The common form of data sets: sequences of token ids in the splits train, valid, test and ood. */
import { DataError, quoted } from "./errors.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** The parts of a data set. "ood" holds what training has seen nothing like, e.g. other protein families. */
export type SplitName = "train" | "valid" | "test" | "ood";

/** All split names, in the order of their use. */
export const splitNames: readonly SplitName[] = ["train", "valid", "test", "ood"];

/** Something for every split. */
export type Splits<T> = Readonly<Record<SplitName, T>>;

/** One sequence as ids. */
export interface EncodedSequence {
  /** The record's, document's or image's identifier. */
  readonly id: string;
  /** The protein family's accession, where the header names one. */
  readonly family?: string;
  /** The token that stands in front, in place of <bos>: a conditioning tag. Default: <bos>. */
  readonly startId?: number | undefined;
  /** The tokens' ids, without specials. Sequences of an index read them anew every time: keep what is used twice. */
  readonly tokenIds: Int32Array;
  /**
   * The number of tokens, of sequences that are read on demand; these hold ordinary tokens, all of which can be
   * predicted.
   */
  readonly length?: number;
  /** The tokens start … end − 1, of sequences that are read on demand. */
  readTokens?(start: number, end: number): Int32Array;
  /**
   * All tokens as bytes, of packed sequences: for counting and hashing millions. A view that is valid until the next
   * read.
   */
  readBytes?(): Uint8Array;
}

/** The number of tokens, without reading them where it is known. */
export function lengthOf(sequence: EncodedSequence): number {
  return sequence.length ?? sequence.tokenIds.length;
}

/** The tokens start … end − 1, without reading the others. */
export function readTokens(sequence: EncodedSequence, start: number, end: number): Int32Array {
  return sequence.readTokens?.(start, end) ?? sequence.tokenIds.subarray(start, end);
}

/** The token in front of a sequence: its tag, else <bos>. */
export function startOf({ startId }: EncodedSequence, { bosId }: Pick<Vocabulary, "bosId">): number {
  return startId ?? bosId;
}

/** A named data set: all in memory, 4 bytes a token, or read on demand from an index. */
export interface SequenceDataset<Sequence extends EncodedSequence = EncodedSequence> {
  readonly name: string;
  /** The vocabulary of the token ids. */
  readonly vocabulary: Vocabulary;
  /** A split that the data do not have is an empty list. */
  readonly splits: Splits<readonly Sequence[]>;
}

/** Empty lists to be filled. */
export function emptySplits<T>(): Record<SplitName, T[]> {
  return { train: [], valid: [], test: [], ood: [] };
}

/**
 * The sequences of one split, at least one.
 *
 * @throws DataError when the data set has none, naming the splits that it has
 */
export function getSplit<Sequence extends EncodedSequence>(
  dataset: Pick<SequenceDataset<Sequence>, "name" | "splits">,
  split: string,
): readonly Sequence[] {
  const found = splitNames.find((name) => name === split);
  const sequences = found === undefined ? [] : dataset.splits[found];
  if (sequences.length > 0) return sequences;
  const present = splitNames.filter((name) => dataset.splits[name].length > 0);
  throw new DataError({
    who: `data set ${dataset.name}`,
    rule: "the split must hold at least one sequence",
    got: `${quoted(split)}, which ${found === undefined ? "is not a split" : "is empty"}`,
    fix: present.length === 0 ? "read a file that has records" : `use one of ${present.join(", ")}`,
  });
}

/**
 * The split of an identifier by a stable hash, in 20 equal shares.
 *
 * @param heldOut the shares of valid and of test each. Default 1: 90 % train, 5 % valid, 5 % test
 */
export function splitByHash(id: string, heldOut = 1): SplitName {
  const share = stableHash(id) % 20;
  if (share % 2 === 0 && share < 2 * heldOut) return "valid";
  return share < 2 * heldOut ? "test" : "train";
}

/**
 * FNV-1a over UTF-16 units, then Murmur3's finaliser, as FNV's low bits alone are weak. It stands apart from the random
 * generator, so that a data set's splits outlive any change there.
 *
 * @param basis where it starts; others give hashes that are independent of each other
 */
export function stableHash(text: string, basis = 0x811c9dc5): number {
  let hash = basis;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
