/**
 * The weights that are compared: fresh ones, and those of a model trained for a minute on the embedded proteins with
 * exact attention.
 */

import { createBackend } from "performer-ts";
import { loadEmbeddedProteins, planEvaluation, planTraining, proteinVocabulary, type Batch } from "performer-ts/data";
import type { NdArray } from "performer-ts/graph";
import { initialParameters, modelConfig, type ModelConfig, type Named } from "performer-ts/model";
import { createRandom, fillNormal } from "performer-ts/random";
import { initialState, train, trainingConfig } from "performer-ts/training";

export interface ModelSizes {
  readonly numLayers: number;
  readonly modelDim: number;
  readonly numHeads: number;
  readonly seqLen: number;
  readonly tokensPerBatch: number;
  readonly steps: number;
}

const LEARNING_RATE = 3e-3;

export function configOf({ seqLen, numLayers, modelDim, numHeads }: ModelSizes): ModelConfig {
  return modelConfig({
    numLayers,
    modelDim,
    numHeads,
    vocabSize: proteinVocabulary.size,
    maxSeqLen: seqLen,
    mechanism: "exact",
    dropout: 0,
  });
}

/** One batch of validation sequences, all rows of the longest length. */
export async function validationTokens({ seqLen, tokensPerBatch }: ModelSizes): Promise<Batch> {
  const { splits } = await loadEmbeddedProteins();
  const plan = { sequences: splits.valid, tokensPerBatch, maxSeqLen: seqLen, bucketStep: seqLen };
  const [first] = planEvaluation({ ...plan, predictEnd: false });
  if (first === undefined) throw new RangeError("validationTokens: there must be a validation batch, got none.");
  return first;
}

/** Weights as the library initialises them: token embeddings of standard deviation 0.02. */
export function freshWeights(config: ModelConfig, seed: number): Named<NdArray> {
  return initialParameters(config, seed);
}

/** The same with token embeddings of standard deviation 1, so that every layer adds little to what it reads. */
export function freshWeightsWithUnitEmbeddings(config: ModelConfig, seed: number): Named<NdArray> {
  const weights = initialParameters(config, seed);
  const name = "tokenEmbedding.weight";
  const embedding = weights[name];
  if (embedding === undefined) throw new RangeError(`freshWeights: the model must have '${name}', got nothing.`);
  const { shape } = embedding;
  const size = shape.reduce((product, length) => product * length, 1);
  const data = fillNormal(createRandom(seed, name), new Float32Array(size));
  return { ...weights, [name]: { dtype: "float32", shape, data } };
}

export async function trainedWeights(
  config: ModelConfig,
  { steps, seqLen, tokensPerBatch }: ModelSizes,
  seed: number,
  onStep: (step: number) => void,
): Promise<Named<NdArray>> {
  const training = trainingConfig({
    steps,
    seed,
    learningRate: LEARNING_RATE,
    tokensPerBatch,
    checkpointInterval: steps,
  });
  const { splits } = await loadEmbeddedProteins();
  const plan = { sequences: splits.train, tokensPerBatch, maxSeqLen: seqLen, bucketStep: seqLen };
  const { state } = await train({
    config,
    training,
    backend: createBackend(),
    initial: initialState(config, seed),
    batches: planTraining({ ...plan, seed }),
    onStep: ({ step }) => onStep(step),
  });
  return state.model;
}
