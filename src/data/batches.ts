/** Plans of causal language-model batches: an endless, seeded one for training, and a complete one for evaluation. */
import { createRandom } from "../random/index.ts";
import { packBuckets, planEpochs } from "./packing.ts";
import { bucketWindows, layOut } from "./windows.ts";
import type { Plan } from "./packing.ts";
import type { Batch, BatchOptions } from "./windows.ts";

/** What `planTraining` needs. */
export interface TrainingPlanOptions extends BatchOptions {
  /** Decides the order of everything. */
  readonly seed: number | string;
  /**
   * Whether the windows of sequences longer than maxSeqLen begin at other places in every epoch. Default false: every token is
   * predicted once an epoch. True suits few long documents, whose windows would otherwise be the same ones for ever; it costs
   * one more window for each such sequence, and predicts fewer than two windows' tokens of it twice.
   */
  readonly shiftWindows?: boolean;
}

/** Training batches by step number. */
export type TrainingPlan = Plan<Batch>;

/**
 * Plans training as `planEpochs` tells: every epoch predicts every token at least once, in an order of its own.
 *
 * @throws DataError when there is nothing to predict, or a size is not a positive integer
 */
export function planTraining(options: TrainingPlanOptions): TrainingPlan {
  const { seed, vocabulary, shiftWindows = false, maxSeqLen } = options;
  const fixed = bucketWindows("planTraining", options);

  function bucketsOf(epoch: number): typeof fixed {
    if (!shiftWindows) return fixed;
    const random = createRandom(seed, "shift", epoch);
    return bucketWindows("planTraining", options, () => random.integer(maxSeqLen));
  }

  return planEpochs({ seed, bucketsOf, layOut: (packed) => layOut(packed, vocabulary) });
}

/**
 * All batches of an evaluation, in which every token is predicted exactly once. Shapes are those of a training plan over
 * the same sequences; the last batch is filled up with rows of weight 0.
 *
 * @throws DataError when there is nothing to predict, or a size is not a positive integer
 */
export function planEvaluation(options: BatchOptions): readonly Batch[] {
  return packBuckets(bucketWindows("planEvaluation", options)).map((packed) => layOut(packed, options.vocabulary));
}
