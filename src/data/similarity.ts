/** Which sequences are nearly the same: min-hash of k-mers over a reduced alphabet, banded, joined into clusters. */
import type { Vocabulary } from "./vocabulary.ts";

/**
 * Ten groups of amino acids that replace each other often, so that a conservative substitution leaves a k-mer as it
 * was. Source: L. R. Murphy, A. Wallqvist, R. M. Levy, Protein Engineering 13 (2000) 149–152. Of the rare letters B and
 * Z join D, N, E, Q, U joins C and O joins K; X breaks k-mers.
 */
const GROUPS = ["LVIM", "CU", "A", "G", "ST", "P", "FYW", "EDNQBZ", "KRO", "H"] as const;

/**
 * Ten groups to the sixth are 10⁶ words: two unrelated proteins of 400 residues share less than one in a thousand of
 * theirs.
 */
const WORD_LENGTH = 6;

/** Values of a signature: the share that two have in common estimates the share of words, ± 0.06 at one half. */
const SIGNATURE_LENGTH = 64;

/** One value a band: pairs with a third of their words in common meet in one of 64 bands but for one in 10¹¹. */
const BAND_LENGTH = 1;

/**
 * Values in common that make two sequences relatives: an eighth, which unrelated ones never reach. Of pairs of equal
 * length with substitutions at random, those 90 % identical have 24 of 64 in common on average, those 80 % identical
 * 11, those 70 % identical 5.
 */
const FEWEST_IN_COMMON = 8;

/**
 * Newest members of a bucket that a sequence is compared with: words that many strangers have make large ones, and
 * relatives meet in others too.
 */
const MOST_COMPARED = 16;

/** Sequences by number. */
export interface NumberedSequences {
  readonly count: number;
  /** The ids of a sequence's tokens; may be overwritten by the next call. */
  readonly tokensOf: (index: number) => ArrayLike<number>;
}

/**
 * Joins sequences that are nearly the same into clusters.
 *
 * A word is six consecutive residues in an alphabet of ten groups. A sequence's signature is 64 minima of its words'
 * hashes (one permutation: P. Li, A. Owen, C.-H. Zhang, NIPS 2012; densified as by A. Shrivastava, ICML 2017), and the
 * share of values that two signatures have in common estimates the share of words (Jaccard) that the sequences have.
 * Pairs that agree in one of 64 bands of one value are compared, and those with an eighth in common joined, with all
 * that either is joined to already.
 *
 * Identical sequences are always joined. The limits: a fragment, or two proteins that share one domain, have few of all
 * their words in common and are not; nor are distant relatives, which no comparison of words finds (family splits are
 * for these). A chain of relatives is one cluster, though its ends may differ. Time is linear in residues and
 * sequences; memory about 350 bytes a sequence.
 *
 * @param vocabulary of amino-acid letters
 * @returns of each sequence the number of its cluster's first one
 */
export function clusterSimilar({ count, tokensOf }: NumberedSequences, vocabulary: Vocabulary): Int32Array {
  const groups = groupsOf(vocabulary);
  const signatures = new Uint32Array(count * SIGNATURE_LENGTH);
  for (let i = 0; i < count; i++) {
    const target = signatures.subarray(i * SIGNATURE_LENGTH, (i + 1) * SIGNATURE_LENGTH);
    writeSignature(tokensOf(i), groups, target);
  }
  // The last 8 bits of each value, for comparing: 64 bytes a sequence are read four times as fast, and equal by chance
  // for one in 256.
  const digests = new Uint8Array(signatures.length);
  for (let i = 0; i < digests.length; i++) digests[i] = signatures[i] ?? 0;
  const parents = Int32Array.from({ length: count }, (_, i) => i);
  // All of a signature as one band, so that copies always meet; then the bands.
  const sketch = { signatures, digests };
  joinBuckets(sketch, parents, 0, SIGNATURE_LENGTH);
  for (let start = 0; start < SIGNATURE_LENGTH; start += BAND_LENGTH) joinBuckets(sketch, parents, start, BAND_LENGTH);
  return parents.map((_, i) => find(parents, i));
}

