/** Plans of causal language-model batches: an endless, seeded one for training, and a complete one for evaluation. */
import { createRandom } from "../random/index.ts";
import { joinInOrder, joinShuffled, type Concatenation } from "./concatenated.ts";
import { checkPacking, planEpochs, planOnce, type EvaluationPlan, type Plan } from "./packing.ts";
import { checkSampling, type SequenceSampling } from "./sampling.ts";
import { createTagDropout, type TagDropout } from "./tag-dropout.ts";
import { bucketWindows, layOut, type BatchOptions } from "./windows.ts";
import { proteinVocabulary } from "./vocabularies/letters.ts";
import type { PlannedBatch } from "./batch.ts";

/** Options of `planTraining`. */
export interface TrainingPlanOptions extends BatchOptions, SequenceSampling, Concatenation, TagDropout {
  /** Decides the order of everything. */
  readonly seed: number | string;
  /**
   * Whether the windows of sequences longer than maxSeqLen begin at other places in every epoch. Default false: every
   * token is predicted once an epoch. True suits few long documents, whose windows would otherwise be the same ones for
   * ever; it costs one more window for each such sequence, and predicts fewer than two windows' tokens of it twice.
   */
  readonly shiftWindows?: boolean;
}

/** Training batches by step number. */
export type TrainingPlan = Plan<PlannedBatch>;

/**
 * Plans training as `planEpochs` tells: every epoch predicts every token at least once, in an order of its own. With
 * `sampling: "sequences"` it reads every sequence once, of long ones a window that is drawn anew.
 *
 * @throws DataError when there is nothing to predict, a size is not a positive integer, or sampling and concatenate
 *   exclude each other
 */
export function planTraining(options: TrainingPlanOptions): TrainingPlan {
  const who = "planTraining";
  const { seed, vocabulary = proteinVocabulary, shiftWindows = false, maxSeqLen, concatenate = false } = options;
  const { sequences, predictEnd = true, sampling = "tokens" } = options;
  checkPacking(who, options);
  checkSampling(who, options);
  const startsAt = createTagDropout(who, options, vocabulary);
  if (concatenate) {
    const joining = { sequences, eosId: vocabulary.eosId, multipleOf: maxSeqLen, seed };
    return planEpochs({
      seed,
      bucketsOf: (epoch) =>
        bucketWindows(who, joinedRows({ ...options, sequences: joinShuffled({ ...joining, epoch }) })),
      layOut: (packed) => layOut(packed, vocabulary, { counts: predictEnd ? undefined : vocabulary.isResidue }),
    });
  }
  const fixed = bucketWindows(who, options);

  function bucketsOf(epoch: number): typeof fixed {
    if (sampling === "sequences") {
      const random = createRandom(seed, "window", epoch);
      return bucketWindows(who, options, { start: (count) => random.integer(count) });
    }
    if (!shiftWindows) return fixed;
    const random = createRandom(seed, "shift", epoch);
    return bucketWindows(who, options, { shift: () => random.integer(maxSeqLen) });
  }

  return planEpochs({
    seed,
    bucketsOf,
    layOut: (packed, step) => layOut(packed, vocabulary, { startAt: startsAt(step) }),
  });
}

/**
 * All batches of an evaluation, in which every token is predicted exactly once. Shapes are those of a training plan
 * over the same sequences; the last batch is filled up with rows of weight 0.
 *
 * @throws DataError when there is nothing to predict, or a size is not a positive integer
 */
export function planEvaluation(options: BatchOptions & Concatenation): readonly PlannedBatch[] {
  return [...streamEvaluation(options)];
}

/**
 * The batches of `planEvaluation` one by one, for splits whose batches would not fit into memory together.
 *
 * @throws DataError when there is nothing to predict, or a size is not a positive integer
 */
export function streamEvaluation(options: BatchOptions & Concatenation): EvaluationPlan<PlannedBatch> {
  const who = "planEvaluation";
  const { sequences, vocabulary = proteinVocabulary, predictEnd = true, concatenate = false } = options;
  if (!concatenate) return planOnce(bucketWindows(who, options), (packed) => layOut(packed, vocabulary));
  checkPacking(who, options);
  const joined = joinInOrder({ sequences, eosId: vocabulary.eosId });
  // The ends of proteins stand inside the rows: whether they count is a matter of the target.
  return planOnce(bucketWindows(who, joinedRows({ ...options, sequences: joined })), (packed) =>
    layOut(packed, vocabulary, { counts: predictEnd ? undefined : vocabulary.isResidue }),
  );
}

/** All rows have one shape, and every <eos> stands in the joined sequence already. */
function joinedRows(options: BatchOptions): BatchOptions {
  return { ...options, predictEnd: false, bucketStep: options.maxSeqLen };
}
