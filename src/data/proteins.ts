/** Protein data sets: FASTA records encoded and parted into train, valid, test and out-of-distribution. */
import { assignTags, type TagOptions } from "./conditioning.ts";
import { emptySplits, type EncodedSequence, type SequenceDataset } from "./datasets.ts";
import { readFasta } from "./fasta.ts";
import { assignSplits, type ProteinSplitOptions } from "./protein-splits.ts";
import { proteinVocabulary } from "./vocabularies/letters.ts";
import type { ByteSource } from "./bytes.ts";
import type { FastaHeader } from "./fasta-scan.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** A data set of proteins. */
export type ProteinDataset = SequenceDataset;

/** Options of `loadProteins`: the file, and how records are split. */
export interface LoadProteinsOptions extends ProteinSplitOptions, TagOptions {
  /** The file's bytes. */
  readonly source: ByteSource;
  /** The data set's and the file's name, for messages. */
  readonly name: string;
  /**
   * The alphabet; amino acids unless told. Where it has tags, these are the data's, whatever else their headers name.
   */
  readonly vocabulary?: Vocabulary;
}

/**
 * Reads and encodes a FASTA file, all in memory; `loadIndexedProteins` reads files of any size.
 *
 * @throws DataError on everything `readFasta` refuses, on letters outside the alphabet, and on a header without a split
 *   when `splitBy` is "header"; on what `assignTags` refuses
 */
export async function loadProteins(options: LoadProteinsOptions): Promise<ProteinDataset> {
  const { source, name, vocabulary = proteinVocabulary } = options;
  const headers: (FastaHeader & { readonly line: number })[] = [];
  const encoded: Int32Array[] = [];
  for await (const { id, description, line, sequence } of readFasta(source, { name })) {
    encoded.push(vocabulary.encode(sequence, { recordId: id, fileName: name, line }));
    headers.push({ id, description, line });
  }
  const splits = emptySplits<EncodedSequence>();
  const records = {
    name,
    count: encoded.length,
    tokensOf: (index: number) => encoded[index] ?? new Int32Array(),
    idOf: (index: number) => headers[index]?.id ?? "",
    headerOf: (index: number) => headers[index] ?? { id: "", description: "", line: 0 },
  };
  const tagged = assignTags(records, assignSplits(records, options, vocabulary), options, vocabulary);
  let index = 0;
  for (const { split, ...facts } of tagged.assignments) {
    splits[split].push({ id: records.idOf(index), ...facts, tokenIds: records.tokensOf(index) });
    index += 1;
  }
  return { name, vocabulary: tagged.vocabulary, splits };
}
