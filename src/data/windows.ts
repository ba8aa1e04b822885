/** Cuts sequences into windows of predictions, and lays these out as batches of a causal language model. */
import { bucketRows, checkPacking, type Bucket, type PackedBatch, type PackingOptions, type Row } from "./packing.ts";
import { proteinVocabulary } from "./vocabularies/letters.ts";
import { lengthOf, readTokens, startOf, type EncodedSequence } from "./datasets.ts";
import type { PlannedBatch } from "./batch.ts";
import type { StartTokens } from "./tag-dropout.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Options shared by training and evaluation batches. Sequences longer than maxSeqLen are cut into windows. */
export interface BatchOptions extends PackingOptions {
  /** The sequences of one split; at least one. */
  readonly sequences: readonly EncodedSequence[];
  /** Provides the ids of the special tokens; amino acids unless told. */
  readonly vocabulary?: Vocabulary;
  /**
   * Whether <eos> is a target behind the last token. Default true: a model that generates must learn where to stop.
   * Pass false to score tokens alone, as `unigramBaseline` does.
   */
  readonly predictEnd?: boolean;
}

/**
 * Consecutive predictions of one sequence. Place p of a sequence r₁…rₙ has the input r_p (its tag or <bos> at p = 0)
 * and the target r_{p+1} (<eos> at p = n); a window is the places start … start + length − 1. A later window therefore
 * starts with the token before its first target, and does not see the tag.
 */
export interface Window extends Row {
  readonly sequence: EncodedSequence;
  readonly start: number;
  readonly length: number;
}

/** How sequences longer than maxSeqLen are cut when windows are to begin at other places in every epoch. */
export interface WindowDraws {
  /** All windows of a sequence, shifted by what this draws from [0, maxSeqLen). */
  readonly shift?: () => number;
  /** One window alone, at what this draws from [0, count). */
  readonly start?: (count: number) => number;
}

/**
 * The windows of all sequences in buckets of ascending length; empty buckets are left out.
 *
 * @param draws Default none: no token is predicted twice
 * @throws DataError when there is nothing to predict, or a size is not a positive integer
 */
export function bucketWindows(who: string, options: BatchOptions, draws: WindowDraws = {}): readonly Bucket<Window>[] {
  const { sequences, maxSeqLen, predictEnd = true } = options;
  checkPacking(who, options);
  const windows = sequences.flatMap((sequence) => {
    const numPlaces = lengthOf(sequence) + (predictEnd ? 1 : 0);
    const { shift, start } = draws;
    if (numPlaces <= maxSeqLen) return cutWindows(sequence, numPlaces, maxSeqLen);
    if (start !== undefined) return [{ sequence, start: start(numPlaces - maxSeqLen + 1), length: maxSeqLen }];
    if (shift !== undefined) return cutShifted(sequence, numPlaces, maxSeqLen, shift());
    return cutWindows(sequence, numPlaces, maxSeqLen);
  });
  return bucketRows(who, windows, options, {
    rule: "there must be at least one token to predict",
    got: `${sequences.length} sequences`,
  });
}

/** Windows side by side, the last one as long as what is left. */
function cutWindows(sequence: EncodedSequence, numPlaces: number, maxSeqLen: number): Window[] {
  return Array.from({ length: Math.ceil(numPlaces / maxSeqLen) }, (_, i) => {
    const start = i * maxSeqLen;
    return { sequence, start, length: Math.min(maxSeqLen, numPlaces - start) };
  });
}

/**
 * Full windows at start, i · maxSeqLen − shift, and flush with the end: one more than without a shift, in exchange for
 * two overlaps of together less than two windows. Their number does not depend on the shift.
 */
function cutShifted(sequence: EncodedSequence, numPlaces: number, maxSeqLen: number, shift: number): Window[] {
  return Array.from({ length: Math.ceil(numPlaces / maxSeqLen) + 1 }, (_, i) => {
    const start = Math.min(Math.max(0, i * maxSeqLen - shift), numPlaces - maxSeqLen);
    return { sequence, start, length: maxSeqLen };
  });
}

/** How a batch is written. */
export interface LayOutOptions {
  /** Which targets have weight 1. Default all. */
  readonly counts?: ((targetId: number) => boolean) | undefined;
  /** The token in front of a sequence. Default: its tag, else <bos>. */
  readonly startAt?: StartTokens | undefined;
}

/**
 * The arrays of a batch. Rows without a window have weight 0 throughout and read <bos> and then padding: a row of
 * nothing but padding would leave masked attention without a single key.
 */
export function layOut(
  { shape, rows }: PackedBatch<Window>,
  vocabulary: Vocabulary = proteinVocabulary,
  { counts = () => true, startAt = (sequence) => startOf(sequence, vocabulary) }: LayOutOptions = {},
): PlannedBatch {
  const { batchSize, seqLen } = shape;
  const { padId, bosId, eosId } = vocabulary;
  const inputIds = new Int32Array(batchSize * seqLen).fill(padId);
  const targetIds = new Int32Array(batchSize * seqLen).fill(padId);
  const weights = new Float32Array(batchSize * seqLen);
  let tokens = 0;
  for (let row = 0; row < batchSize; row++) {
    const window = rows[row];
    if (window === undefined) {
      inputIds[row * seqLen] = bosId;
      continue;
    }
    const { sequence, start, length } = window;
    const first = Math.max(0, start - 1);
    const tokenIds = readTokens(sequence, first, start + length);
    for (let i = 0; i < length; i++) {
      const place = start - first + i;
      // Outside the sequence lie its tag or <bos> on its left and <eos> on its right.
      const target = tokenIds[place] ?? eosId;
      inputIds[row * seqLen + i] = tokenIds[place - 1] ?? startAt(sequence, row);
      targetIds[row * seqLen + i] = target;
      if (!counts(target)) continue;
      weights[row * seqLen + i] = 1;
      tokens += 1;
    }
  }
  return { batchSize, seqLen, inputIds, targetIds, weights, tokens };
}
