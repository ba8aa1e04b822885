/** Looks into a model's attention: the queries, keys and values of every layer on given tokens. */
import { formFor } from "../attention/mechanism.ts";
import { ndarray, type NdArray } from "../graph/ndarray.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { ModelConfig } from "../model/config.ts";
import { ConfigError, problem } from "../graph/errors.ts";
import type { Named } from "../model/parameters.ts";
import { logits } from "../model/performer.ts";
import { checkIntensities } from "../model/patches.ts";
import { longestSequence } from "../model/positions.ts";
import { checkTensors } from "../model/tensors.ts";
import { mergeAxes, transpose } from "../ops/layout.ts";
import { input } from "../ops/source.ts";
import { feedsFor, type Backend } from "../runtime/backend.ts";
import { modelInputs } from "../model/inputs.ts";

export interface ObserveOptions {
  /** The model's configuration. */
  readonly config: ModelConfig;
  /** Weights and projections. */
  readonly tensors: Named<NdArray>;
  /** Sequences of one length, special tokens included. */
  readonly tokenIds: readonly ArrayLike<number>[];
  /** Where graphs run; see `createBackend`. */
  readonly backend: Backend;
}

/**
 * What the attention of a layer is given: `[batch, length, modelDim]` each, heads side by side, as `favorAttention`
 * takes them.
 */
export interface ObservedAttention {
  readonly q: NdArray;
  readonly k: NdArray;
  readonly v: NdArray;
}

const NAMES = ["q", "k", "v"] as const;

/**
 * Queries, keys and values as the mechanism of every layer sees them, after the position encoding.
 *
 * @returns one entry a layer
 * @throws ConfigError when the sequences differ in length, hold ids outside the vocabulary or exceed learned positions
 *
 * @example
 * const [first] = await observeAttention({ config, tensors, tokenIds: [vocabulary.encode("MKVLA")], backend });
 * const { heads } = await diagnose(first, { numHeads: config.numHeads, causal: true });
 */
export async function observeAttention(options: ObserveOptions): Promise<readonly ObservedAttention[]> {
  const { config, tensors, backend } = options;
  checkObservable("observeAttention", config, tensors);
  const ids = tokenArray("observeAttention", config, options.tokenIds);
  const outputs: Record<string, Tensor> = {};
  logits(modelInputs(config), input("tokenIds", ids.shape, "int32"), {
    form: formFor(backend.device),
    observe: (layer, attention) => {
      for (const name of NAMES) {
        outputs[outputName(layer, name)] = mergeAxes(transpose(attention[name], [0, 2, 1, 3]), 2);
      }
    },
  });
  await using graph = await backend.compile({ outputs });
  // What comes after the last layer's queries, keys and values is no part of this graph.
  const results = await graph.run(feedsFor(graph, { ...tensors, tokenIds: ids }));
  return Array.from({ length: config.numLayers }, (_, layer) => {
    const of = (name: (typeof NAMES)[number]) => results[outputName(layer, name)] ?? EMPTY;
    return { q: of("q"), k: of("k"), v: of("v") };
  });
}

const EMPTY = ndarray(new Float32Array(0), [0, 0, 0]);

function outputName(layer: number, name: string): string {
  return `blocks.${layer}.attention.${name}`;
}

/** @throws ConfigError for models of two stacks, and weights that are not the configuration's */
export function checkObservable(who: string, config: ModelConfig, tensors: Named<NdArray>): void {
  if (config.architecture === "encoder-decoder") {
    throw new ConfigError(
      problem`${who}: the model must have one stack of blocks, got architecture 'encoder-decoder'; use 'decoder' or
      'encoder'`,
    );
  }
  checkTensors(config, tensors, who);
}

/**
 * Sequences of one length as an array, `[batch, length]` int32.
 *
 * @throws ConfigError when they differ in length, hold ids outside the vocabulary or exceed learned positions
 */
export function tokenArray(who: string, config: ModelConfig, tokenIds: readonly ArrayLike<number>[]): NdArray {
  const length = tokenIds[0]?.length ?? 0;
  if (length === 0 || tokenIds.some((sequence) => sequence.length !== length)) {
    const lengths = tokenIds.map((sequence) => sequence.length);
    throw new ConfigError(
      problem`${who}: tokenIds must hold sequences of one length from 1 on, got lengths
      ${lengths.join(", ") || "of none"}; cut them to the shortest`,
    );
  }
  // <bos> stands in front of an image.
  checkIntensities(who, config, length - 1);
  const { length: longest, reason } = longestSequence(config);
  if (length > longest) {
    throw new ConfigError(
      problem`${who}: with ${reason}, sequences must not exceed maxSeqLen ${longest}, got ${length}; cut them`,
    );
  }
  const ids = Int32Array.from(tokenIds.flatMap((sequence) => Array.from(sequence)));
  const wrong = ids.find((id) => id < 0 || id >= config.vocabSize);
  if (wrong !== undefined) {
    throw new ConfigError(
      problem`${who}: ids must lie in [0, ${config.vocabSize}), got ${wrong}; encode with the model's own vocabulary`,
    );
  }
  return ndarray(ids, [tokenIds.length, length]);
}
