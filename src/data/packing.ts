/** Rows of like length into batches of few shapes, and an endless, seeded, resumable order of these. */
import { createRandom, shuffle } from "../random/index.ts";
import type { BatchShape } from "./batch.ts";
import { requirePositiveInteger } from "../graph/arguments.ts";
import { DataError } from "./errors.ts";

/** How rows become batches. */
export interface PackingOptions {
  /**
   * Token budget of a batch, padding included: batchSize = max(1, floor(tokensPerBatch / seqLen)). Memory and time of a
   * step follow it, whatever the lengths are.
   */
  readonly tokensPerBatch: number;
  /** Longest row. */
  readonly maxSeqLen: number;
  /**
   * Rows are padded to multiples of this, at most to maxSeqLen. Default 64: every distinct length compiles a session of
   * its own, and on proteins of 43 to 400 residues 64 makes six or seven of them at about 13 % padding.
   */
  readonly bucketStep?: number;
}

/** Something that becomes a row of so many columns. */
export interface Row {
  readonly length: number;
}

/** The rows that share a padded length. */
export interface Bucket<R extends Row> {
  readonly shape: BatchShape;
  readonly rows: readonly R[];
}

/** Rows of one batch, at most batchSize of them. */
export type PackedBatch<R extends Row> = Bucket<R>;

/** Training batches by step number. */
export interface Plan<B> {
  /** Steps in which every token is predicted, and every sequence read, at least once. */
  readonly batchesPerEpoch: number;
  /** The distinct shapes of all batches, by ascending seqLen. */
  readonly shapes: readonly BatchShape[];
  /**
   * The batch of a step, a pure function of (options, step): a resumed run sees what an uninterrupted one would.
   *
   * @param step counted from 0
   * @throws DataError when the step is not a whole number from 0 on
   */
  batchAt(step: number): B;
}

/**
 * Refuses sizes that are not positive integers.
 *
 * @throws DataError naming the size
 */
export function checkPacking(who: string, options: PackingOptions): void {
  requirePositiveInteger(who, "tokensPerBatch", options.tokensPerBatch, "pass a number such as 16384", DataError);
  requirePositiveInteger(who, "maxSeqLen", options.maxSeqLen, "pass a number such as 512", DataError);
  requirePositiveInteger(who, "bucketStep", options.bucketStep ?? 64, "pass a number such as 64", DataError);
}

/**
 * Rows in buckets of ascending length; empty buckets are left out.
 *
 * @param rows of at most maxSeqLen columns each
 * @param empty completes the message when there is no row
 * @throws DataError when there is no row
 */
export function bucketRows<R extends Row>(
  who: string,
  rows: Iterable<R>,
  options: PackingOptions,
  empty: { readonly rule: string; readonly got: string },
): readonly Bucket<R>[] {
  const { tokensPerBatch, maxSeqLen, bucketStep = 64 } = options;
  const byLength = new Map<number, R[]>();
  for (const row of rows) {
    const seqLen = Math.min(maxSeqLen, Math.ceil(row.length / bucketStep) * bucketStep);
    const bucket = byLength.get(seqLen);
    if (bucket === undefined) byLength.set(seqLen, [row]);
    else bucket.push(row);
  }
  if (byLength.size === 0) {
    throw new DataError({ who, ...empty, fix: "pass the sequences of a split that is not empty" });
  }
  return [...byLength]
    .sort(([a], [b]) => a - b)
    .map(([seqLen, bucket]) => ({
      shape: { batchSize: Math.max(1, Math.floor(tokensPerBatch / seqLen)), seqLen },
      rows: bucket,
    }));
}

/**
 * Packs buckets into batches. What does not fill a bucket's last batch moves up to the next longer bucket, at the price
 * of some padding, so that only the very last batch can be short. The number of batches and their shapes depend on the
 * buckets' sizes alone, not on the order inside.
 */
export function packBuckets<R extends Row>(buckets: readonly Bucket<R>[]): readonly PackedBatch<R>[] {
  const batches: PackedBatch<R>[] = [];
  let movedUp: readonly R[] = [];
  for (const [index, { shape, rows }] of buckets.entries()) {
    // Those that moved up come first, so that they are the last to move again.
    const pool = [...movedUp, ...rows];
    const isLongest = index === buckets.length - 1;
    const numBatches = isLongest ? Math.ceil(pool.length / shape.batchSize) : Math.floor(pool.length / shape.batchSize);
    for (let i = 0; i < numBatches; i++) {
      batches.push({ shape, rows: pool.slice(i * shape.batchSize, (i + 1) * shape.batchSize) });
    }
    movedUp = pool.slice(numBatches * shape.batchSize);
  }
  return batches;
}

