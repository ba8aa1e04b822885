/** Plans of masked language-model batches: tokens are hidden, and told from both sides. */
import { createRandom } from "../random/index.ts";
import { joinInOrder, joinShuffled, type Concatenation } from "./concatenated.ts";
import { lengthOf, readTokens } from "./datasets.ts";
import { createMasking, type MaskedTokens, type MaskingOptions } from "./masks.ts";
import {
  bucketRows,
  planEpochs,
  planOnce,
  type Bucket,
  type EvaluationPlan,
  type PackedBatch,
  type Plan,
} from "./packing.ts";
import { checkSampling, type SequenceSampling } from "./sampling.ts";
import { createTagDropout, type StartTokens, type TagDropout } from "./tag-dropout.ts";
import { checkWrapped, writeWrapped, type WrappedOptions, type WrappedRow } from "./wrapped.ts";
import type { PlannedBatch } from "./batch.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Options shared by masked training and evaluation. Longer sequences are cut into parts of maxSeqLen − 2 tokens. */
export interface MaskedBatchOptions extends WrappedOptions, MaskingOptions, Concatenation {
  /** Training: decides the order and all masks. Evaluation: the masks, which are the same whenever the seed is. */
  readonly seed: number | string;
}

interface MaskedRow extends WrappedRow {
  /** The part's number among all parts, for its mask in evaluation. */
  readonly index: number;
}

/**
 * Plans masked training. Rows are <bos> tokens <eos>, the targets the original ids at the chosen places (targetLen =
 * seqLen), with a fresh mask, a function of seed and step, every time that a row comes. With `concatenate` the tokens
 * of a row are those of many sequences, with <eos> between them.
 *
 * Source: arXiv:1810.04805 (BERT), and arXiv:1907.11692 for masks that change (RoBERTa).
 *
 * @throws DataError when there is no token, a size is not a positive integer, the rate is outside (0, 1], or sampling
 *   and concatenate exclude each other
 */
export function planMaskedTraining(options: MaskedBatchOptions & SequenceSampling & TagDropout): Plan<PlannedBatch> {
  const who = "planMaskedTraining";
  const { seed, vocabulary, sequences, maxSeqLen, sampling = "tokens", concatenate = false } = options;
  const mask = createMasking(who, options, vocabulary);
  checkWrapped(who, options);
  checkSampling(who, options);
  const startsAt = createTagDropout(who, options, vocabulary);
  const fixed = concatenate ? undefined : bucketParts(who, options);

  function bucketsOf(epoch: number): readonly Bucket<MaskedRow>[] {
    if (fixed === undefined) {
      const joining = { sequences, eosId: vocabulary.eosId, multipleOf: maxSeqLen - 2, seed, epoch };
      return bucketParts(who, joinedRows({ ...options, sequences: joinShuffled(joining) }));
    }
    if (sampling === "tokens") return fixed;
    const random = createRandom(seed, "window", epoch);
    return bucketParts(who, options, (count) => random.integer(count));
  }

  return planEpochs({
    seed,
    bucketsOf,
    layOut: (packed, step) =>
      layOutMasked(
        packed,
        vocabulary,
        (tokenIds, row) => mask(tokenIds, createRandom(seed, "mask", step, row)),
        startsAt(step),
      ),
  });
}

/**
 * All batches of a masked evaluation: every part exactly once, under the one mask that the seed gives it, whatever the
 * batches' size; the last batch is filled up with rows of weight 0.
 *
 * @throws DataError when there is no token, a size is not a positive integer, or the rate is outside (0, 1]
 */
export function planMaskedEvaluation(options: MaskedBatchOptions): readonly PlannedBatch[] {
  return [...streamMaskedEvaluation(options)];
}

/**
 * The batches of `planMaskedEvaluation` one by one, for splits whose batches would not fit into memory together.
 *
 * @throws DataError when there is no token, a size is not a positive integer, or the rate is outside (0, 1]
 */
export function streamMaskedEvaluation(options: MaskedBatchOptions): EvaluationPlan<PlannedBatch> {
  const who = "planMaskedEvaluation";
  const { seed, vocabulary, sequences, concatenate = false } = options;
  const mask = createMasking(who, options, vocabulary);
  checkWrapped(who, options);
  const rows = concatenate
    ? joinedRows({ ...options, sequences: joinInOrder({ sequences, eosId: vocabulary.eosId }) })
    : options;
  return planOnce(bucketParts(who, rows), (packed) =>
    layOutMasked(packed, vocabulary, (tokenIds, row) =>
      mask(tokenIds, createRandom(seed, "mask", "evaluation", packed.rows[row]?.index ?? 0)),
    ),
  );
}

/**
 * The same batches, counting only what stands behind the mask. Of the other chosen tokens a tenth can be copied without
 * having learnt anything, and a tenth are replaced by others, which a model must take for true as often: neither
 * compares with frequencies.
 */
export function* behindMask<T extends Pick<PlannedBatch, "inputIds" | "weights">>(
  batches: Iterable<T>,
  { maskId }: Pick<Vocabulary, "maskId">,
): Generator<Omit<T, "tokens">> {
  for (const batch of batches) {
    yield { ...batch, weights: batch.weights.map((weight, at) => (batch.inputIds[at] === maskId ? weight : 0)) };
  }
}

/** All rows have one shape. */
function joinedRows(options: MaskedBatchOptions): MaskedBatchOptions {
  return { ...options, bucketStep: options.maxSeqLen };
}

/**
 * Parts with at least one token that can be hidden.
 *
 * @param drawStart where the one part of a long sequence begins, from [0, count). Default: all parts, side by side
 */
function bucketParts(
  who: string,
  options: MaskedBatchOptions,
  drawStart?: (count: number) => number,
): readonly Bucket<MaskedRow>[] {
  const { sequences, maxSeqLen, vocabulary } = options;
  const longest = maxSeqLen - 2;
  const parts = sequences.flatMap((sequence) => {
    const numTokens = lengthOf(sequence);
    if (drawStart !== undefined && numTokens > longest) {
      return [{ sequence, start: drawStart(numTokens - longest + 1), count: longest, length: maxSeqLen }];
    }
    return Array.from({ length: Math.ceil(numTokens / longest) }, (_, i) => {
      const start = i * longest;
      const count = Math.min(longest, numTokens - start);
      return { sequence, start, count, length: count + 2 };
    });
  });
  const rows = parts
    // Sequences that are read on demand have nothing but tokens that can be hidden.
    .filter(
      ({ sequence, start, count }) =>
        sequence.length !== undefined || readTokens(sequence, start, start + count).some(vocabulary.isResidue),
    )
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
  startAt?: StartTokens,
): PlannedBatch {
  const { batchSize, seqLen } = packed.shape;
  const inputIds = writeWrapped(packed, vocabulary, startAt);
  const targetIds = new Int32Array(batchSize * seqLen).fill(vocabulary.padId);
  const weights = new Float32Array(batchSize * seqLen);
  let tokens = 0;
  for (const [row, { count }] of packed.rows.entries()) {
    // Behind <bos>. A copy, for the places that are hidden are written over.
    const originals = inputIds.slice(row * seqLen + 1, row * seqLen + 1 + count);
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
