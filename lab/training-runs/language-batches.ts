/** A data set of sequences as batches of either objective, and the model that small comparisons train. */

import {
  behindMask,
  planEvaluation,
  planMaskedEvaluation,
  planMaskedTraining,
  planTraining,
  unigramBaseline,
  type EncodedSequence,
  type SequenceDataset,
  type SplitName,
} from "performer-ts/data";
import type { TrainingBatch, TrainingConfig } from "performer-ts/training";
import type { Objective, Subject, SubjectRequest } from "./subject.ts";

/** Trains on two cores within minutes, and large enough that mechanisms differ by more than noise. */
const SMALL_MODEL = {
  modelDim: 128,
  numLayers: 4,
  numHeads: 4,
  mlpDim: 512,
  numFeatures: 64,
  dropout: 0,
} as const;

export function modelFor(objective: Objective) {
  return { ...SMALL_MODEL, architecture: objective === "masked" ? "encoder" : "decoder" } as const;
}

/** Evaluations are of at most so many batches: the validation one is made again and again. */
const MOST_BATCHES = { valid: 16, test: 64, ood: 64, quick: 2 } as const;
/** Decides which tokens evaluations hide. */
const MASK_SEED = 0;

export function languageBatches(
  { splits, vocabulary }: SequenceDataset,
  {
    objective,
    length,
    quick,
    concatenate = false,
    behindMaskOnly = false,
  }: SubjectRequest & { readonly length: number },
  { tokensPerBatch, bucketStep }: TrainingConfig,
): Pick<Subject, "batches" | "valid" | "test" | "ood" | "unigram"> {
  const plan = { tokensPerBatch, bucketStep, maxSeqLen: length, vocabulary, concatenate };
  const evaluation = (split: Exclude<SplitName, "train">) => {
    const sequences = splits[split];
    const batches =
      objective === "causal"
        ? planEvaluation({ ...plan, sequences, predictEnd: false })
        : planMaskedEvaluation({ ...plan, sequences, seed: MASK_SEED });
    return spread(batches, quick ? MOST_BATCHES.quick : MOST_BATCHES[split]);
  };
  const final = (split: "test" | "ood"): readonly TrainingBatch[] => {
    const batches = evaluation(split);
    return behindMaskOnly && objective === "masked" ? [...behindMask(batches, vocabulary)] : batches;
  };
  const test = final("test");
  const ood = splits.ood.length === 0 ? undefined : final("ood");
  const unigram = (batches: readonly TrainingBatch[]) => unigramBaseline(splits.train, targetsOf(batches), vocabulary);
  return {
    batches: (seed) =>
      objective === "causal"
        ? planTraining({ ...plan, sequences: splits.train, seed })
        : planMaskedTraining({ ...plan, sequences: splits.train, seed }),
    valid: evaluation("valid"),
    test,
    ...(ood !== undefined && { ood, unigram: { test: unigram(test), ood: unigram(ood) } }),
  };
}

/** The tokens that batches ask for. */
function targetsOf(batches: readonly TrainingBatch[]): readonly EncodedSequence[] {
  return batches.map(({ targetIds, weights }, index) => ({
    id: String(index),
    tokenIds: targetIds.filter((_, place) => weights[place] === 1),
  }));
}

/** At most so many of a list, evenly spread: batches come by length, and the shortest alone would tell little. */
function spread<T>(list: readonly T[], most: number): readonly T[] {
  if (list.length <= most) return list;
  return list.filter(
    (_, index) => Math.floor((index * most) / list.length) !== Math.floor(((index - 1) * most) / list.length),
  );
}
