/**
 * Pairs of sequences as batches of encoder–decoders: the source whole, the target shifted by one, both between begin
 * and end.
 */
import { DataError, type Plan, type Vocabulary } from "../data/index.ts";
import { bucketRows, packBuckets, planEpochs, type Bucket, type PackedBatch, type Row } from "../data/packing.ts";
import type { BatchPlan } from "./performer-model.ts";
import type { Batch } from "../data/batch.ts";

/** Tokens of a source and of its target, without special ones. */
export interface EncodedPair {
  readonly source: Int32Array;
  readonly target: Int32Array;
}

interface PairRow extends Row, EncodedPair {}

/** Every pair at least once an epoch, in an order that the seed decides. */
export function planPairTraining(pairs: readonly EncodedPair[], plan: BatchPlan, seed: number): Plan<Batch> {
  const buckets = bucketPairs("train", pairs, plan);
  return planEpochs({ seed, bucketsOf: () => buckets, layOut: (packed) => layOut(packed, plan.vocabulary) });
}

/** Every pair exactly once. */
export function planPairEvaluation(pairs: readonly EncodedPair[], plan: BatchPlan): readonly Batch[] {
  return packBuckets(bucketPairs("evaluate", pairs, plan)).map((packed) => layOut(packed, plan.vocabulary));
}

/**
 * Both sides of a bucket have one length. The source has its begin and end, the target its begin as input and its end
 * as target.
 */
function bucketPairs(who: string, pairs: readonly EncodedPair[], plan: BatchPlan): readonly Bucket<PairRow>[] {
  const rows = pairs.map((pair, index) => {
    const length = Math.max(pair.source.length + 2, pair.target.length + 1);
    if (length <= plan.maxSeqLen) return { ...pair, length };
    throw new DataError({
      who,
      rule: `a source must have at most ${plan.maxSeqLen - 2} tokens and a target at most ${plan.maxSeqLen - 1}`,
      got: `${pair.source.length} and ${pair.target.length} (pair ${index + 1})`,
      fix: "cut them, or create the model with a larger maxSeqLen",
    });
  });
  return bucketRows(who, rows, plan, { rule: "there must be at least one pair", got: "none" });
}

function layOut({ shape, rows }: PackedBatch<PairRow>, { padId, bosId, eosId }: Vocabulary): Batch {
  const { batchSize, seqLen } = shape;
  const ids = () => new Int32Array(batchSize * seqLen).fill(padId);
  const batch = {
    batchSize,
    seqLen,
    sourceLen: seqLen,
    sourceIds: ids(),
    inputIds: ids(),
    targetIds: ids(),
    weights: new Float32Array(batchSize * seqLen),
  };
  for (let row = 0; row < batchSize; row++) {
    const start = row * seqLen;
    // Also of rows without a pair: with nothing but padding, attention would have no key at all.
    batch.sourceIds[start] = bosId;
    batch.inputIds[start] = bosId;
    const pair = rows[row];
    if (pair === undefined) continue;
    batch.sourceIds.set([...pair.source, eosId], start + 1);
    batch.inputIds.set(pair.target, start + 1);
    batch.targetIds.set([...pair.target, eosId], start);
    batch.weights.fill(1, start, start + pair.target.length + 1);
  }
  return batch;
}
