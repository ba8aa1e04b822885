/**
 * Conditioning tags of proteins: what a model is told of a sequence before its first residue, so that it can be asked
 * for more of the kind. Source: CTRL, arXiv:1909.05858; ProGen, arXiv:2004.03497.
 */
import { requirePositiveInteger } from "../graph/arguments.ts";
import { DataError, quoted } from "./errors.ts";
import { familyOf, type Assignment, type NumberedRecords, type ProteinSplitOptions } from "./protein-splits.ts";
import { parseUniProtHeader } from "./uniprot.ts";
import { letterVocabulary } from "./vocabularies/letters.ts";
import type { FastaHeader } from "./fasta-scan.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** The properties that can become tags. */
export const tagKinds = ["family", "organism"] as const;

export type TagKind = (typeof tagKinds)[number];

/** Which sequences get a tag. */
export interface TagOptions {
  /**
   * "family": the first family of the table, or without a table the header's third word, where the second one is a
   * split; whatever `splitBy` is. "organism": what a header of UniProt says, OS=Bos taurus or Tax=Bacillus. Default: no
   * tags.
   */
  readonly tags?: TagKind;
  /** Sequences of the training split that a tag must have. Default 5: fewer teach a token next to nothing. */
  readonly minTagged?: number;
}

/** The outcome for a record, and the token in front of it. */
export interface TaggedAssignment extends Assignment {
  readonly startId?: number;
}

/** Records with their tags, in their order. */
export interface TaggedRecords {
  /** With the tags. */
  readonly vocabulary: Vocabulary;
  readonly assignments: Iterable<TaggedAssignment>;
}

type TagReader = (header: FastaHeader, families: ProteinSplitOptions["families"]) => string | undefined;

const readers = {
  family: familyOf,
  organism: ({ id, description }) => parseUniProtHeader(`${id} ${description}`).organism,
} satisfies Record<TagKind, TagReader>;

const remedies = {
  family:
    'name a table of accession and family with data.families (families), write headers such as ">P00974 train PS00280"',
  organism: 'take a file with headers of UniProt, such as ">sp|P00974|BPT1_BOVIN … OS=Bos taurus OX=9913"',
} satisfies Record<TagKind, string>;

/**
 * Gives each record the tag that it is named by; records without one, or with one of too few sequences, begin with
 * <bos>.
 *
 * The tags are those of at least minTagged training sequences, by name; where the vocabulary has tags already, as that
 * of a trained model, it is these, whatever the records name.
 *
 * @param assigned the records' splits, in their order
 * @throws DataError when no tag has sequences enough, and on names that `checkTags` refuses
 */
export function assignTags(
  records: Pick<NumberedRecords, "count" | "headerOf" | "name">,
  assigned: Iterable<Assignment>,
  options: TagOptions & Pick<ProteinSplitOptions, "families">,
  vocabulary: Vocabulary,
): TaggedRecords {
  const { tags: kind, families } = options;
  if (kind === undefined) return { vocabulary, assignments: assigned };
  const assignments = [...assigned];
  // A number a record: names come again and again.
  const numbers = new Map<string, number>();
  const numberOf = new Int32Array(records.count).fill(-1);
  const trained: number[] = [];
  for (const [index, { split }] of assignments.entries()) {
    const name = readers[kind](records.headerOf(index), families);
    if (name === undefined) continue;
    const number = numbers.get(name) ?? numbers.size;
    numbers.set(name, number);
    numberOf[index] = number;
    trained[number] = (trained[number] ?? 0) + (split === "train" ? 1 : 0);
  }
  const counts = new Map([...numbers].map(([name, number]) => [name, trained[number] ?? 0]));
  const tagged =
    vocabulary.tags === undefined
      ? withTags(vocabulary, chooseTags(records.name, counts, { ...options, tags: kind }))
      : vocabulary;
  const first = tagged.size - (tagged.tags?.length ?? 0);
  // A tag of a trained model need not be in these data.
  const idOf = new Map(tagged.tags?.map((name, index) => [numbers.get(name), first + index]));
  return {
    vocabulary: tagged,
    assignments: assignments.map((assignment, index) => {
      const startId = idOf.get(numberOf[index]);
      return startId === undefined ? assignment : { ...assignment, startId };
    }),
  };
}

/** @param counts training sequences by name */
function chooseTags(
  fileName: string,
  counts: ReadonlyMap<string, number>,
  options: TagOptions & Pick<ProteinSplitOptions, "families"> & { readonly tags: TagKind },
): readonly string[] {
  const { tags: kind, minTagged = 5, families } = options;
  requirePositiveInteger(fileName, "minTagged (data.minTagged)", minTagged, "pass a number such as 5", DataError);
  const chosen = [...counts].filter(([, count]) => count >= minTagged).map(([name]) => name);
  if (chosen.length > 0) return chosen.toSorted();
  const [commonest] = [...counts].toSorted(([, a], [, b]) => b - a);
  const none = families === undefined ? "headers without any" : "a table that names none of the accessions";
  throw new DataError({
    who: fileName,
    rule:
      `tags need ${kind === "family" ? "a family" : "an organism"} of at least ${minTagged} training sequences ` +
      "(data.tags, data.minTagged)",
    got: commonest === undefined ? none : `at most ${commonest[1]}, of ${quoted(commonest[0])}`,
    fix: `${commonest === undefined ? remedies[kind] : "lower data.minTagged"}, or leave data.tags out`,
  });
}

/**
 * The same alphabet with these tags in place of its own.
 *
 * @returns the vocabulary itself where neither has any
 * @throws DataError for vocabularies that are no alphabets, and on tags that `checkTags` refuses
 */
export function withTags(vocabulary: Vocabulary, tags: readonly string[]): Vocabulary {
  if (tags.length === 0 && vocabulary.tags === undefined) return vocabulary;
  const description = vocabulary.toJSON();
  if (description.kind === "letters") return letterVocabulary({ ...description, tags });
  throw new DataError({
    who: "withTags",
    rule: "tags must come with an alphabet",
    got: `the vocabulary ${vocabulary.name} of ${description.kind}`,
    fix: "pass proteinVocabulary, or make one with letterVocabulary",
  });
}
