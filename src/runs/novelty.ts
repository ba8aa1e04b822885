/**
 * Whether a generated protein is new: not one of the known sequences, nor a part of one, nor one of them with something
 * around it.
 */

import type { EncodedSequence, Vocabulary } from "../data/index.ts";

/** Known sequences, to hold new ones against. */
export interface KnownSequences {
  readonly count: number;
  /** Whether a sequence is known, is part of a known one, or holds a known one. */
  readonly covers: (sequence: string) => boolean;
  /** The known sequence that shares most k-mers; undefined without any. */
  readonly nearest: (sequence: string) => NearestSequence | undefined;
}

export interface NearestSequence {
  readonly id: string;
  /**
   * Jaccard index of the sets of words of three letters: how many are in both, over how many are in either. No
   * alignment, and no identity: relatives of 30 % identity share hardly more words than chance.
   */
  readonly kmerJaccard: number;
}

/** Letters of a word. */
const K = 3;
/** Between sequences in one text; in no alphabet of ours. */
const SEPARATOR = "\n";
/** The engine's strings end at 2²⁹ characters. */
const LONGEST_TEXT = 2 ** 27;

export function createKnownSequences(
  sequences: Iterable<EncodedSequence>,
  vocabulary: Pick<Vocabulary, "decode">,
): KnownSequences {
  const known: { readonly id: string; readonly sequence: string }[] = [];
  for (const { id, tokenIds } of sequences) known.push({ id, sequence: vocabulary.decode(tokenIds) });
  const texts = joinAll(known.map(({ sequence }) => sequence));
  return {
    count: known.length,
    covers: (sequence) =>
      texts.some((text) => text.includes(sequence)) || known.some((each) => sequence.includes(each.sequence)),
    nearest: (sequence) => {
      const words = kmersOf(sequence);
      let best: NearestSequence | undefined;
      for (const each of known) {
        const kmerJaccard = jaccard(words, each.sequence);
        if (best === undefined || kmerJaccard > best.kmerJaccard) best = { id: each.id, kmerJaccard };
      }
      return best;
    },
  };
}

/** Sequences in few texts, which are searched faster than many. */
function joinAll(sequences: readonly string[]): readonly string[] {
  const texts: string[] = [];
  let pieces: string[] = [];
  let length = 0;
  for (const sequence of sequences) {
    pieces.push(sequence);
    length += sequence.length + 1;
    if (length < LONGEST_TEXT) continue;
    texts.push(pieces.join(SEPARATOR));
    [pieces, length] = [[], 0];
  }
  return pieces.length === 0 ? texts : [...texts, pieces.join(SEPARATOR)];
}

function kmersOf(sequence: string): ReadonlySet<string> {
  return new Set(Array.from({ length: Math.max(0, sequence.length - K + 1) }, (_, at) => sequence.slice(at, at + K)));
}

function jaccard(words: ReadonlySet<string>, other: string): number {
  const others = kmersOf(other);
  let both = 0;
  for (const word of others) if (words.has(word)) both += 1;
  const either = words.size + others.size - both;
  return either === 0 ? 0 : both / either;
}
