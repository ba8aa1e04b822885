/** Protein data sets: FASTA records encoded and parted into train, valid, test and out-of-distribution. */
import { emptySplits, splitByHash, splitNames } from "./datasets.ts";
import { DataError, quoted } from "./errors.ts";
import { readFasta } from "./fasta.ts";
import { proteinVocabulary } from "./vocabulary.ts";
import type { ByteSource } from "./bytes.ts";
import type { EncodedSequence, SequenceDataset, SplitName } from "./datasets.ts";
import type { FastaRecord } from "./fasta.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** A data set of proteins. */
export type ProteinDataset = SequenceDataset;

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
  const splits = emptySplits<EncodedSequence>();
  for await (const record of readFasta(source, { name })) {
    const tokenIds = vocabulary.encode(record.sequence, { recordId: record.id, fileName: name, line: record.line });
    const { split, family } = assign(record, name);
    splits[split].push({ id: record.id, tokenIds, ...(family === undefined ? {} : { family }) });
  }
  return { name, vocabulary, splits };
}

interface Assignment {
  readonly split: SplitName;
  readonly family?: string;
}

const splitRules = {
  header: splitByHeader,
  hash: ({ id }: FastaRecord): Assignment => ({ split: splitByHash(id) }),
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
