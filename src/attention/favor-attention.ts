/** Attention over plain arrays in one call. */
import type { AttentionArray } from "./arrays.ts";
import { attend, checkOptions, type ArrayAttentionOptions } from "./attend.ts";
import { readBatch, readBatches } from "./batch.ts";

export type { AttentionArray, TensorLike } from "./arrays.ts";
export type { ArrayAttentionOptions, FrozenStatistics, OwnArray } from "./attend.ts";

export type { KeyMask } from "./batch.ts";

/** The attention output, row-major, sizes as the queries had them (the last one as the values). */
export interface AttentionOutput {
  readonly type: "float32";
  readonly data: Float32Array;
  readonly dims: readonly number[];
  /** The mechanism that computed it: with `auto`, the one that was taken. */
  readonly mechanism: string;
}

/** Queries, keys and values. */
export interface AttentionArrays {
  readonly q: AttentionArray;
  readonly k: AttentionArray;
  readonly v: AttentionArray;
}

/**
 * Attention over arrays, by any mechanism of the table `mechanisms`.
 *
 * Compiles a graph for the given sizes, runs it and frees it (some ten milliseconds beside the work itself). For
 * repeated calls build a graph of your own with `compile` and `createMechanism(…).apply`.
 *
 * @throws GraphError when sizes do not fit, a number is not finite, or the output would not be; ConfigError for a
 *   mechanism that is not in the table, or options that it does not have; the message names the array or the option,
 *   the rule, what came, and the way out
 *
 * @example
 * const { data } = await attention({ q, k, v }, { numHeads: 8, causal: true, mechanism: { name: "local", window: 64 }
 * });
 */
export async function attention(
  arrays: AttentionArrays,
  options: ArrayAttentionOptions = {},
): Promise<AttentionOutput> {
  return attendArrays("attention", arrays, options);
}

/**
 * Linear-time attention over arrays: `attention`, by the name of its default.
 *
 * Any norms are safe: nothing overflows. Where float32 has no digits left, because no feature is large for both a query
 * and any key (norms of some ten and more with few features), outputs shrink towards 0; `diagnose` tells such data
 * beforehand.
 *
 * @throws as `attention`
 *
 * @example
 * const { data, dims } = await favorAttention({ q, k, v }, { numHeads: 8, causal: true, numFeatures: 256, seed: 7 });
 */
export async function favorAttention(
  arrays: AttentionArrays,
  options: ArrayAttentionOptions = {},
): Promise<AttentionOutput> {
  return attendArrays("favorAttention", arrays, options);
}

async function attendArrays(
  who: string,
  arrays: AttentionArrays,
  options: ArrayAttentionOptions,
): Promise<AttentionOutput> {
  const { numHeads, causal } = checkOptions(who, options);
  const layout = { numHeads, headDim: options.headDim, causal };
  const { q, k, v = readBatch(who, "v", arrays.v, layout) } = readBatches(who, arrays, layout);
  const { data, shape, mechanism } = await attend(who, { q, k, v }, options);
  return { type: "float32", data, dims: q.batched ? shape : shape.slice(1), mechanism };
}
