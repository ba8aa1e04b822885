/** Reads the FASTA headers of UniProt: UniProtKB, its isoforms, and UniRef's clusters. */

/** The parts of a header that are there. Source: https://www.uniprot.org/help/fasta-headers */
export interface UniProtHeader {
  /**
   * "P00974"; of an isoform "Q4R572-2"; of a UniRef cluster the one that it is named after, "Q9K794"; else the
   * identifier.
   */
  readonly accession: string;
  readonly database: "Swiss-Prot" | "TrEMBL" | "UniRef" | "other";
  /** "BPT1_BOVIN". */
  readonly entryName?: string;
  /** The protein's name; for UniRef, the cluster's name. */
  readonly proteinName?: string;
  /** "Bos taurus"; for UniRef, the members' common taxon. */
  readonly organism?: string;
  /** NCBI's taxonomy identifier. */
  readonly taxon?: number;
  readonly gene?: string;
  /** The number behind the accession's dash: 2 of Q4R572-2. */
  readonly isoform?: number;
  /** Evidence that the protein exists, from 1 (at protein level) to 5 (uncertain). */
  readonly existence?: number;
  /** Version of the sequence. */
  readonly version?: number;
  /** UniRef: the cluster's identifier, "UniRef50_Q9K794". */
  readonly cluster?: string;
  /** UniRef: the number of members. */
  readonly members?: number;
  /** UniRef: the representative's entry name. */
  readonly representative?: string;
}

/**
 * Reads a header.
 *
 * `>sp|P00974|BPT1_BOVIN Pancreatic trypsin inhibitor OS=Bos taurus OX=9913 GN=PTI PE=1 SV=2`, the same with `tr|`,
 * isoforms (`sp|Q4R572-2|…`), `>UniRef50_Q9K794 Putative AgrB-like protein n=2 Tax=Bacillus TaxID=1386
 * RepID=AGRB_BACHD`, the embedded proteins' `>P00974|BPT1_BOVIN`, and any other header, whose first word is taken for
 * the accession.
 *
 * @param header with or without the ">"
 */
export function parseUniProtHeader(header: string): UniProtHeader {
  const text = header.trim().replace(/^>\s*/, "");
  const blank = text.search(/\s/);
  const id = blank < 0 ? text : text.slice(0, blank);
  const uniRef = /^UniRef\d+_(\S+)$/.exec(id);
  const { name, fields } = readFields(
    blank < 0 ? "" : text.slice(blank).trim(),
    uniRef === null ? KNOWLEDGEBASE_KEYS : UNIREF_KEYS,
  );
  const read = {
    ...given("proteinName", uniRef === null ? name : name.replace(/^Cluster:?\s+/, "")),
    ...given("organism", fields.get("OS") ?? fields.get("Tax")),
    ...given("taxon", toNumber(fields.get("OX") ?? fields.get("TaxID"))),
    ...given("gene", fields.get("GN")),
    ...given("existence", toNumber(fields.get("PE"))),
    ...given("version", toNumber(fields.get("SV"))),
    ...given("members", toNumber(fields.get("n"))),
    ...given("representative", fields.get("RepID")),
  };
  if (uniRef !== null) {
    const [, accession = id] = uniRef;
    return { database: "UniRef", accession, ...isoformOf(accession), cluster: id, ...read };
  }
  const [first = "", second, third] = id.split("|");
  const database = databases.get(first);
  if (database !== undefined && second !== undefined && second !== "") {
    return { database, accession: second, ...isoformOf(second), ...given("entryName", third), ...read };
  }
  // The form of the embedded proteins. Identifiers of other databases are kept whole.
  const isPair = third === undefined && ACCESSION.test(first);
  if (!isPair) return { database: "other", accession: id, ...read };
  return { database: "other", accession: first, ...isoformOf(first), ...given("entryName", second), ...read };
}

/** The accession of an identifier, as `parseUniProtHeader` tells it. */
export function accessionOf(id: string): string {
  const [first = "", second, third] = id.split("|");
  if (second === undefined) return /^UniRef\d+_(.+)$/.exec(id)?.[1] ?? id;
  if (databases.has(first)) return second === "" ? id : second;
  return third === undefined && ACCESSION.test(first) ? first : id;
}

const databases: ReadonlyMap<string, UniProtHeader["database"]> = new Map([
  ["sp", "Swiss-Prot"],
  ["tr", "TrEMBL"],
]);

/** Source: https://www.uniprot.org/help/accession_numbers, with the number of an isoform. */
const ACCESSION = /^(?:[OPQ]\d[A-Z\d]{3}\d|[A-NR-Z]\d(?:[A-Z][A-Z\d]{2}\d){1,2})(?:-\d+)?$/;

const KNOWLEDGEBASE_KEYS = /(?:^|\s)(OS|OX|GN|PE|SV)=/g;
const UNIREF_KEYS = /(?:^|\s)(n|Tax|TaxID|RepID)=/g;

/** The words before the first KEY=value, and the fields; values reach to the next key. */
function readFields(
  text: string,
  pattern: RegExp,
): { readonly name: string; readonly fields: ReadonlyMap<string, string> } {
  const keys = [...text.matchAll(pattern)];
  const fields = new Map<string, string>();
  for (const [i, match] of keys.entries()) {
    const value = text.slice(match.index + match[0].length, keys[i + 1]?.index).trim();
    const key = match[1] ?? "";
    if (!fields.has(key)) fields.set(key, value);
  }
  return { name: text.slice(0, keys[0]?.index).trim(), fields };
}

function isoformOf(accession: string): { readonly isoform?: number } {
  return ACCESSION.test(accession) ? given("isoform", toNumber(/-(\d+)$/.exec(accession)?.[1])) : {};
}

function toNumber(text: string | undefined): number | undefined {
  const digits = /^\d+/.exec(text ?? "");
  return digits === null ? undefined : Number(digits[0]);
}

/** A property where there is a value. */
function given<K extends string, V extends string | number>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  // A computed key has the type string; it is K.
  return value === undefined || value === "" ? {} : ({ [key]: value } as { [P in K]?: V });
}
