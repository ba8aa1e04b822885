/** The baseline that every model must beat: letter frequencies, without any context. */
import { DataError } from "./errors.ts";
import { proteinVocabulary } from "./vocabularies/letters.ts";
import type { EncodedSequence } from "./datasets.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** How well letter frequencies predict a split, a residue at a time, special tokens left out. */
export interface UnigramBaseline {
  /** Share of residues that are the training data's commonest one, in [0, 1]. */
  readonly accuracy: number;
  /** exp of the mean −ln p(residue). */
  readonly perplexity: number;
}

/** The part of a sequence that a baseline reads. */
type CountedSequence = Pick<EncodedSequence, "tokenIds" | "readBytes">;

/** The part of a vocabulary that a baseline reads: its size, and which ids count. */
type OrdinaryIds = Pick<Vocabulary, "size" | "isResidue">;

/**
 * The training residues' distribution applied to other sequences. Each sequence is read once and let go.
 *
 * p(letter) = (count + 1) / (total + number of letters): add-one smoothing, so that a letter which training lacks costs
 * much and not infinitely much.
 *
 * @param vocabulary says which ids are residues; amino acids unless told
 * @throws DataError when either side has no residue
 */
export function unigramBaseline(
  train: Iterable<CountedSequence>,
  evaluated: Iterable<CountedSequence>,
  vocabulary: OrdinaryIds = proteinVocabulary,
): UnigramBaseline {
  const trainCounts = countResidues("training", train, vocabulary);
  const counts = countResidues("evaluated", evaluated, vocabulary);
  const smoothedTotal = trainCounts.total + trainCounts.byId.size;
  const total = counts.total;
  let commonest = 0;
  let hits = 0;
  let lossNats = 0;
  for (const [id, trainCount] of trainCounts.byId) {
    const count = counts.byId.get(id) ?? 0;
    lossNats -= (count / total) * Math.log((trainCount + 1) / smoothedTotal);
    if (trainCount > commonest) {
      commonest = trainCount;
      hits = count;
    }
  }
  return { accuracy: hits / total, perplexity: Math.exp(lossNats) };
}

function countResidues(
  which: string,
  sequences: Iterable<CountedSequence>,
  vocabulary: OrdinaryIds,
): { readonly total: number; readonly byId: ReadonlyMap<number, number> } {
  // Not 32-bit integers: databases have more residues than these count.
  const counts = new Float64Array(vocabulary.size);
  let numSequences = 0;
  for (const sequence of sequences) {
    const tokenIds = sequence.readBytes?.() ?? sequence.tokenIds;
    numSequences += 1;
    for (let i = 0; i < tokenIds.length; i++) {
      const id = tokenIds[i] ?? 0;
      counts[id] = (counts[id] ?? 0) + 1;
    }
  }
  const byId = new Map([...counts.entries()].filter(([id]) => vocabulary.isResidue(id)));
  const total = [...byId.values()].reduce((sum, count) => sum + count, 0);
  if (total > 0) return { total, byId };
  throw new DataError({
    who: "unigramBaseline",
    rule: `the ${which} sequences must hold at least one residue`,
    got: `${numSequences} sequences without any`,
    fix: "pass a split that is not empty",
  });
}
