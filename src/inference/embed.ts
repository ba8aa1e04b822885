/** Sequences as vectors: what a model makes of every residue, or the mean of that. */
import { ConfigError, problem } from "../graph/errors.ts";
import type { EncodedSequence, Vocabulary } from "../data/index.ts";
import { ndarray, type NdArray } from "../graph/ndarray.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Named } from "../model/parameters.ts";
import { unitsIn } from "../model/patches.ts";
import { hiddenStates } from "../model/performer.ts";
import { cast, equal } from "../ops/compare.ts";
import { atLeast, div, maximum } from "../ops/elementwise.ts";
import { reshape } from "../ops/layout.ts";
import { matmul } from "../ops/matmul.ts";
import { slice } from "../ops/slicing.ts";
import { constant, input } from "../ops/source.ts";
import type { Backend, WeightOptions } from "../runtime/backend.ts";
import { runSequenceWindows, type SequenceRunOptions, type SequenceWindow } from "./sequence-runs.ts";

/**
 * From states of tokens to vectors. `mean`: over the residues, without special tokens. `cls`: the state of the first
 * token, `<bos>`, which sees everything in an encoder; of images the vector in front. `last`: that of the last residue,
 * which has seen everything in a decoder. `residues`: one vector a residue. For images, patches take the place of
 * residues.
 */
export const poolings = ["mean", "cls", "last", "residues"] as const;
export type Pooling = (typeof poolings)[number];

export interface EmbedOptions<S extends EncodedSequence = EncodedSequence> extends Pick<WeightOptions, "dtype"> {
  /** The model's configuration. */
  readonly config: ModelConfig;
  /** Weights and projections. */
  readonly tensors: Named<NdArray>;
  /** The model's vocabulary. */
  readonly vocabulary: Vocabulary;
  /** Where graphs run; see `createBackend`. */
  readonly backend: Backend;
  /** The sequences, in any order of lengths. */
  readonly sequences: AsyncIterable<S> | Iterable<S>;
  /** Default `mean`: it suits both kinds of model, and says something before any training on a task. */
  readonly pooling?: Pooling;
  /** Divide each vector by its Euclidean length, so that products are cosines. Default false. */
  readonly normalize?: boolean;
  /**
   * `bare`: tokens are read as they are and hold special ones already, which `mean` and `residues` count as any other;
   * so pretrained models of text are used. Default: `<bos>`, and in an encoder `<eos>`, are put around them and do not
   * count.
   */
  readonly wrap?: "bare";
  /** Budget of a batch, padding included. */
  readonly tokensPerBatch?: number;
  /** A batch that would take more is refused before it runs. Default: none is. */
  readonly memoryLimitBytes?: number;
  /** Called after every batch with the residues done so far. */
  readonly onProgress?: (residues: number) => void;
}

export interface SequenceEmbedding {
  readonly id: string;
  /** Residues of the sequence, or squares of the image. */
  readonly length: number;
  /** `[modelDim]`, or with pooling `residues` `[length, modelDim]`. */
  readonly embedding: NdArray & { readonly data: Float32Array };
}

/** Numbers of a window with a vector a residue: 64 MB. */
const WINDOW_NUMBERS = 2 ** 24;

/**
 * The vectors of sequences, in the order of the input: of the last layer, behind the final norm. Streamed: memory does
 * not depend on how many there are. The head of the model, whatever it predicts, is not computed.
 *
 * @throws ConfigError for encoder–decoders, for a pooling that says nothing in this kind of model, and for sequences
 *   longer than the model's positions; DataError for a sequence without tokens
 */
export async function* embedSequences<S extends EncodedSequence>(
  options: EmbedOptions<S>,
): AsyncGenerator<SequenceEmbedding> {
  for await (const window of embedWindows(options)) yield* window;
}

/**
 * Embeds like `embedSequences`, and yields a whole window at a time. Restarted after any window, the rest comes out bit
 * by bit the same.
 */