/**
 * All batches of an evaluation, written one by one as they are asked for: what is held is one batch, whatever the
 * data's size.
 */
export interface EvaluationPlan<B> extends Iterable<B> {
  /** How many batches there are. */
  readonly length: number;
  /** The distinct shapes of all batches, by ascending seqLen. */
  readonly shapes: readonly BatchShape[];
}

/** Every row once, in the order of the buckets; the batches are the same every time that the plan is walked through. */
export function planOnce<R extends Row, B>(
  buckets: readonly Bucket<R>[],
  layOut: (packed: PackedBatch<R>) => B,
): EvaluationPlan<B> {
  const packed = packBuckets(buckets);
  return {
    length: packed.length,
    shapes: [...new Set(packed.map(({ shape }) => shape))],
    *[Symbol.iterator]() {
      for (const batch of packed) yield layOut(batch);
    },
  };
}

/**
 * Plans training: epoch = floor(step / batchesPerEpoch), and every epoch has its own order, of the rows within the
 * buckets and of the batches.
 *
 * All batches are full. A bucket's rest moves up into the next longer bucket; the longest bucket's last batch is filled
 * up by repeating rows of the same epoch, long ones first. So an epoch repeats fewer rows than its longest shape has,
 * and none more than once unless all the data are fewer than these rows.
 *
 * @param bucketsOf the buckets of an epoch; their shapes and sizes are the same in every epoch
 * @param layOut writes the arrays of a step's batch
 */
export function planEpochs<R extends Row, B>(options: {
  readonly seed: number | string;
  readonly bucketsOf: (epoch: number) => readonly Bucket<R>[];
  readonly layOut: (packed: PackedBatch<R>, step: number) => B;
}): Plan<B> {
  const { seed, bucketsOf, layOut } = options;
  const packed = packBuckets(bucketsOf(0));
  const batchesPerEpoch = packed.length;

  function packEpoch(epoch: number): readonly PackedBatch<R>[] {
    const shuffled = bucketsOf(epoch).map(({ shape, rows }) => ({
      shape,
      rows: shuffle(createRandom(seed, "windows", epoch, shape.seqLen), [...rows]),
    }));
    return shuffle(createRandom(seed, "batches", epoch), fillLast(packBuckets(shuffled)));
  }

  // Steps mostly follow one another: the epoch asked for last is kept.
  let kept: { readonly epoch: number; readonly batches: readonly PackedBatch<R>[] } | undefined;

  function batchesOf(epoch: number): readonly PackedBatch<R>[] {
    if (kept?.epoch !== epoch) kept = { epoch, batches: packEpoch(epoch) };
    return kept.batches;
  }

  function batchAt(step: number): B {
    const isStep = Number.isSafeInteger(step) && step >= 0;
    const batch = isStep ? batchesOf(Math.floor(step / batchesPerEpoch))[step % batchesPerEpoch] : undefined;
    if (batch === undefined) {
      throw new DataError({
        who: "batchAt",
        rule: "the step must be a whole number from 0 on",
        got: String(step),
        fix: "count steps from 0",
      });
    }
    return layOut(batch, step);
  }

  return { batchesPerEpoch, shapes: [...new Set(packed.map(({ shape }) => shape))], batchAt };
}

/** Fills the last batch, the only one that can be short, with rows of the batches before it, from the longest down. */
function fillLast<R extends Row>(batches: readonly PackedBatch<R>[]): PackedBatch<R>[] {
  const last = batches.at(-1);
  if (last === undefined) return [];
  const { shape } = last;
  const earlier = batches.slice(0, -1);
  const rows = [...last.rows];
  if (rows.length < shape.batchSize) {
    const pool = [...earlier.toReversed(), last].flatMap((batch) => batch.rows);
    while (rows.length < shape.batchSize) rows.push(...pool.slice(0, shape.batchSize - rows.length));
  }
  return [...earlier, { shape, rows }];
}
