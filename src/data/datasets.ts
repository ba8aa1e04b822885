/** What every data set is: sequences of ids, parted into train, valid, test and out-of-distribution. */
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
  /** The tokens' ids, without specials. */
  readonly tokenIds: Int32Array;
}

/** A named data set, all in memory, 4 bytes a token. */
export interface SequenceDataset<Sequence extends EncodedSequence = EncodedSequence> {
  readonly name: string;
  /** What the ids mean. */
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
 */
function stableHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
