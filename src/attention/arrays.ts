/** The ways to write down an array of rows, read as one flat array and its sizes. */
import { GraphError, problem } from "../graph/errors.ts";
import type { NdArray } from "../graph/ndarray.ts";

/** An array with its sizes, as transformers.js and onnxruntime call them; their tensors fit as they are. */
export interface TensorLike {
  readonly data: ArrayLike<number | bigint>;
  readonly dims: readonly number[];
}

/**
 * Queries, keys or values: `[length, numHeads·headDim]` or `[batch, length, numHeads·headDim]`, as a tensor with
 * `dims`, as an array of rows (one typed array a position), or as one flat Float32Array together with the option
 * `headDim`.
 */
export type AttentionArray = TensorLike | NdArray | readonly ArrayLike<number>[] | Float32Array;

/**
 * Reads an array in any of its forms. Float32Arrays are not copied.
 *
 * @param who the function that was called, for messages
 * @param name what the caller calls the array
 * @param flatWidth the width of the rows of a flat array of so many elements, which carries no sizes; throws when
 *   nothing says it
 * @returns the elements and their sizes, which nothing has compared yet when the caller gave both
 * @throws GraphError when it is none of the forms, or its rows differ in length
 */
export function readArray(
  who: string,
  name: string,
  array: AttentionArray,
  flatWidth: (elements: number) => number,
): { readonly data: Float32Array; readonly shape: readonly number[] } {
  if (array instanceof Float32Array) {
    const width = flatWidth(array.length);
    return { data: array, shape: [array.length / width, width] };
  }
  if (typeof array === "object" && array !== null && "data" in array) {
    const data = array.data instanceof Float32Array ? array.data : Float32Array.from(array.data, Number);
    return { data, shape: "dims" in array ? array.dims : array.shape };
  }
  if (!Array.isArray(array) || !array.every((row) => typeof row === "object" && row !== null && "length" in row)) {
    throw new GraphError(
      problem`${who}: ${name} must be an array of rows, { data, dims } or a flat Float32Array, got ${describe(array)};
      give one array a position, or { data, dims: [length, width] }`,
    );
  }
  const width = array[0]?.length ?? 0;
  if (array.some((row) => row.length !== width)) {
    throw new GraphError(
      problem`${who}: all rows of ${name} must have the same length, got ${width} and others; cut or pad them`,
    );
  }
  const data = new Float32Array(array.length * width);
  array.forEach((row, index) => data.set(Float32Array.from(row), index * width));
  return { data, shape: [array.length, width] };
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length} elements that are not all rows`;
  return typeof value === "object" && value !== null ? `a ${value.constructor.name}` : typeof value;
}