/** The signatures of all sequences, 64 numbers each. */
interface Sketch {
  readonly signatures: Uint32Array;
  readonly digests: Uint8Array;
}

/** Joins what agrees in the given values and has enough others in common. */
function joinBuckets({ signatures, digests }: Sketch, parents: Int32Array, start: number, length: number): void {
  const newest = new Map<number, number>();
  const older = new Int32Array(parents.length).fill(-1);
  for (let i = 0; i < parents.length; i++) {
    let key = 0;
    for (let j = 0; j < length; j++) key = mix(key ^ (signatures[i * SIGNATURE_LENGTH + start + j] ?? 0));
    older[i] = newest.get(key) ?? -1;
    newest.set(key, i);
    let other = older[i] ?? -1;
    for (let compared = 0; other >= 0 && compared < MOST_COMPARED; compared++) {
      const a = find(parents, i);
      const b = find(parents, other);
      // The smaller number leads, so that clusters are numbered alike whatever the order of joining.
      if (a !== b && countCommon(digests, i, other) >= FEWEST_IN_COMMON) parents[Math.max(a, b)] = Math.min(a, b);
      other = older[other] ?? -1;
    }
  }
}

function countCommon(digests: Uint8Array, a: number, b: number): number {
  let common = 0;
  for (let j = 0; j < SIGNATURE_LENGTH; j++) {
    if (digests[a * SIGNATURE_LENGTH + j] === digests[b * SIGNATURE_LENGTH + j]) common += 1;
  }
  return common;
}

/** Writes the smallest word hash in each of 64 equal ranges. An empty range borrows the hash of another. */
function writeSignature(tokens: ArrayLike<number>, groups: Int8Array, target: Uint32Array): void {
  const isFilled = new Uint8Array(SIGNATURE_LENGTH);
  const modulus = GROUPS.length ** WORD_LENGTH;
  let word = 0;
  let known = 0;
  let any = false;
  for (let i = 0; i < tokens.length; i++) {
    const group = groups[tokens[i] ?? 0] ?? -1;
    known = group < 0 ? 0 : known + 1;
    word = group < 0 ? 0 : (word * GROUPS.length + group) % modulus;
    if (known < WORD_LENGTH) continue;
    any = true;
    const hash = mix(word + 1);
    const range = hash >>> 26;
    if (isFilled[range] === 1 && (target[range] ?? 0) <= hash) continue;
    target[range] = hash;
    isFilled[range] = 1;
  }
  if (!any) {
    // Shorter than a word: only its copies are like it.
    let hash = mix(tokens.length);
    for (let i = 0; i < tokens.length; i++) hash = mix(hash ^ (tokens[i] ?? 0));
    for (let range = 0; range < SIGNATURE_LENGTH; range++) target[range] = mix(hash + range);
    return;
  }
  const own = isFilled.slice();
  for (let range = 0; range < SIGNATURE_LENGTH; range++) {
    // The walk is the same in every sequence, so that empty ranges agree as often as full ones.
    for (let attempt = 1; isFilled[range] === 0; attempt++) {
      const other = mix(range * 8191 + attempt) >>> 26;
      if (own[other] !== 1) continue;
      target[range] = target[other] ?? 0;
      isFilled[range] = 1;
    }
  }
}

function groupsOf(vocabulary: Vocabulary): Int8Array {
  const found = vocabulary.tokens.map((token) => GROUPS.findIndex((group) => group.includes(token)));
  return Int8Array.from(found);
}

function find(parents: Int32Array, index: number): number {
  let at = index;
  while (true) {
    const parent = parents[at] ?? at;
    if (parent === at) return at;
    // Halves the way for the next time.
    parents[at] = parents[parent] ?? parent;
    at = parent;
  }
}

/** Murmur3's finaliser behind an odd constant: a permutation of 32-bit numbers. */
function mix(value: number): number {
  let hash = (value + 0x9e3779b9) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