export async function* embedWindows<S extends EncodedSequence>(
  options: EmbedOptions<S>,
): AsyncGenerator<SequenceEmbedding[]> {
  const { config, pooling = "mean", normalize = false, wrap: given, ...rest } = options;
  checkPooling(config, pooling);
  const wrap = given ?? (config.architecture === "decoder" ? "causal" : "wrapped");
  /** The place of the first token that counts. */
  const start = wrap === "bare" ? 0 : 1;
  yield* runSequenceWindows({
    ...rest,
    config,
    ...windowFor(config, pooling),
    wrap,
    rows: { length: ({ tokenIds }) => [unitsIn(config, tokenIds.length)] },
    build: (graph) => {
      const states = hiddenStates(graph.model, graph.tokenIds, { form: graph.form });
      return { y: pooled[pooling](states, start) };
    },
    read: ({ y }, row, { id, tokenIds }): SequenceEmbedding => {
      const [, rows = 1, width = 0] = y?.shape ?? [];
      const length = unitsIn(config, tokenIds.length);
      const all = y?.data as Float32Array; // declared float32
      const isPooled = pooling !== "residues";
      // Copied: what the engine returns holds all rows.
      const first = (row * rows + (isPooled ? 0 : start)) * width;
      const data = all.slice(first, first + (isPooled ? 1 : length) * width);
      if (normalize) normalizeRows(data, width);
      return { id, length, embedding: { ...ndarray(data, isPooled ? [width] : [length, width]), data } };
    },
  } satisfies SequenceRunOptions<SequenceEmbedding, S>);
}

/** Vectors of residues are many: fewer sequences are read ahead. */
function windowFor({ modelDim }: ModelConfig, pooling: Pooling): { readonly window?: SequenceWindow } {
  if (pooling !== "residues") return {};
  return { window: { sequences: 1024, tokens: Math.max(1, Math.floor(WINDOW_NUMBERS / modelDim)) } };
}

/**
 * @throws ConfigError for encoder–decoders, and for a pooling that says nothing in this kind of model
 */
export function checkPooling({ architecture }: Pick<ModelConfig, "architecture">, pooling: Pooling): void {
  const refuse = (rule: string, got: string, fix: string): never => {
    throw new ConfigError(problem`embedSequences: ${rule}, got ${got}; ${fix}`);
  };
  if (architecture === "encoder-decoder") {
    refuse("the model must be a decoder or an encoder", `'${architecture}'`, "use a model of one stack");
  }
  if (!poolings.includes(pooling)) {
    refuse(`pooling must be one of ${poolings.join(", ")}`, `'${String(pooling)}'`, "leave it out for mean");
  }
  if (pooling === "cls" && architecture === "decoder") {
    refuse("pooling 'cls' must come with an encoder", "a decoder, whose <bos> sees nothing", "use 'last' or 'mean'");
  }
  if (pooling === "last" && architecture === "encoder") {
    refuse(
      "pooling 'last' must come with a decoder",
      "an encoder, where the last residue is one as any other",
      "use 'cls' or 'mean'",
    );
  }
}

/** `[B, L, D]` → `[B, 1, D]`, or as they are. In the graph, so that only what is asked for leaves the engine. */
const pooled = {
  mean: (states, start) => {
    const { places, lengths } = placesAndLengths(states, start);
    // 1 at residues, 0 at what stands around and behind them.
    const weights = atLeast(cast(lengths, "float32"), cast(places, "float32"));
    return div(weightedSum(weights, states), reshape(maximum(cast(lengths, "float32"), 1), [-1, 1, 1]));
  },
  cls: (states) => slice(states, 1, 0, 1),
  last: (states, start) => {
    const { places, lengths } = placesAndLengths(states, start);
    return weightedSum(cast(equal(places, lengths), "float32"), states);
  },
  residues: (states) => states,
} as const satisfies Record<Pooling, (states: Tensor, start: number) => Tensor>;

/**
 * For each position its residue's number, counted from 1, `[1, L]`; for each sequence its number of residues, `[B, 1]`.
 */
function placesAndLengths(states: Tensor, start: number) {
  const [batchSize = 1, seqLen = 1] = states.shape;
  // A place in front of the first is that of <bos>: further than any sequence goes.
  const places = Int32Array.from({ length: seqLen }, (_, place) => (place < start ? seqLen + 1 : place - start + 1));
  return { places: constant(ndarray(places, [1, seqLen])), lengths: input("length", [batchSize, 1], "int32") };
}

/** `[B, L]` by `[B, L, D]` → `[B, 1, D]`. */
function weightedSum(weights: Tensor, states: Tensor): Tensor {
  const [batchSize = 1, seqLen = 1] = states.shape;
  return matmul(reshape(weights, [batchSize, 1, seqLen]), states);
}

/** In place; a row of zeros stays one. */
function normalizeRows(data: Float32Array, width: number): void {
  for (let start = 0; start < data.length; start += width) {
    const row = data.subarray(start, start + width);
    const length = Math.sqrt(row.reduce((total, value) => total + value * value, 0));
    if (length > 0) row.forEach((value, index) => (row[index] = value / length));
  }
}
