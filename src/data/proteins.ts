/** Protein data sets: FASTA records encoded and parted into train, valid, test and out-of-distribution. */
import { DataError, quoted } from "./errors.ts";
import { readFasta } from "./fasta.ts";
import { proteinVocabulary } from "./vocabulary.ts";
import type { ByteSource } from "./bytes.ts";
import type { FastaRecord } from "./fasta.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** The parts of a data set. "ood" holds families of which training has seen no member. */
export type SplitName = "train" | "valid" | "test" | "ood";

/** All split names, in the order of their use. */
export const splitNames: readonly SplitName[] = ["train", "valid", "test", "ood"];

/** One sequence as ids. */
export interface EncodedSequence {
  /** The record's identifier. */
  readonly id: string;
  /** The family's accession, where the header names one. */
  readonly family?: string;
  /** The letters' ids, without specials. */
  readonly tokenIds: Int32Array;
}

/** A named data set, all in memory, 4 bytes a residue. */
export interface ProteinDataset {
  readonly name: string;
  /** A split that the file does not have is an empty list. */
  readonly splits: Readonly<Record<SplitName, readonly EncodedSequence[]>>;
}

/** What `loadProteins` reads, and how it parts the records. */
export interface LoadProteinsOptions {
  readonly source: ByteSource;
  /** The data set's and the file's name, for messages. */
  readonly name: string;
  /**
   * "header": the header's second word names the split and the third the family ("-" for none), as in
   * `>P00974|BPT1_BOVIN test PS00280`. "hash": by a stable hash of the identifier, 90 % train, 5 % valid, 5 % test and no
   * ood. Hashing looks at no sequence: relatives land on both sides, so its test figures are kinder than family splits.
   */
  readonly splitBy: "header" | "hash";
  /** The alphabet; amino acids unless told. */
  readonly vocabulary?: Vocabulary;
}

/**
 * Reads and encodes a FASTA file.
 *
 * @throws DataError on everything `readFasta` refuses, on letters outside the alphabet, and on a header without a split
 *   when `splitBy` is "header"
 */
export async function loadProteins(options: LoadProteinsOptions): Promise<ProteinDataset> {
  const { source, name, splitBy, vocabulary = proteinVocabulary } = options;
  const assign = splitRules[splitBy];
  const splits: Record<SplitName, EncodedSequence[]> = { train: [], valid: [], test: [], ood: [] };
  for await (const record of readFasta(source, { name })) {
    const tokenIds = vocabulary.encode(record.sequence, { recordId: record.id, fileName: name, line: record.line });
    const { split, family } = assign(record, name);
    splits[split].push({ id: record.id, tokenIds, ...(family === undefined ? {} : { family }) });
  }
  return { name, splits };
}

/**
 * The sequences of one split, at least one.
 *
 * @throws DataError when the data set has none, naming the splits that it has
 */
export function getSplit(dataset: ProteinDataset, split: string): readonly EncodedSequence[] {
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

interface Assignment {
  readonly split: SplitName;
  readonly family?: string;
}

const splitRules = {
  header: splitByHeader,
  hash: splitByHash,
} satisfies Record<LoadProteinsOptions["splitBy"], (record: FastaRecord, fileName: string) => Assignment>;

function splitByHeader({ id, description, line }: FastaRecord, fileName: string): Assignment {
  const [word = "", family = "-"] = description.split(" ");
  const split = splitNames.find((name) => name === word);
  if (split === undefined) {
    throw new DataError({
      who: `${fileName}, line ${line}, record ${id}`,
      rule: `the header's second word must name the split (${splitNames.join(", ")})`,
      got: description === "" ? "a header of one word" : quoted(word),
      fix: 'pass --split-by hash (splitBy: "hash") to part any FASTA file by its identifiers',
    });
  }
  return family === "-" ? { split } : { split, family };
}

/** 20 equal shares: 18 train, 1 valid, 1 test. */
function splitByHash({ id }: FastaRecord): Assignment {
  const share = stableHash(id) % 20;
  if (share === 0) return { split: "valid" };
  return { split: share === 1 ? "test" : "train" };
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
