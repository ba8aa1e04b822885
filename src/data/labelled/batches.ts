/** Plans of batches with labels: whole sequences between <bos> and <eos>, in buckets of like length. */
import { lengthOf, type EncodedSequence } from "../datasets.ts";
import { bucketRows, packBuckets, planEpochs, type Bucket, type PackedBatch, type Plan } from "../packing.ts";
import { checkWrapped, writeWrapped, type WrappedOptions, type WrappedRow } from "../wrapped.ts";
import type { PlannedBatch } from "../batch.ts";
import type { LabelledSequence, LabelTask, TaggedSequence } from "./types.ts";

/** Options shared by training and evaluation on labelled sequences. */
export interface LabelledBatchOptions extends WrappedOptions<LabelledSequence> {
  /** Default "classification". "regression" fills targetValues. */
  readonly task?: LabelTask;
}

/** The order of training. */
export interface Seeded {
  /** Decides the order of everything. */
  readonly seed: number | string;
}

interface LabelledRow<Sequence extends EncodedSequence> extends WrappedRow {
  readonly sequence: Sequence;
}

/**
 * Plans training on labelled sequences: every sequence at least once an epoch, orders as `planTraining` has them.
 * Sequences of more than maxSeqLen − 2 tokens lose their ends.
 *
 * @throws DataError when there is no sequence, or a size is not a positive integer
 */
export function planLabelledTraining(options: LabelledBatchOptions & Seeded): Plan<PlannedBatch> {
  const buckets = bucketSequences("planLabelledTraining", options);
  return planEpochs({
    seed: options.seed,
    bucketsOf: () => buckets,
    layOut: (packed) => layOutLabelled(packed, options),
  });
}

/**
 * All batches of an evaluation: every sequence exactly once; the last batch is filled up with rows of weight 0.
 *
 * @throws DataError when there is no sequence, or a size is not a positive integer
 */
export function planLabelledEvaluation(options: LabelledBatchOptions): readonly PlannedBatch[] {
  return packBuckets(bucketSequences("planLabelledEvaluation", options)).map((packed) =>
    layOutLabelled(packed, options),
  );
}

/**
 * Plans training on tagged sequences: a target at every tagged token, targetLen = seqLen.
 *
 * @throws DataError when there is no sequence, or a size is not a positive integer
 */
export function planTaggedTraining(options: WrappedOptions<TaggedSequence> & Seeded): Plan<PlannedBatch> {
  const buckets = bucketSequences("planTaggedTraining", options);
  return planEpochs({
    seed: options.seed,
    bucketsOf: () => buckets,
    layOut: (packed) => layOutTagged(packed, options),
  });
}

/**
 * All batches of an evaluation on tagged sequences: every sequence exactly once.
 *
 * @throws DataError when there is no sequence, or a size is not a positive integer
 */
export function planTaggedEvaluation(options: WrappedOptions<TaggedSequence>): readonly PlannedBatch[] {
  return packBuckets(bucketSequences("planTaggedEvaluation", options)).map((packed) => layOutTagged(packed, options));
}

function bucketSequences<Sequence extends LabelledSequence | TaggedSequence>(
  who: string,
  options: WrappedOptions<Sequence>,
): readonly Bucket<LabelledRow<Sequence>>[] {
  const { sequences, maxSeqLen } = options;
  checkWrapped(who, options);
  const rows = sequences.map((sequence) => {
    const count = Math.min(lengthOf(sequence), maxSeqLen - 2);
    return { sequence, start: 0, count, length: count + 2 };
  });
  return bucketRows(who, rows, options, { rule: "there must be at least one sequence", got: "none" });
}

function layOutLabelled(
  packed: PackedBatch<LabelledRow<LabelledSequence>>,
  { vocabulary, task = "classification" }: LabelledBatchOptions,
): PlannedBatch {
  const { batchSize, seqLen } = packed.shape;
  const targetIds = new Int32Array(batchSize);
  const targetValues = new Float64Array(batchSize);
  const weights = new Float32Array(batchSize);
  for (const [row, { sequence }] of packed.rows.entries()) {
    if (task === "regression") targetValues[row] = sequence.label;
    else targetIds[row] = sequence.label;
    weights[row] = 1;
  }
  return {
    batchSize,
    seqLen,
    inputIds: writeWrapped(packed, vocabulary),
    targetLen: 1,
    targetIds,
    ...(task === "regression" ? { targetValues } : {}),
    weights,
    tokens: packed.rows.length,
  };
}

function layOutTagged(
  packed: PackedBatch<LabelledRow<TaggedSequence>>,
  { vocabulary }: WrappedOptions<TaggedSequence>,
): PlannedBatch {
  const { batchSize, seqLen } = packed.shape;
  const targetIds = new Int32Array(batchSize * seqLen);
  const weights = new Float32Array(batchSize * seqLen);
  let tokens = 0;
  for (const [row, { sequence, count }] of packed.rows.entries()) {
    for (let i = 0; i < count; i++) {
      const tag = sequence.tagIds[i] ?? -1;
      if (tag < 0) continue;
      // <bos> stands in front of the first token.
      targetIds[row * seqLen + 1 + i] = tag;
      weights[row * seqLen + 1 + i] = 1;
      tokens += 1;
    }
  }
  return {
    batchSize,
    seqLen,
    inputIds: writeWrapped(packed, vocabulary),
    targetLen: seqLen,
    targetIds,
    weights,
    tokens,
  };
}
