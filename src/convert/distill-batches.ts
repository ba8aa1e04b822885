/** Texts as batches for distillation: token ids as they are, padded, with a weight of 1 at tokens. */
import { bucketRows, planEpochs, planOnce, type PackedBatch, type PackingOptions } from "../data/packing.ts";
import type { Batch, BatchSource } from "../data/batch.ts";

export interface DistillBatchOptions extends Required<PackingOptions> {
  /** Texts, special tokens included; what is longer than maxSeqLen is cut. */
  readonly tokenIds: readonly ArrayLike<number>[];
  readonly padId: number;
}

const WHO = "distill";

/** Every text once an epoch, in an order that the seed decides. */
export function distillTraining(
  options: DistillBatchOptions & { readonly seed: number },
): BatchSource & { readonly batchesPerEpoch: number } {
  const buckets = bucketTexts(options);
  return planEpochs({
    seed: options.seed,
    bucketsOf: () => buckets,
    layOut: (packed) => layOut(packed, options.padId),
  });
}

/** Every text exactly once. */
export function distillEvaluation(options: DistillBatchOptions): Iterable<Batch> & { readonly length: number } {
  return planOnce(bucketTexts(options), (packed) => layOut(packed, options.padId));
}

function bucketTexts({ tokenIds, ...options }: DistillBatchOptions) {
  const { maxSeqLen } = options;
  const rows = tokenIds.map((text) => ({ text, length: Math.min(text.length, maxSeqLen) }));
  return bucketRows(WHO, rows, options, { rule: "there must be at least one text", got: "none" });
}

function layOut(
  { shape, rows }: PackedBatch<{ readonly text: ArrayLike<number>; readonly length: number }>,
  padId: number,
): Batch {
  const { batchSize, seqLen } = shape;
  const inputIds = new Int32Array(batchSize * seqLen).fill(padId);
  const weights = new Float32Array(batchSize * seqLen);
  for (let row = 0; row < batchSize; row++) {
    const { text, length } = rows[row] ?? { text: [], length: 0 };
    for (let place = 0; place < length; place++) inputIds[row * seqLen + place] = text[place] ?? padId;
    weights.fill(1, row * seqLen, row * seqLen + length);
    // A row of nothing but padding would leave masked attention without a single key; what it says does not count.
    if (length === 0) inputIds[row * seqLen] = rows[0]?.text[0] ?? padId;
  }
  return { batchSize, seqLen, inputIds, targetIds: new Int32Array(0), weights };
}
