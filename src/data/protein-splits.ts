/**
 * Which split each record of a FASTA file belongs to: as its header says, or by its identifier, its family, or its
 * relatives.
 */
import { readLines, type ByteSource } from "./bytes.ts";
import { splitByHash, splitNames, stableHash, type SplitName } from "./datasets.ts";
import { DataError, quoted } from "./errors.ts";
import { clusterSimilar, type NumberedSequences } from "./similarity.ts";
import { accessionOf } from "./uniprot.ts";
import type { FastaHeader } from "./fasta-scan.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Ways of parting proteins. */
export const proteinSplitRules = ["header", "hash", "family", "similarity"] as const;

export type ProteinSplitRule = (typeof proteinSplitRules)[number];

/** How records are parted. */
export interface ProteinSplitOptions {
  /**
   * "header": the header's second word names the split and the third the family ("-" for none), as in
   * `>P00974|BPT1_BOVIN test PS00280`. "hash": by a stable hash of the identifier, 90 % train, 5 % valid, 5 % test and
   * no ood; hashing looks at no sequence, so relatives land on both sides and its test figures are kinder than the
   * others'. "family": by a hash of the family, 80 % of families train, 5 % valid, 5 % test, 10 % ood, so that no
   * family is parted; records without a family go by their identifiers, never to ood. "similarity": by a hash of the
   * cluster of nearly equal sequences, in the shares of "hash"; what is found and what is not, `clusterSimilar` tells.
   */
  readonly splitBy: ProteinSplitRule;
  /**
   * For "family", or tags of it: the families of an accession, as `readFamilies` reads them. Default: those of the
   * headers.
   */
  readonly families?: Families;
}

/** Families by accession. */
export type Families = ReadonlyMap<string, readonly string[]>;

/** Records by number. */
export interface NumberedRecords extends NumberedSequences {
  readonly idOf: (index: number) => string;
  readonly headerOf: (index: number) => FastaHeader & { readonly line: number };
  /** The file's name, for messages. */
  readonly name: string;
}

/** The outcome for a record. */
export interface Assignment {
  readonly split: SplitName;
  readonly family?: string;
}

/**
 * The splits of all records, in their order.
 *
 * @throws DataError on a header without a split when splitBy is "header", and when it is "family" and no record has one
 */
export function assignSplits(
  records: NumberedRecords,
  options: ProteinSplitOptions,
  vocabulary: Vocabulary,
): Iterable<Assignment> {
  return assigners[options.splitBy](records, options, vocabulary);
}

type Assigner = (
  records: NumberedRecords,
  options: ProteinSplitOptions,
  vocabulary: Vocabulary,
) => Iterable<Assignment>;

const assigners = {
  *header({ count, headerOf, name }: NumberedRecords): Generator<Assignment> {
    for (let i = 0; i < count; i++) yield splitByHeader(headerOf(i), name);
  },
  *hash({ count, idOf }: NumberedRecords): Generator<Assignment> {
    for (let i = 0; i < count; i++) yield { split: splitByHash(idOf(i)) };
  },
  family: assignByFamily,
  similarity: assignBySimilarity,
} satisfies Record<ProteinSplitRule, Assigner>;

/** @throws DataError when the header's second word names no split */
function splitByHeader(
  { id, description, line }: FastaHeader & { readonly line: number },
  fileName: string,
): Assignment {
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

function* assignByFamily(
  { count, headerOf, name }: NumberedRecords,
  { families }: ProteinSplitOptions,
): Generator<Assignment> {
  const groups = families === undefined ? undefined : joinFamilies(families);
  let hasAny = false;
  for (let i = 0; i < count; i++) {
    const header = headerOf(i);
    const family = familyOf(header, families);
    if (family === undefined) {
      yield { split: splitByHash(header.id) };
      continue;
    }
    hasAny = true;
    yield { split: splitOfFamily(groups?.get(family) ?? family), family };
  }
  if (hasAny) return;
  throw new DataError({
    who: name,
    rule: "there must be a family for at least one record to part them by families",
    got: families === undefined ? "headers without any" : "a table that names none of the accessions",
    fix:
      'name a table of accession and family with data.families (families), write headers such as ">P00974 test ' +
      'PS00280", ' +
      'or part by relatives with --split-by similarity (splitBy: "similarity")',
  });
}

/** In 20 equal shares, as identifiers are. */
function splitOfFamily(family: string): SplitName {
  const share = stableHash(family) % 20;
  return (["valid", "test", "ood", "ood"] as const)[share] ?? "train";
}

/**
 * The family of a record: the first that the table names, or without a table the header's third word, where the second
 * one is a split.
 */
export function familyOf({ id, description }: FastaHeader, families?: Families): string | undefined {
  if (families !== undefined) return (families.get(id) ?? families.get(accessionOf(id)))?.[0];
  const [split = "", family = "-"] = description.split(" ");
  return splitNames.some((name) => name === split) && family !== "-" ? family : undefined;
}

/** Families with a member in common are one: of each the first of those that belong together. */
function joinFamilies(families: Families): ReadonlyMap<string, string> {
  const leaders = new Map<string, string>();
  const leaderOf = (family: string): string => {
    let at = family;
    for (let next = leaders.get(at); next !== undefined; next = leaders.get(at)) at = next;
    return at;
  };
  for (const own of families.values()) {
    for (const family of own.slice(1)) {
      const [a = "", b = ""] = [leaderOf(own[0] ?? family), leaderOf(family)].toSorted();
      if (a !== b) leaders.set(b, a);
    }
  }
  return new Map([...leaders.keys()].map((family) => [family, leaderOf(family)]));
}

function* assignBySimilarity(
  records: NumberedRecords,
  _options: ProteinSplitOptions,
  vocabulary: Vocabulary,
): Generator<Assignment> {
  const clusters = clusterSimilar(records, vocabulary);
  // The smallest identifier stands for the cluster, whatever the order of the file.
  const keys = new Map<number, string>();
  for (const [i, cluster] of clusters.entries()) {
    const id = records.idOf(i);
    const key = keys.get(cluster);
    if (key === undefined || id < key) keys.set(cluster, id);
  }
  for (const cluster of clusters) yield { split: splitByHash(keys.get(cluster) ?? "") };
}

/**
 * Reads a table of accession and family, tab-separated, plain or gzip; further columns, blank lines and lines that
 * begin with "#" are left out. An accession may have several families: these then stay together.
 *
 * @param name the file's name, for messages
 * @throws DataError on a line of one column, and on a table without lines
 */
export async function readFamilies(source: ByteSource, name: string): Promise<Families> {
  const families = new Map<string, string[]>();
  for await (const { text, number } of readLines(source, name)) {
    if (text.trim() === "" || text.startsWith("#")) continue;
    const [accession = "", family = ""] = text.split("\t").map((cell) => cell.trim());
    if (accession === "" || family === "") {
      throw new DataError({
        who: `${name}, line ${number}`,
        rule: "a line must hold an accession and its family with a tab between them",
        got: quoted(text),
        fix: "separate the columns by tabs, or remove the line",
      });
    }
    const own = families.get(accession);
    if (own === undefined) families.set(accession, [family]);
    else if (!own.includes(family)) own.push(family);
  }
  if (families.size > 0) return families;
  throw new DataError({
    who: name,
    rule: "a table of families must hold at least one line",
    got: "none",
    fix: "write lines of accession, tab, family",
  });
}
