/** Cuts sequences into windows of predictions, sorts these into buckets of few lengths, and lays them out as batches. */
import { DataError, requirePositiveInteger } from "./errors.ts";
import { proteinVocabulary } from "./vocabulary.ts";
import type { EncodedSequence } from "./proteins.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** What training and evaluation batches have in common. */
export interface BatchOptions {
  /** The sequences of one split; at least one. */
  readonly sequences: readonly EncodedSequence[];
  /**
   * Token budget of a batch, padding included: batchSize = max(1, floor(tokensPerBatch / seqLen)). Memory and time of a
   * step follow it, whatever the lengths are.
   */
  readonly tokensPerBatch: number;
  /** Longest row; longer sequences are cut into consecutive windows. */
  readonly maxSeqLen: number;
  /**
   * Rows are padded to multiples of this, at most to maxSeqLen. Default 64: every distinct length compiles a session of
   * its own, and on proteins of 43 to 400 residues 64 makes six or seven of them at about 13 % padding.
   */
  readonly bucketStep?: number;
  /** Provides the ids of the special tokens; amino acids unless told. */
  readonly vocabulary?: Vocabulary;
  /**
   * Whether <eos> is a target behind the last residue. Default true: a model that generates must learn where to stop.
   * Pass false to score residues alone, as `unigramBaseline` does.
   */
  readonly predictEnd?: boolean;
}

/** The shape of a batch's arrays. */
export interface BatchShape {
  /** Rows. */
  readonly batchSize: number;
  /** Columns. */
  readonly seqLen: number;
}

/** One causal language-model batch; arrays are [batchSize, seqLen], row-major. */
export interface Batch extends BatchShape {
  /** What the model reads. Behind a row's end: <pad>. */
  readonly inputIds: Int32Array;
  /** What it should predict at each place: the next input. Behind a row's end: <pad>. */
  readonly targetIds: Int32Array;
  /** 1 where the target counts, 0 on padding. */
  readonly weights: Float32Array;
  /** Number of targets that count: the sum of the weights. */
  readonly tokens: number;
}

/**
 * Consecutive predictions of one sequence. Place p of a sequence r₁…rₙ has the input r_p (<bos> at p = 0) and the target
 * r_{p+1} (<eos> at p = n); a window is the places start … start + length − 1. A later window therefore starts with the
 * residue before its first target, and no residue is predicted twice.
 */
export interface Window {
  readonly tokenIds: Int32Array;
  readonly start: number;
  readonly length: number;
}

/** The windows that share a padded length. */
export interface Bucket {
  readonly shape: BatchShape;
  readonly windows: readonly Window[];
}

/** Rows of one batch, at most batchSize of them. */
export interface PackedBatch {
  readonly shape: BatchShape;
  readonly windows: readonly Window[];
}

/**
 * The windows of all sequences in buckets of ascending length; empty buckets are left out.
 *
 * @throws DataError when there is nothing to predict, or a size is not a positive integer
 */
export function bucketWindows(who: string, options: BatchOptions): readonly Bucket[] {
  const { sequences, tokensPerBatch, maxSeqLen, bucketStep = 64, predictEnd = true } = options;
  requirePositiveInteger(who, "tokensPerBatch", tokensPerBatch, 16_384);
  requirePositiveInteger(who, "maxSeqLen", maxSeqLen, 512);
  requirePositiveInteger(who, "bucketStep", bucketStep, 64);

  const byLength = new Map<number, Window[]>();
  for (const { tokenIds } of sequences) {
    const numPlaces = tokenIds.length + (predictEnd ? 1 : 0);
    for (let start = 0; start < numPlaces; start += maxSeqLen) {
      const length = Math.min(maxSeqLen, numPlaces - start);
      const seqLen = Math.min(maxSeqLen, Math.ceil(length / bucketStep) * bucketStep);
      const windows = byLength.get(seqLen) ?? [];
      windows.push({ tokenIds, start, length });
      byLength.set(seqLen, windows);
    }
  }
  if (byLength.size === 0) {
    throw new DataError({
      who,
      rule: "there must be at least one residue to predict",
      got: `${sequences.length} sequences`,
      fix: "pass the sequences of a split that is not empty",
    });
  }
  return [...byLength]
    .sort(([a], [b]) => a - b)
    .map(([seqLen, windows]) => ({
      shape: { batchSize: Math.max(1, Math.floor(tokensPerBatch / seqLen)), seqLen },
      windows,
    }));
}

/**
 * Packs buckets into batches. What does not fill a bucket's last batch moves up to the next longer bucket, at the price
 * of some padding, so that only the very last batch can be short. The number of batches and their shapes depend on the
 * buckets' sizes alone, not on the order inside.
 */
export function packBuckets(buckets: readonly Bucket[]): readonly PackedBatch[] {
  const batches: PackedBatch[] = [];
  let movedUp: readonly Window[] = [];
  for (const [index, { shape, windows }] of buckets.entries()) {
    // Those that moved up come first, so that they are the last to move again.
    const pool = [...movedUp, ...windows];
    const isLongest = index === buckets.length - 1;
    const numBatches = isLongest ? Math.ceil(pool.length / shape.batchSize) : Math.floor(pool.length / shape.batchSize);
    for (let i = 0; i < numBatches; i++) {
      batches.push({ shape, windows: pool.slice(i * shape.batchSize, (i + 1) * shape.batchSize) });
    }
    movedUp = pool.slice(numBatches * shape.batchSize);
  }
  return batches;
}

/**
 * The arrays of a batch. Rows without a window have weight 0 throughout and read <bos> and then padding: a row of nothing
 * but padding would leave masked attention without a single key.
 */
export function layOut({ shape, windows }: PackedBatch, vocabulary: Vocabulary = proteinVocabulary): Batch {
  const { batchSize, seqLen } = shape;
  const { padId, bosId, eosId } = vocabulary;
  const inputIds = new Int32Array(batchSize * seqLen).fill(padId);
  const targetIds = new Int32Array(batchSize * seqLen).fill(padId);
  const weights = new Float32Array(batchSize * seqLen);
  let tokens = 0;
  for (let row = 0; row < batchSize; row++) {
    const window = windows[row];
    if (window === undefined) {
      inputIds[row * seqLen] = bosId;
      continue;
    }
    const { tokenIds, start, length } = window;
    for (let i = 0; i < length; i++) {
      const place = start + i;
      // Outside the sequence lie <bos> on its left and <eos> on its right.
      inputIds[row * seqLen + i] = tokenIds[place - 1] ?? bosId;
      targetIds[row * seqLen + i] = tokenIds[place] ?? eosId;
      weights[row * seqLen + i] = 1;
    }
    tokens += length;
  }
  return { batchSize, seqLen, inputIds, targetIds, weights, tokens };
}
