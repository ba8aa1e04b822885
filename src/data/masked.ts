/** Plans of masked language-model batches: tokens are hidden, and told from both sides. */
import { createRandom } from "../random/index.ts";
import { createMasking } from "./masks.ts";
import { bucketRows, packBuckets, planEpochs } from "./packing.ts";
import { checkWrapped, writeWrapped } from "./wrapped.ts";
import type { MaskedTokens, MaskingOptions } from "./masks.ts";
import type { Bucket, PackedBatch, Plan } from "./packing.ts";
import type { Vocabulary } from "./vocabulary.ts";
import type { TargetBatch, WrappedOptions, WrappedRow } from "./wrapped.ts";

/** What masked training and evaluation have in common. Longer sequences are cut into parts of maxSeqLen − 2 tokens. */
export interface MaskedBatchOptions extends WrappedOptions, MaskingOptions {
  /** Training: decides the order and all masks. Evaluation: the masks, which are the same whenever the seed is. */
  readonly seed: number | string;
}

interface MaskedRow extends WrappedRow {
  /** The part's number among all parts, for its mask in evaluation. */
  readonly index: number;
}

/**
 * Plans masked training. Rows are <bos> tokens <eos>, the targets the original ids at the chosen places (targetLen = seqLen), with
 * a fresh mask, a function of seed and step, every time that a row comes.
 *
 * Source: arXiv:1810.04805 (BERT), and arXiv:1907.11692 for masks that change (RoBERTa).
 *
 * @throws DataError when there is no token, a size is not a positive integer, or the rate is outside (0, 1]
 */
export function planMaskedTraining(options: MaskedBatchOptions): Plan<TargetBatch> {
  const who = "planMaskedTraining";
  const { seed, vocabulary } = options;
  const mask = createMasking(who, options, vocabulary);
  const buckets = bucketParts(who, options);
  return planEpochs({
    seed,
    bucketsOf: () => buckets,
    layOut: (packed, step) =>
      layOutMasked(packed, vocabulary, (tokenIds, row) => mask(tokenIds, createRandom(seed, "mask", step, row))),
  });
}

/**
 * All batches of a masked evaluation: every part exactly once, under the one mask that the seed gives it, whatever the batches'
 * size; the last batch is filled up with rows of weight 0.
 *
 * @throws DataError when there is no token, a size is not a positive integer, or the rate is outside (0, 1]
 */
export function planMaskedEvaluation(options: MaskedBatchOptions): readonly TargetBatch[] {
  const who = "planMaskedEvaluation";
  const { seed, vocabulary } = options;
  const mask = createMasking(who, options, vocabulary);
  return packBuckets(bucketParts(who, options)).map((packed) =>
    layOutMasked(packed, vocabulary, (tokenIds, row) =>
      mask(tokenIds, createRandom(seed, "mask", "evaluation", packed.rows[row]?.index ?? 0)),
    ),
  );
}

/** Parts with at least one token that can be hidden. */
function bucketParts(who: string, options: MaskedBatchOptions): readonly Bucket<MaskedRow>[] {
  const { sequences, maxSeqLen, vocabulary } = options;
  checkWrapped(who, options);
  const longest = maxSeqLen - 2;
  const parts = sequences.flatMap(({ tokenIds }) =>
    Array.from({ length: Math.ceil(tokenIds.length / longest) }, (_, i) => {
      const start = i * longest;
      const count = Math.min(longest, tokenIds.length - start);
      return { tokenIds, start, count, length: count + 2 };
    }),
  );
  const rows = parts
    .filter(({ tokenIds, start, count }) => tokenIds.subarray(start, start + count).some(vocabulary.isResidue))
    .map((part, index) => ({ ...part, index }));
  return bucketRows(who, rows, options, {
    rule: "there must be at least one token to predict",
    got: `${sequences.length} sequences`,
  });
}

function layOutMasked(
  packed: PackedBatch<MaskedRow>,
  vocabulary: Vocabulary,
  mask: (tokenIds: Int32Array, row: number) => MaskedTokens,
): TargetBatch {
  const { batchSize, seqLen } = packed.shape;
  const inputIds = writeWrapped(packed, vocabulary);
  const targetIds = new Int32Array(batchSize * seqLen).fill(vocabulary.padId);
  const weights = new Float32Array(batchSize * seqLen);
  let tokens = 0;
  for (const [row, { tokenIds, start, count }] of packed.rows.entries()) {
    const originals = tokenIds.subarray(start, start + count);
    const { inputIds: masked, places } = mask(originals, row);
    // <bos> stands in front of the first token.
    const first = row * seqLen + 1;
    inputIds.set(masked, first);
    for (const place of places) {
      targetIds[first + place] = originals[place] ?? vocabulary.padId;
      weights[first + place] = 1;
    }
    tokens += places.length;
  }
  return { batchSize, seqLen, inputIds, targetLen: seqLen, targetIds, weights, tokens };
}
