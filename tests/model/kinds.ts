/** One small model of every kind, and batches that fit it. */
import type { ModelConfig, ModelOptions } from "../../src/model/config.ts";
import { createRandom, fillNormal } from "../../src/random/index.ts";
import type { Batch } from "../../src/data/batch.ts";

type Options = Partial<ModelOptions>;

/** Models of one stack whose tokens see all others. */
export const encoderKinds = {
  "a masked language model": { architecture: "encoder" },
  "an encoder whose hidden tokens are zero": { architecture: "encoder", tokenDropout: { maskId: 7, share: 0.12 } },
  "a classifier of sequences": { architecture: "encoder", head: "sequence-classification", numLabels: 3 },
  "a classifier that reads the first token": {
    architecture: "encoder",
    head: "sequence-classification",
    numLabels: 3,
    pooling: "first",
  },
  "a regression": { architecture: "encoder", head: "regression", numLabels: 2 },
  "a regression that reads the last token": { architecture: "encoder", head: "regression", pooling: "last" },
  "a tagger of tokens": { architecture: "encoder", head: "token-classification", numLabels: 5 },
} as const satisfies Record<string, Options>;

/** A classifier of images of 3 × 23 pixels, which are 71 tokens with those around them. */
export const ofImages = {
  architecture: "encoder",
  head: "sequence-classification",
  numLabels: 3,
  pooling: "first",
  vocabSize: 260,
  patches: { size: 1, width: 3, height: 23, channels: 1, mean: [0.3], deviation: [0.7] },
  maxSeqLen: 71,
} as const satisfies Options;

/** Causal models that tell something of a whole sequence. */
export const pooledDecoderKinds = {
  "a causal classifier of sequences": { head: "sequence-classification", numLabels: 3 },
  "a causal regression that reads the last token, in the labels' unit": {
    head: "regression",
    numLabels: 2,
    pooling: "last",
    labelMean: 0.5,
    labelDeviation: 3,
  },
} as const satisfies Record<string, Options>;

export const encoderDecoderKinds = {
  "a sequence-to-sequence model": { architecture: "encoder-decoder" },
  "a pointer network": { architecture: "encoder-decoder", head: "pointer" },
} as const satisfies Record<string, Options>;

/** What differs from the usual inside blocks; every one of them a causal decoder. */
export const blockOptions = {
  rmsnorm: { norm: "rmsnorm" },
  "scalenorm after branches": { norm: "scalenorm", normPlacement: "post" },
  "layernorm after branches": { normPlacement: "post" },
  rezero: { normPlacement: "rezero" },
  "a norm of the embeddings": { embeddingNorm: true },
  "gelu by its approximation": { activation: "gelu-tanh" },
  "a transform and a bias of its output layer": { headTransform: true, headBias: true },
  relu: { activation: "relu" },
  glu: { activation: "glu" },
  geglu: { activation: "geglu" },
  reglu: { activation: "reglu" },
  swiglu: { activation: "swiglu" },
  "sinusoidal positions": { positions: "sinusoidal" },
  "axial positions": { positions: "axial" },
  "no positions": { positions: "none" },
  "token shift": { tokenShift: true },
  "token shift in a reversible model with rezero": { tokenShift: true, reversible: true, normPlacement: "rezero" },
  "heads of a width of their own": { headDim: 4, numHeads: 5 },
  "a mechanism a layer": { mechanism: ["favor-relu", "favor"] },
  "a mechanism a layer, one without a state": { mechanism: ["exact", "favor"] },
  "heads of two mechanisms": {
    mechanism: {
      heads: [
        { name: "favor", numHeads: 1 },
        { name: "local", numHeads: 1, window: 4 },
      ],
    },
  },
  "a mechanism with options": { mechanism: ["favor", { name: "local", window: 5 }] },
  "the feed-forward layer in chunks": { feedForwardChunkSize: 5 },
} as const satisfies Record<string, Options>;

interface BatchOptions {
  readonly batchSize: number;
  readonly seqLen: number;
  readonly sourceLen?: number;
  /** Row r ends after so many tokens. Default: none ends early. */
  readonly lengths?: readonly number[];
  readonly seed?: number;
}

/** Random tokens and targets, of the kind that a model predicts; behind a row's end stands padding. */
export function batchOf(
  config: ModelConfig,
  { batchSize, seqLen, sourceLen = seqLen + 2, lengths = [], seed = 5 }: BatchOptions,
): Batch {
  const random = createRandom(seed, "batch of a kind");
  const { vocabSize, numLabels = vocabSize, padId, architecture, head } = config;
  const pooled = head === "sequence-classification" || head === "regression";
  const targetLen = pooled ? 1 : seqLen;
  const isReal = (index: number, length: number) => index % length < (lengths[Math.floor(index / length)] ?? length);
  const tokens = (length: number) =>
    Int32Array.from({ length: batchSize * length }, (_, index) =>
      isReal(index, length) ? 1 + random.integer(vocabSize - 1) : padId,
    );
  const classes = head === "pointer" ? Math.min(...lengths, sourceLen) : numLabels;
  return {
    batchSize,
    seqLen,
    targetLen,
    inputIds: tokens(seqLen),
    targetIds: Int32Array.from({ length: batchSize * targetLen }, () => random.integer(classes)),
    targetValues: fillNormal(random, new Float64Array(batchSize * targetLen * numLabels)),
    weights: Float32Array.from({ length: batchSize * targetLen }, (_, index) =>
      Number(pooled || isReal(index, seqLen)),
    ),
    ...(architecture === "encoder-decoder" && { sourceLen, sourceIds: tokens(sourceLen) }),
  };
}
