// The batches of a run, by what it learns: the next token, a hidden one, or a label.

import {
  imageShapeOf,
  planEvaluation,
  planLabelledEvaluation,
  planLabelledTraining,
  planMaskedEvaluation,
  planMaskedTraining,
  planTraining,
} from "../data/index.ts";
import type { LabelledSequence, SplitName } from "../data/index.ts";
import type { Batch, BatchShape, BatchSource } from "../training/batch.ts";
import type { RunDataset } from "./dataset.ts";
import type { Task } from "./data/source.ts";
import type { RunConfig } from "./run-config.ts";

/** Training batches, and their shapes, for which graphs are compiled. */
export interface TrainingBatches extends BatchSource {
  readonly shapes: readonly BatchShape[];
}

interface Batches {
  readonly training: () => TrainingBatches;
  /** Every prediction of a split exactly once. */
  readonly evaluation: (split: SplitName) => readonly Batch[];
}

/** What a task's batches are made of. */
export function batchesOf(config: RunConfig, dataset: RunDataset): Batches {
  const { model, training } = config;
  const packing = {
    tokensPerBatch: training.tokensPerBatch,
    maxSeqLen: model.maxSeqLen,
    bucketStep: training.bucketStep,
    vocabulary: dataset.vocabulary,
  };
  return planners[dataset.task](dataset, { ...packing, seed: training.seed });
}

interface PlanOptions {
  readonly tokensPerBatch: number;
  readonly maxSeqLen: number;
  readonly bucketStep: number;
  readonly vocabulary: RunDataset["vocabulary"];
  readonly seed: number;
}

const planners = {
  "language-modeling": ({ splits, kind, vocabulary }, options) => ({
    training: () =>
      planTraining({
        ...options,
        sequences: splits.train,
        // Few long documents: their windows would be the same ones in every epoch.
        shiftWindows: kind === "text",
        // Images of one shape have nowhere else to stop.
        predictEnd: imageShapeOf(vocabulary) === undefined,
      }),
    // The end of a sequence is left out, so that figures compare with those of the unigram.
    evaluation: (split) => planEvaluation({ ...options, sequences: splits[split], predictEnd: false }),
  }),
  masked: ({ splits }, options) => ({
    training: () => planMaskedTraining({ ...options, sequences: splits.train }),
    evaluation: (split) => planMaskedEvaluation({ ...options, sequences: splits[split] }),
  }),
  classification: planLabelled,
  regression: planLabelled,
} satisfies Record<Task, (dataset: RunDataset, options: PlanOptions) => Batches>;

function planLabelled({ labelled, task }: RunDataset, options: PlanOptions): Batches {
  const of = (split: SplitName): readonly LabelledSequence[] => labelled?.splits[split] ?? [];
  const labels = { ...options, task: task === "regression" ? ("regression" as const) : ("classification" as const) };
  return {
    training: () => {
      const plan = planLabelledTraining({ ...labels, sequences: of("train") });
      return { ...plan, shapes: plan.shapes.map((shape) => ({ ...shape, targetLen: 1 })) };
    },
    evaluation: (split) => planLabelledEvaluation({ ...labels, sequences: of(split) }),
  };
}
