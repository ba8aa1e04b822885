/** Models of the literature: sizes as published; vocabulary and attention are the user's choice. */
import type { ModelOptions } from "./config-schema.ts";

/** The Performer's own sizes: (heads, layers, mlpDim, modelDim) of figure 3. */
const regular = { numHeads: 8, numLayers: 6, mlpDim: 2048, modelDim: 512 } as const;

/** Encoders that read a [CLS] token in front of the sequence, which maxSeqLen counts. */
const classifier = {
  architecture: "encoder",
  head: "sequence-classification",
  pooling: "first",
  positions: "sinusoidal",
} as const;

/**
 * The Performer's (arXiv:2009.14794): `paper-regular` and `paper-small` of figure 3; `progen-like`, the proteins of
 * section 4.2 at their length of 1,024; `imagenet64`, 64 · 64 · 3 tokens in 6 layers, whose other sizes are those of
 * `paper-regular`.
 *
 * The Long-Range Arena's (arXiv:2011.04006): the base models in the configurations that its authors published with the
 * benchmark (google-research/long-range-arena). `lra-retrieval` reads one of two documents. `lra-pathfinder` has
 * pictures of 32 × 32 pixels.
 */
export const modelPresets = {
  "paper-regular": regular,
  "paper-small": { numHeads: 1, numLayers: 6, mlpDim: 64, modelDim: 64 },
  "progen-like": { numHeads: 8, numLayers: 36, mlpDim: 1024, modelDim: 512, maxSeqLen: 1024, dropout: 0.1 },
  imagenet64: { ...regular, maxSeqLen: 64 * 64 * 3 },
  "lra-listops": {
    ...classifier,
    ...regular,
    numLabels: 10,
    maxSeqLen: 2001,
  },
  "lra-text": {
    ...classifier,
    numLabels: 2,
    maxSeqLen: 4001,
    modelDim: 256,
    numHeads: 4,
    numLayers: 4,
    mlpDim: 1024,
  },
  "lra-retrieval": {
    ...classifier,
    numLabels: 2,
    maxSeqLen: 4001,
    modelDim: 128,
    numHeads: 4,
    numLayers: 4,
    mlpDim: 512,
  },
  "lra-image": {
    ...classifier,
    positions: "learned",
    numLabels: 10,
    maxSeqLen: 1025,
    modelDim: 32,
    numHeads: 1,
    numLayers: 1,
    mlpDim: 64,
    dropout: 0.3,
  },
  "lra-pathfinder": {
    ...classifier,
    pooling: "mean",
    numLabels: 2,
    maxSeqLen: 1024,
    modelDim: 128,
    numHeads: 4,
    headDim: 16,
    numLayers: 1,
    mlpDim: 128,
    dropout: 0.2,
  },
} as const satisfies Record<string, Omit<ModelOptions, "vocabSize">>;

export type ModelPresetName = keyof typeof modelPresets;
