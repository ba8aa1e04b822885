/** Arrays of queries, keys or values, and masks, as one checked batch `[B, L, width]` with all heads side by side. */
import { GraphError, problem } from "../graph/errors.ts";
import { ndarray, type NdArray } from "../graph/ndarray.ts";
import { formatShape } from "../graph/shape.ts";
import { readArray, type AttentionArray } from "./arrays.ts";

export interface HeadLayout {
  /** Must divide the width. */
  readonly numHeads: number;
  /** Needed for flat arrays only. */
  readonly headDim?: number | undefined;
}

/** `[B, L, width]`. */
export interface Batch extends NdArray {
  readonly data: Float32Array;
  readonly shape: readonly [number, number, number];
  /** Whether the array came with a batch axis. */
  readonly batched: boolean;
}

/** Queries, keys, values, and the gradient by the output. */
export type GradientBatches = Readonly<Record<"q" | "k" | "v" | "dOut", Batch>>;

/**
 * Which keys (or queries) are real: 1 or true, 0 or false for padding; for one sequence, or an array of them for each
 * sequence of a batch.
 */
export type KeyMask = ArrayLike<number | boolean> | readonly ArrayLike<number | boolean>[];

/**
 * Reads an array in any of its forms.
 *
 * @param who the function that was called, for messages
 * @param name what the caller calls the array
 * @throws GraphError when it is no array of rows, its sizes do not fit the heads, or a number is not finite
 */
export function readBatch(who: string, name: string, array: AttentionArray, layout: HeadLayout): Batch {
  const { numHeads } = layout;
  const { data, shape } = readArray(who, name, array, (elements) => flatWidth(who, name, elements, layout));
  const [batch = 0, length = 0, width = 0] = shape.length === 2 ? [1, ...shape] : shape;
  if ((shape.length !== 2 && shape.length !== 3) || shape.includes(0)) {
    throw new GraphError(
      problem`${who}: ${name} must have sizes [length, width] or [batch, length, width], got ${formatShape(shape)};
      reshape it so that the heads lie side by side in the last axis`,
    );
  }
  if (width % numHeads !== 0) {
    throw new GraphError(
      problem`${who}: the width of ${name} must be a multiple of numHeads ${numHeads}, got ${width}; change numHeads`,
    );
  }
  if (data.length !== batch * length * width) {
    throw new GraphError(
      problem`${who}: ${name} must hold as many elements as its sizes ${formatShape(shape)} say, got ${data.length};
        mend the sizes or the data`,
    );
  }
  const wrong = data.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) {
    throw new GraphError(
      problem`${who}: ${name} must hold finite numbers, got ${data[wrong]} at position
      ${Math.floor(wrong / width) % length}, column ${wrong % width}; find where it comes from`,
    );
  }
  const shape3 = [batch, length, width] as const;
  return { ...ndarray(data, shape3), data, shape: shape3, batched: shape.length === 3 };
}

/** Queries and keys, and values where they are given, that fit together. */
export interface Batches {
  readonly q: Batch;
  readonly k: Batch;
  readonly v: Batch | undefined;
}

/**
 * Reads the arrays of attention and compares their sizes.
 *
 * @throws GraphError as `readBatch`, and when widths, lengths or batches do not fit each other
 */
export function readBatches(
  who: string,
  arrays: { readonly q: AttentionArray; readonly k: AttentionArray; readonly v?: AttentionArray | undefined },
  layout: HeadLayout & { readonly causal: boolean },
): Batches {
  if (typeof arrays !== "object" || arrays === null) {
    throw new GraphError(
      problem`${who}: the first argument must hold the arrays { q, k, v }, got ${String(arrays)}; give all three`,
    );
  }
  const q = readBatch(who, "q", arrays.q, layout);
  const k = readBatch(who, "k", arrays.k, layout);
  const v = arrays.v === undefined ? undefined : readBatch(who, "v", arrays.v, layout);
  const [batch, numQueries, width] = q.shape;
  const [, numKeys, keyWidth] = k.shape;
  if (keyWidth !== width) {
    throw new GraphError(
      problem`${who}: q and k must have the same width, got ${width} and ${keyWidth}; their product is what attention
      reads`,
    );
  }
  if (k.shape[0] !== batch || (v !== undefined && v.shape[0] !== batch)) {
    const batches = [q, k, v].flatMap((each) => each?.shape[0] ?? []).join(", ");
    throw new GraphError(
      problem`${who}: q, k and v must have the same batch, got ${batches}; give as many sequences of each`,
    );
  }
  if (v !== undefined && v.shape[1] !== numKeys) {
    throw new GraphError(
      problem`${who}: k and v must have the same length, got ${numKeys} and ${v.shape[1]}; a value belongs to each key`,
    );
  }
  if (layout.causal && numQueries !== numKeys) {
    throw new GraphError(
      problem`${who}: causal q and k must have the same length, got ${numQueries} and ${numKeys}; leave causal out for
      other lengths`,
    );
  }
  return { q, k, v };
}

/** The width of a flat array's rows. */
function flatWidth(who: string, name: string, elements: number, { numHeads, headDim }: HeadLayout): number {
  if (headDim === undefined) {
    throw new GraphError(
      problem`${who}: a flat array must come with the option headDim, got none for ${name}; or give { data, dims:
      [length, width] }, or one array a position`,
    );
  }
  if (!Number.isInteger(headDim) || headDim < 1) {
    throw new GraphError(
      problem`${who}: headDim must be a positive integer, got ${headDim}; it is the width of one head`,
    );
  }
  const width = numHeads * headDim;
  if (elements % width !== 0) {
    throw new GraphError(
      problem`${who}: ${name} must hold a multiple of numHeads · headDim = ${width} elements, got ${elements}; change
      headDim or numHeads`,
    );
  }
  return width;
}

/**
 * Reads a mask as `[B, S]` of ones and zeros.
 *
 * @throws GraphError when it does not have one entry for every key, or an entry is neither 0 nor 1
 */
export function readMask(
  who: string,
  name: "keyMask" | "queryMask",
  mask: KeyMask,
  [batch, length]: readonly [number, number],
): NdArray {
  const positions = name === "keyMask" ? "keys" : "queries";
  const rows = isNested(mask) ? Array.from(mask) : [mask];
  if (rows.length !== (isNested(mask) ? batch : 1) || rows.some((row) => row.length !== length)) {
    const lengths = rows.map((row) => row.length).join(", ");
    throw new GraphError(
      problem`${who}: ${name} must have one entry for each of the ${length} ${positions}, or one such array for each of
      ${batch} sequences, got lengths ${lengths}; give 1 for real ones and 0 for padding`,
    );
  }
  const data = new Float32Array(batch * length);
  for (let b = 0; b < batch; b++) {
    const row = rows[b] ?? rows[0] ?? [];
    for (let s = 0; s < length; s++) {
      const value = typeof row[s] === "string" ? Number.NaN : Number(row[s]);
      if (value !== 0 && value !== 1) {
        throw new GraphError(
          problem`${who}: ${name} must hold 0, 1, true or false, got ${String(row[s])} at ${s}; it says which
          ${positions} are real`,
        );
      }
      data[b * length + s] = value;
    }
  }
  return ndarray(data, [batch, length]);
}

function isNested(mask: KeyMask): mask is readonly ArrayLike<number | boolean>[] {
  return Array.isArray(mask) && typeof mask[0] === "object";
}
