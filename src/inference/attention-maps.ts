/**
 * The attention of a model as matrices: the weights of every layer and head on one sequence, as the model itself
 * computes them.
 */
import { LARGEST_ARRAY_BYTES } from "../attention/favor/projections.ts";
import { formFor } from "../attention/mechanism.ts";
import { ConfigError, problem } from "../graph/errors.ts";
import { ndarray, type NdArray } from "../graph/ndarray.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { ModelConfig } from "../model/config.ts";
import { chosenNumbers } from "../model/chosen-numbers.ts";
import { modelInputs } from "../model/inputs.ts";
import type { Named } from "../model/parameters.ts";
import { logits } from "../model/performer.ts";
import { layerMechanism, outputStack } from "../model/stacks.ts";
import { reshape } from "../ops/layout.ts";
import { expand } from "../ops/reduce.ts";
import { concat, slice } from "../ops/slicing.ts";
import { constant, input } from "../ops/source.ts";
import { feedsFor, type Backend } from "../runtime/backend.ts";
import { checkObservable, tokenArray } from "./observe.ts";

export interface AttentionMapsOptions {
  /** The model's configuration. */
  readonly config: ModelConfig;
  /** Weights and projections. */
  readonly tensors: Named<NdArray>;
  /** One sequence, special tokens included. */
  readonly tokenIds: ArrayLike<number>;
  /** Where graphs run; see `createBackend`. */
  readonly backend: Backend;
  /** Counted from 0. Default: all. */
  readonly layers?: readonly number[];
  /** Counted from 0. Default: all. */
  readonly heads?: readonly number[];
}

/** The weights of one head. */
export interface AttentionMap {
  readonly layer: number;
  readonly head: number;
  /** The mechanism of the layer. */
  readonly mechanism: string;
  /**
   * `[L, L]` row by row: what each query (row) gives to each key (column). Rows of mechanisms that normalise sum to 1
   * (cosFormer's may be 0); those of Linformer and the Nyströmformer need not, and these and trigonometric features can
   * be below 0.
   */
  readonly weights: Float32Array;
}

export interface AttentionMaps {
  /** Tokens, L. */
  readonly length: number;
  /** No token sees a later one. */
  readonly causal: boolean;
  /** Layer by layer, head by head, in the order asked for. */
  readonly maps: readonly AttentionMap[];
}

/**
 * A in out = A v, for every layer and head: one-hot values are sent through the layer's own attention, with the
 * projections, masks and positions of the model, so that any mechanism that never forms this matrix shows it.
 *
 * It takes L · L numbers a head, and time in proportion: for looking at, not for computing with.
 *
 * @throws ConfigError for encoder–decoders, for layers and heads that are not there, and where the matrices exceed 2
 *   GiB
 *
 * @example
 * const { maps, length } = await attentionMaps({ config, tensors, tokenIds: [vocabulary.bosId,
 * ...vocabulary.encode("MKVLA")], backend }); Source: appendix C.4 (figures 10 to 13), arXiv:2009.14794.
 */
export async function attentionMaps(options: AttentionMapsOptions): Promise<AttentionMaps> {
  const { config, tensors, backend, tokenIds } = options;
  checkObservable(WHO, config, tensors);
  const layers = chosenNumbers(WHO, "layers", options.layers, config.numLayers);
  const heads = chosenNumbers(WHO, "heads", options.heads, config.numHeads);
  const length = tokenIds.length;
  checkSize({ layers: layers.length, heads: heads.length, length });
  const ids = tokenArray(WHO, config, [tokenIds]);
  const outputs: Record<string, Tensor> = {};
  const values = oneHotValues(config.numHeads, length);
  logits(modelInputs(config), input("tokenIds", ids.shape, "int32"), {
    form: formFor(backend.device),
    observe: (layer, { attend }) => {
      if (!layers.includes(layer)) return;
      const weights = attend(values);
      outputs[`${layer}`] = concat(
        heads.map((head) => slice(weights, 1, head, head + 1)),
        1,
      );
    },
  });
  await using graph = await backend.compile({ outputs });
  const results = await graph.run(feedsFor(graph, { ...tensors, tokenIds: ids }));
  const maps = layers.flatMap((layer) => {
    const data = results[`${layer}`]?.data as Float32Array; // declared float32
    const mechanism = layerMechanism(config, layer).name;
    return heads.map((head, index): AttentionMap => {
      const start = index * length * length;
      return { layer, head, mechanism, weights: data.subarray(start, start + length * length) };
    });
  });
  return { length, causal: outputStack(config).causal, maps };
}

const WHO = "attentionMaps";

/** The s-th value is 1 in column s and 0 elsewhere: `[1, H, L, L]`. */
function oneHotValues(numHeads: number, length: number): Tensor {
  const data = new Float32Array(length * length);
  for (let place = 0; place < length; place++) data[place * length + place] = 1;
  return expand(reshape(constant(ndarray(data, [length, length])), [1, 1, length, length]), [
    1,
    numHeads,
    length,
    length,
  ]);
}

function checkSize({ layers, heads, length }: Record<"layers" | "heads" | "length", number>): void {
  const bytes = 4 * layers * heads * length * length;
  if (bytes <= LARGEST_ARRAY_BYTES) return;
  const most = Math.floor(Math.sqrt(LARGEST_ARRAY_BYTES / (4 * layers * heads)));
  throw new ConfigError(
    problem`${WHO}: the matrices must fit in 2 GiB, got ${(bytes / 2 ** 30).toFixed(1)} GiB for ${layers} layers ×
    ${heads} heads × ${length} × ${length} tokens; give a part of at most ${most} tokens, or fewer layers or heads`,
  );
}
