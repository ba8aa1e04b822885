/** The tasks of Long Range Arena: a class for each sequence. */

import {
  lraTasks,
  planLabelledEvaluation,
  planLabelledTraining,
  type LraOptions,
  type LraTask,
} from "performer-ts/data";
import { modelPresets } from "performer-ts/model";
import { measures, type SubjectMaker } from "../subject.ts";

/** Seconds to generate, minutes to train, on two cores: sequences of some hundred tokens, a model of two layers. */
const QUICK = {
  sizes: { train: 800, valid: 100, test: 200 },
  model: { modelDim: 64, numLayers: 2, numHeads: 4, mlpDim: 128, numFeatures: 32, headDim: 16, dropout: 0 },
  tasks: {
    listops: { options: { minLength: 60, maxLength: 250 }, maxSeqLen: 256 },
    text: { options: {}, maxSeqLen: 512 },
    retrieval: { options: { passageLength: 250 }, maxSeqLen: 512 },
    image: { options: {}, maxSeqLen: 786 },
    pathfinder: { options: { size: 20, numDashes: 4, numDistractors: 2 }, maxSeqLen: 402 },
  },
} as const satisfies {
  readonly tasks: Readonly<Record<LraTask, { readonly options: object; readonly maxSeqLen: number }>>;
  readonly [name: string]: unknown;
};

/** The published sizes where data are generated, and everything there is elsewhere. */
const FULL = {
  listops: { sizes: { train: 96_000, valid: 2000, test: 2000 } },
  text: {},
  retrieval: { sizes: { train: 20_000, valid: 1000, test: 1000 }, passageLength: 2000 },
  image: {},
  pathfinder: { sizes: { train: 160_000, valid: 20_000, test: 20_000 } },
} as const satisfies Readonly<Record<LraTask, object>>;

/** Decides what is generated, and which part of a larger set is taken. */
const DATA_SEED = 0;

export const lraPrefix = "lra-";

export const lraTaskNames = Object.keys(lraTasks) as readonly LraTask[]; // the table's own keys

/** The subject of a task, `lra-` before its name. */
export const lraSubject: SubjectMaker = async ({ data, quick, length, folder }, { tokensPerBatch, bucketStep }) => {
  const task = lraTaskNames.find((name) => data === lraPrefix + name) ?? "listops";
  const small = QUICK.tasks[task];
  const options: LraOptions = {
    seed: DATA_SEED,
    ...(quick ? { sizes: QUICK.sizes, ...small.options } : FULL[task]),
    ...(folder !== undefined && { folder }),
  };
  const dataset = await lraTasks[task](options);
  const preset = modelPresets[`lra-${task}`];
  const maxSeqLen = length ?? (quick ? small.maxSeqLen : preset.maxSeqLen);
  const plan = { tokensPerBatch, bucketStep, maxSeqLen, vocabulary: dataset.vocabulary };
  const evaluation = (split: "valid" | "test") => planLabelledEvaluation({ ...plan, sequences: dataset.splits[split] });
  return {
    title: `Long Range Arena, ${task} (${dataset.name})`,
    measure: measures.accuracy,
    model: {
      ...preset,
      ...(quick && QUICK.model),
      vocabSize: dataset.vocabulary.size,
      numLabels: dataset.numClasses,
      maxSeqLen,
    },
    batches: (seed) => planLabelledTraining({ ...plan, sequences: dataset.splits.train, seed }),
    valid: evaluation("valid"),
    test: evaluation("test"),
  };
};
