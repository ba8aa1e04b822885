/** FAVOR+ on plain arrays in one call. */
import type { AttentionArray } from "./arrays.ts";
import { attend, checkOptions, type FavorAttentionOptions } from "./attend.ts";
import { readBatch, readBatches } from "./batch.ts";

export type { AttentionArray, TensorLike } from "./arrays.ts";
export type { FavorAttentionOptions, FrozenStatistics } from "./attend.ts";
export type { KeyMask } from "./batch.ts";

/** The attention output, row-major, sizes as the queries had them (the last one as the values). */
export interface AttentionOutput {
  readonly type: "float32";
  readonly data: Float32Array;
  readonly dims: readonly number[];
  /** The mechanism that computed it: with `auto`, the one that was taken. */
  readonly mechanism: string;
}

/**
 * Linear-time attention over arrays.
 *
 * Compiles a graph for the given sizes, runs it and frees it (some ten milliseconds beside the work itself). For repeated calls
 * build a graph of your own with `compile` and `mechanisms.favor.apply`.
 *
 * Any norms are safe: nothing overflows. Where float32 has no digits left, because no feature is large for both a query and any key
 * (norms of some ten and more with few features), outputs shrink towards 0; `diagnose` tells such data beforehand.
 *
 * @throws GraphError when sizes do not fit, a number is not finite, or the output would not be; the message names the array, the
 * rule, what came, and the way out
 *
 * @example
 * const { data, dims } = await favorAttention({ q, k, v }, { numHeads: 8, causal: true, numFeatures: 256, seed: 7 });
 */
export async function favorAttention(
  arrays: { readonly q: AttentionArray; readonly k: AttentionArray; readonly v: AttentionArray },
  options: FavorAttentionOptions = {},
): Promise<AttentionOutput> {
  const who = "favorAttention";
  const { numHeads, causal } = checkOptions(who, options);
  const layout = { numHeads, headDim: options.headDim, causal };
  const { q, k, v = readBatch(who, "v", arrays.v, layout) } = readBatches(who, arrays, layout);
  const { data, shape, mechanism } = await attend(who, { q, k, v }, options);
  return { type: "float32", data, dims: q.batched ? shape : shape.slice(1), mechanism };
}
