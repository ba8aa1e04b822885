/**
 * Packed records as a data set whose sequences are read on demand: filtered by length, parted, their accessions
 * counted.
 */
import { assignTags, type TagOptions } from "./conditioning.ts";
import { emptySplits, stableHash, type EncodedSequence, type SequenceDataset } from "./datasets.ts";
import { DataError } from "./errors.ts";
import {
  countRecords,
  packedSequence,
  readHeader,
  readId,
  readRecord,
  recordLength,
  type PackedRecords,
} from "./packed.ts";
import { assignSplits, type ProteinSplitOptions } from "./protein-splits.ts";
import { accessionOf } from "./uniprot.ts";

/** Which records are taken. */
export interface LengthLimits {
  /** The shortest sequence that is taken, in tokens. Default 1. */
  readonly minLength?: number;
  /** The longest sequence that is taken, in tokens. Default: no limit. */
  readonly maxLength?: number;
}

/** How packed records become a data set. */
export interface PackedDatasetOptions extends ProteinSplitOptions, TagOptions, LengthLimits {
  /** The file's name. */
  readonly name: string;
}

/** A data set whose sequences lie packed. */
export interface PackedDataset extends SequenceDataset {
  /** Sequences that the limits leave out. */
  readonly leftOut: { readonly short: number; readonly long: number };
  /** Records whose accession an earlier one has, and the first such accession; all are kept. */
  readonly duplicates: { readonly count: number; readonly first: string } | undefined;
}

/**
 * Parts packed records. What is held is an object a sequence (about 100 bytes, as much again for its place in a plan),
 * no residue.
 *
 * @throws DataError when no record is within the limits, and on what `assignSplits` and `assignTags` refuse
 */
export function packedDataset(records: PackedRecords, options: PackedDatasetOptions): PackedDataset {
  const { name, minLength = 1, maxLength = Number.POSITIVE_INFINITY } = options;
  const { vocabulary } = records;
  const count = countRecords(records);
  const kept = new Uint32Array(count);
  let numKept = 0;
  const leftOut = { short: 0, long: 0 };
  for (let i = 0; i < count; i++) {
    const length = recordLength(records, i);
    if (length < minLength) leftOut.short += 1;
    else if (length > maxLength) leftOut.long += 1;
    else kept[numKept++] = i;
  }
  if (numKept === 0) {
    throw new DataError({
      who: name,
      rule:
        `there must be at least one sequence of ${minLength} to ${maxLength} residues (data.minLength, ` +
        "data.maxLength)",
      got: `${leftOut.short} shorter and ${leftOut.long} longer ones`,
      fix: "widen the limits, or leave them out",
    });
  }
  const recordAt = (index: number): number => kept[index] ?? 0;
  const numbered = {
    name,
    count: numKept,
    tokensOf: (index: number) => readRecord(records, recordAt(index), 0, recordLength(records, recordAt(index))),
    idOf: (index: number) => readId(records, recordAt(index)),
    headerOf: (index: number) => ({
      ...readHeader(records, recordAt(index)),
      line: records.lines[recordAt(index)] ?? 0,
    }),
  };
  const splits = emptySplits<EncodedSequence>();
  const tagged = assignTags(numbered, assignSplits(numbered, options, vocabulary), options, vocabulary);
  let index = 0;
  for (const { split, ...facts } of tagged.assignments) {
    splits[split].push(packedSequence(records, recordAt(index), facts));
    index += 1;
  }
  return { name, vocabulary: tagged.vocabulary, splits, leftOut, duplicates: findDuplicates(records) };
}

/**
 * By a hash of 53 bits a record, so that millions of identifiers need not be held; those of equal hashes are compared
 * as they are.
 */
function findDuplicates(records: PackedRecords): PackedDataset["duplicates"] {
  const count = countRecords(records);
  const accessionAt = (index: number): string => accessionOf(readId(records, index));
  const hashes = new Float64Array(count);
  for (let i = 0; i < count; i++) hashes[i] = longHash(accessionAt(i));
  const sorted = hashes.toSorted();
  const repeated = new Set<number>();
  for (let i = 1; i < count; i++) if (sorted[i] === sorted[i - 1]) repeated.add(sorted[i] ?? 0);
  const seen = new Set<string>();
  let first: string | undefined;
  let found = 0;
  for (let i = 0; i < count && repeated.size > 0; i++) {
    if (!repeated.has(hashes[i] ?? 0)) continue;
    const accession = accessionAt(i);
    if (seen.has(accession)) {
      first ??= accession;
      found += 1;
    }
    seen.add(accession);
  }
  return first === undefined ? undefined : { count: found, first };
}

function longHash(text: string): number {
  return stableHash(text) * 2 ** 21 + (stableHash(text, 0x2f0b4c47) >>> 11);
}
