/** One training run of a small protein model, step by step, to its end or to the step at which it fails. */

import { createBackend } from "performer-ts";
import type { MechanismName } from "performer-ts/attention";
import { planEvaluation, planTraining, proteinVocabulary, type ProteinDataset } from "performer-ts/data";
import type { NdArray } from "performer-ts/graph";
import { modelConfig, type Named } from "performer-ts/model";
import { initialState, train, trainingConfig, TrainingError } from "performer-ts/training";

export interface RunSizes {
  readonly numLayers: number;
  readonly modelDim: number;
  readonly numHeads: number;
  readonly numFeatures: number;
  readonly seqLen: number;
  readonly tokensPerBatch: number;
  readonly steps: number;
  readonly validationBatches: number;
}

export interface RunOptions {
  readonly mechanism: MechanismName;
  readonly sizes: RunSizes;
  /** The initial weights of queries and keys are multiplied by this. */
  readonly queryKeyGain: number;
  /** Decides weights, projections and batches, so that runs of two mechanisms differ in nothing else. */
  readonly seed: number;
  readonly data: ProteinDataset;
  readonly onStep: () => void;
}

export interface TrainingRun {
  /** The loss of every step that was done. */
  readonly lossNats: readonly number[];
  /** Before clipping. */
  readonly gradientNorms: readonly number[];
  /** The step whose loss or gradient was not finite, counted from 1; undefined when all were. */
  readonly failedAt: number | undefined;
  /** After the last step; undefined for a run that failed. */
  readonly validationLossNats: number | undefined;
}

const QUERY_OR_KEY = /\.attention\.(query|key)\.weight$/;
export const LEARNING_RATE = 3e-3;

export async function trainRun({
  mechanism,
  sizes,
  queryKeyGain,
  seed,
  data,
  onStep,
}: RunOptions): Promise<TrainingRun> {
  const { steps, seqLen, tokensPerBatch, validationBatches, ...model } = sizes;
  const config = modelConfig({
    ...model,
    vocabSize: proteinVocabulary.size,
    maxSeqLen: seqLen,
    mechanism,
    dropout: 0,
  });
  // Everything else as the library has it, which is as published: AdamW(0.9, 0.98), gradients shortened to a norm of
  // 0.5.
  const training = trainingConfig({
    steps,
    seed,
    tokensPerBatch,
    learningRate: LEARNING_RATE,
    evalInterval: steps,
    checkpointInterval: steps,
  });
  const plan = { tokensPerBatch, maxSeqLen: seqLen, bucketStep: seqLen };
  const fresh = initialState(config, seed);
  const lossNats: number[] = [];
  const gradientNorms: number[] = [];
  let validationLossNats: number | undefined;
  let failedAt: number | undefined;
  try {
    await train({
      config,
      training,
      backend: createBackend(),
      initial: { ...fresh, model: withLongerQueriesAndKeys(fresh.model, queryKeyGain) },
      batches: planTraining({ ...plan, sequences: data.splits.train, seed }),
      validation: planEvaluation({ ...plan, sequences: data.splits.valid, predictEnd: false }).slice(
        0,
        validationBatches,
      ),
      onStep: (progress) => {
        lossNats.push(progress.lossNats);
        gradientNorms.push(progress.gradientNorm);
        onStep();
      },
      onEvaluation: (_, result) => {
        validationLossNats = result.lossNats;
      },
    });
  } catch (error) {
    if (!(error instanceof TrainingError)) throw error;
    failedAt = lossNats.length + 1;
    // The steps that are not to come are done, for whoever counts.
    for (let step = lossNats.length; step < steps; step++) onStep();
  }
  return { lossNats, gradientNorms, failedAt, validationLossNats };
}

function withLongerQueriesAndKeys(weights: Named<NdArray>, gain: number): Record<string, NdArray> {
  return Object.fromEntries(
    Object.entries(weights).map(([name, array]) => {
      const { data } = array;
      if (!QUERY_OR_KEY.test(name) || !(data instanceof Float32Array)) return [name, array];
      return [name, { ...array, data: data.map((value) => gain * value) }];
    }),
  );
}
