/** Plans of batches: an endless, seeded, resumable one for training, and a complete one for evaluation. */
import { createRandom, shuffle } from "../random/index.ts";
import { DataError } from "./errors.ts";
import { bucketWindows, layOut, packBuckets } from "./windows.ts";
import type { Batch, BatchOptions, BatchShape, PackedBatch } from "./windows.ts";

/** What `planTraining` needs. */
export interface TrainingPlanOptions extends BatchOptions {
  /** Decides the order of everything. */
  readonly seed: number | string;
}

/** Training batches by step number. */
export interface TrainingPlan {
  /** Steps in which every residue is predicted at least once. */
  readonly batchesPerEpoch: number;
  /** The distinct shapes of all batches, by ascending seqLen. */
  readonly shapes: readonly BatchShape[];
  /**
   * The batch of a step, a pure function of (options, step): a resumed run sees what an uninterrupted one would.
   *
   * @param step counted from 0
   * @throws DataError when the step is not a whole number from 0 on
   */
  batchAt(step: number): Batch;
}

/**
 * Plans training: epoch = floor(step / batchesPerEpoch), and every epoch has its own order, of the sequences within the
 * buckets and of the batches.
 *
 * All batches are full. A bucket's rest moves up into the next longer bucket; the longest bucket's last batch is filled up
 * by repeating windows of the same epoch, long ones first. So an epoch repeats fewer windows than its longest shape has
 * rows, and none more than once unless all the data are fewer than these rows.
 *
 * @throws DataError when there is nothing to predict, or a size is not a positive integer
 */
export function planTraining(options: TrainingPlanOptions): TrainingPlan {
  const { seed, vocabulary } = options;
  const buckets = bucketWindows("planTraining", options);
  const packed = packBuckets(buckets);
  const batchesPerEpoch = packed.length;

  function packEpoch(epoch: number): readonly PackedBatch[] {
    const shuffled = buckets.map(({ shape, windows }) => ({
      shape,
      windows: shuffle(createRandom(seed, "windows", epoch, shape.seqLen), [...windows]),
    }));
    return shuffle(createRandom(seed, "batches", epoch), fillLast(packBuckets(shuffled)));
  }

  // Steps mostly follow one another: the epoch asked for last is kept.
  let kept: { readonly epoch: number; readonly batches: readonly PackedBatch[] } | undefined;

  function batchesOf(epoch: number): readonly PackedBatch[] {
    if (kept?.epoch !== epoch) kept = { epoch, batches: packEpoch(epoch) };
    return kept.batches;
  }

  function batchAt(step: number): Batch {
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
    return layOut(batch, vocabulary);
  }

  return { batchesPerEpoch, shapes: distinctShapes(packed), batchAt };
}

/**
 * All batches of an evaluation, in which every residue is predicted exactly once. Shapes are those of a training plan over
 * the same sequences; the last batch is filled up with rows of weight 0.
 *
 * @throws DataError when there is nothing to predict, or a size is not a positive integer
 */
export function planEvaluation(options: BatchOptions): readonly Batch[] {
  return packBuckets(bucketWindows("planEvaluation", options)).map((packed) => layOut(packed, options.vocabulary));
}

/** Fills the last batch, the only one that can be short, with windows of the batches before it, from the longest down. */
function fillLast(batches: readonly PackedBatch[]): PackedBatch[] {
  const last = batches.at(-1);
  if (last === undefined) return [];
  const { shape } = last;
  const earlier = batches.slice(0, -1);
  const pool = [...earlier.toReversed(), last].flatMap(({ windows }) => windows);
  const windows = [...last.windows];
  while (windows.length < shape.batchSize) windows.push(...pool.slice(0, shape.batchSize - windows.length));
  return [...earlier, { shape, windows }];
}

function distinctShapes(batches: readonly PackedBatch[]): readonly BatchShape[] {
  return [...new Set(batches.map(({ shape }) => shape))];
}
