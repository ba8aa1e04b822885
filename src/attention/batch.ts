/** Arrays of queries, keys or values, and masks, as one checked batch `[B, L, width]` with all heads side by side. */
import { GraphError } from "../graph/errors.ts";
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

/** Which keys are real: 1 or true, 0 or false for padding; for one sequence, or an array of them for each sequence of a batch. */
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
      `${who}: ${name} must have sizes [length, width] or [batch, length, width], got ${formatShape(shape)}; ` +
        "reshape it so that the heads lie side by side in the last axis",
    );
  }
  if (width % numHeads !== 0) {
    throw new GraphError(
      `${who}: the width of ${name} must be a multiple of numHeads ${numHeads}, got ${width}; change numHeads`,
    );
  }
  if (data.length !== batch * length * width) {
    throw new GraphError(
      `${who}: ${name} must hold as many elements as its sizes ${formatShape(shape)} say, got ${data.length}`,
    );
  }
  const wrong = data.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) {
    throw new GraphError(
      `${who}: ${name} must hold finite numbers, got ${data[wrong]} at position ${Math.floor(wrong / width) % length}, ` +
        `column ${wrong % width}; find where it comes from`,
    );
  }
  const shape3 = [batch, length, width] as const;
  return { ...ndarray(data, shape3), data, shape: shape3, batched: shape.length === 3 };
}

/** The width of a flat array's rows. */
function flatWidth(who: string, name: string, elements: number, { numHeads, headDim }: HeadLayout): number {
  if (headDim === undefined) {
    throw new GraphError(
      `${who}: a flat array must come with the option headDim, got none for ${name}; ` +
        "or give { data, dims: [length, width] }, or one array a position",
    );
  }
  if (!Number.isInteger(headDim) || headDim < 1) {
    throw new GraphError(`${who}: headDim must be a positive integer, got ${headDim}; it is the width of one head`);
  }
  const width = numHeads * headDim;
  if (elements % width !== 0) {
    throw new GraphError(
      `${who}: ${name} must hold a multiple of numHeads · headDim = ${width} elements, got ${elements}; ` +
        "change headDim or numHeads",
    );
  }
  return width;
}

/**
 * Reads a key mask as `[B, S]` of ones and zeros.
 *
 * @throws GraphError when it does not have one entry for every key, or an entry is neither 0 nor 1
 */
export function readKeyMask(who: string, mask: KeyMask, [batch, length]: readonly [number, number]): NdArray {
  const rows = isNested(mask) ? Array.from(mask) : [mask];
  if (rows.length !== (isNested(mask) ? batch : 1) || rows.some((row) => row.length !== length)) {
    const lengths = rows.map((row) => row.length).join(", ");
    throw new GraphError(
      `${who}: keyMask must have one entry for each of the ${length} keys, or one such array for each of ${batch} sequences, ` +
        `got lengths ${lengths}; give 1 for real keys and 0 for padding`,
    );
  }
  const data = new Float32Array(batch * length);
  for (let b = 0; b < batch; b++) {
    const row = rows[b] ?? rows[0] ?? [];
    for (let s = 0; s < length; s++) {
      const value = Number(row[s]);
      if (value !== 0 && value !== 1) {
        throw new GraphError(
          `${who}: keyMask must hold 0, 1, true or false, got ${String(row[s])} for key ${s}; it says which keys are real`,
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
