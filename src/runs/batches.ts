/** The batches of a run, by what it learns: the next token, a hidden one, or a label. */

import { problem } from "../graph/errors.ts";
import {
  imageShapeOf,
  planLabelledEvaluation,
  planLabelledTraining,
  planMaskedTraining,
  planTraining,
  streamEvaluation,
  streamMaskedEvaluation,
  type Batch,
  type BatchShape,
  type BatchSource,
  type Concatenation,
  type EvaluationPlan,
  type LabelledSequence,
  type MaskingOptions,
  type SequenceSampling,
  type SplitName,
  type TagDropout,
} from "../data/index.ts";
import type { RunDataset } from "./dataset.ts";
import type { Task } from "./data/source.ts";
import { UsageError } from "./usage.ts";
import type { RunConfig } from "./run-config.ts";

/** Training batches, and their shapes, for which graphs are compiled. */
export interface TrainingBatches extends BatchSource {
  readonly shapes: readonly BatchShape[];
}

interface Batches {
  readonly training: () => TrainingBatches;
  /** Every prediction of a split exactly once. */
  readonly evaluation: (split: SplitName) => EvaluationPlan<Batch>;
}

/**
 * What a task's batches are made of.
 *
 * @throws UsageError for settings of data that the task does not have
 */
export function batchesOf(config: RunConfig, dataset: RunDataset): Batches {
  const { model, training } = config;
  const packing = {
    tokensPerBatch: training.tokensPerBatch,
    maxSeqLen: model.maxSeqLen,
    bucketStep: training.bucketStep,
    vocabulary: dataset.vocabulary,
  };
  const sampled = chosen(config.data, sampledKeys);
  const masked = chosen(config.data, maskedKeys);
  const { task } = dataset;
  if (task !== "masked") refuseSettings(masked, "masked", task);
  if (task === "classification" || task === "regression") {
    refuseSettings(sampled, "language-modeling or masked", task);
  }
  return planners[task](dataset, { ...packing, ...sampled, ...masked, seed: training.seed });
}

const sampledKeys = ["concatenate", "sampling", "tagDropout"] as const;
const maskedKeys = ["maskRate", "masking"] as const;

/** The settings that are there. */
function chosen<K extends keyof RunConfig["data"]>(data: RunConfig["data"], keys: readonly K[]) {
  const found = keys.filter((key) => data[key] !== undefined).map((key) => [key, data[key]] as const);
  // fromEntries knows no keys; they are those above.
  return Object.fromEntries(found) as { [P in K]?: Exclude<RunConfig["data"][P], undefined> };
}

function refuseSettings(settings: object, wanted: string, task: Task): void {
  const [key] = Object.keys(settings);
  if (key === undefined) return;
  throw new UsageError(problem`data.${key} must come with the task ${wanted}, got the task ${task}; leave it out`);
}

interface PlanOptions extends Concatenation, SequenceSampling, TagDropout, MaskingOptions {
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
        shiftWindows: kind === "text" && options.concatenate !== true,
        // Images of one shape have nowhere else to stop.
        predictEnd: imageShapeOf(vocabulary) === undefined,
      }),
    // The end of a sequence is left out, so that figures compare with those of the unigram.
    evaluation: (split) => streamEvaluation({ ...options, sequences: splits[split], predictEnd: false }),
  }),
  masked: ({ splits }, options) => ({
    training: () => planMaskedTraining({ ...options, sequences: splits.train }),
    evaluation: (split) => {
      // Whatever training hides: figures of models that were trained with other rates compare with each other, and with
      // what is published.
      const { maskRate: _, ...hiding } = options;
      return streamMaskedEvaluation({ ...hiding, sequences: splits[split] });
    },
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
    evaluation: (split) => {
      const batches = planLabelledEvaluation({ ...labels, sequences: of(split) });
      return { length: batches.length, shapes: batches, [Symbol.iterator]: () => batches[Symbol.iterator]() };
    },
  };
}
