/** Queries, keys and values as heads `[B, H, length, width]`, checked, and rows picked out of them. */
import type { AttentionArray } from "../arrays.ts";
import { readBatches, type Batch } from "../batch.ts";
import { ndarray, type NdArray } from "../../graph/ndarray.ts";
import { permutation, type Random } from "../../random/index.ts";

/** Rows of all heads, `[B, H, length, width]`, row-major. */
export interface Heads {
  readonly data: Float32Array;
  readonly batch: number;
  readonly numHeads: number;
  readonly length: number;
  readonly width: number;
}

export interface Layout {
  readonly numHeads: number;
  /** The width of a head; only for flat arrays. */
  readonly headDim?: number | undefined;
  readonly causal: boolean;
}

/** Queries, keys and values that fit together. */
export interface Sequences {
  readonly q: Heads;
  readonly k: Heads;
  readonly v: Heads;
}

/** The same as they were read, with values where they were given. */
export interface HeadSequences extends Omit<Sequences, "v"> {
  readonly v: Heads | undefined;
  /** Whether the arrays came with a batch axis. */
  readonly batched: boolean;
}

/**
 * Reads arrays in the forms of favorAttention.
 *
 * @param who the function that was called, for messages
 * @throws GraphError when an array is no array of numbers, holds NaN or infinities, or does not fit the others
 */
export function readSequences(
  who: string,
  arrays: { readonly q: AttentionArray; readonly k: AttentionArray; readonly v?: AttentionArray | undefined },
  layout: Layout,
): HeadSequences {
  const { q, k, v } = readBatches(who, arrays, layout);
  return { q: toHeads(q, layout), k: toHeads(k, layout), v: v && toHeads(v, layout), batched: q.batched };
}

function toHeads({ data, shape: [batch, length, width] }: Batch, { numHeads }: Layout): Heads {
  const sizes = { batch, numHeads, length, width: width / numHeads };
  return { ...sizes, data: splitHeads(data, sizes) };
}

/** `[B, L, H·D]` → `[B, H, L, D]`. */
function splitHeads(data: Float32Array, { batch, numHeads, length, width }: Omit<Heads, "data">): Float32Array {
  const out = new Float32Array(data.length);
  let target = 0;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < numHeads; h++) {
      for (let t = 0; t < length; t++, target += width) {
        const source = ((b * length + t) * numHeads + h) * width;
        out.set(data.subarray(source, source + width), target);
      }
    }
  }
  return out;
}

/** The same array as the engine takes it. */
export function headsArray({ data, batch, numHeads, length, width }: Heads): NdArray {
  return ndarray(data, [batch, numHeads, length, width]);
}

/** One row: sequence b, head h, position t. */
export function rowOf({ data, numHeads, length, width }: Heads, b: number, h: number, t: number): Float32Array {
  const start = ((b * numHeads + h) * length + t) * width;
  return data.subarray(start, start + width);
}

/** The given positions of every head. */
export function pickPositions(heads: Heads, positions: readonly number[]): Heads {
  const { batch, numHeads, length, width } = heads;
  if (positions.length === length) return heads;
  const picked = {
    ...heads,
    length: positions.length,
    data: new Float32Array(batch * numHeads * positions.length * width),
  };
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < numHeads; h++) {
      positions.forEach((t, index) => rowOf(picked, b, h, index).set(rowOf(heads, b, h, t)));
    }
  }
  return picked;
}

/** Positions in ascending order: all of them, or so many at random where there are more. */
export function samplePositions(random: Random, length: number, count: number): readonly number[] {
  if (length <= count) return Array.from({ length }, (_, position) => position);
  return Array.from(permutation(random, length).subarray(0, count)).toSorted((a, b) => a - b);
}
