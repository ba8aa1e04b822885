/** Plain float64 loops that the reference rules of the ops share. */
import type { ReferenceArray } from "../graph/op-rule.ts";
import { broadcastShapes, reducedShape, sizeOf, stridesOf, type Shape } from "../graph/shape.ts";

/** Applies a function to every element. */
export function map(x: ReferenceArray, fn: (value: number) => number): ReferenceArray {
  return { shape: x.shape, data: x.data.map(fn) };
}

/** Builds an array from a function of the index along every axis. */
export function build(shape: Shape, fn: (index: readonly number[]) => number): ReferenceArray {
  const data = new Float64Array(sizeOf(shape));
  const index = shape.map(() => 0);
  for (let flat = 0; flat < data.length; flat++) {
    data[flat] = fn(index);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      index[axis] = next === shape[axis] ? 0 : next;
      if (index[axis] !== 0) break;
    }
  }
  return { shape, data };
}

/** The element at an index; axes of length 1 are stretched, missing leading axes ignored (broadcasting). */
export function at({ shape, data }: ReferenceArray, index: readonly number[]): number {
  const offset = index.length - shape.length;
  let flat = 0;
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const length = shape[axis] ?? 1;
    if (length !== 1) flat += stride * (index[axis + offset] ?? 0);
    stride *= length;
  }
  return data[flat] ?? Number.NaN;
}

/**
 * Where the elements of a shape stand, in row-major order, in an array that lies in memory by the given strides.
 *
 * @param start place of the first element
 */
export function places(shape: Shape, strides: readonly number[], start = 0): Int32Array {
  let found = Int32Array.of(start);
  shape.forEach((length, axis) => {
    const stride = strides[axis] ?? 0;
    const next = new Int32Array(found.length * length);
    let flat = 0;
    for (const first of found)
      for (let position = 0; position < length; position++) next[flat++] = first + position * stride;
    found = next;
  });
  return found;
}

/** Strides that read an array as the larger shape that it broadcasts to: 0 along stretched and added axes. */
export function stretchedStrides(from: Shape, shape: Shape): number[] {
  const strides = stridesOf(from);
  const added = shape.length - from.length;
  return shape.map((_, axis) => ((from[axis - added] ?? 1) === 1 ? 0 : (strides[axis - added] ?? 0)));
}

/** An array of the given shape whose elements stand in x by the given strides. */
export function pick(x: ReferenceArray, shape: Shape, strides: readonly number[], start = 0): ReferenceArray {
  return { shape, data: Float64Array.from(places(shape, strides, start), (place) => x.data[place] ?? Number.NaN) };
}

/** Combines two arrays element by element, broadcasting. */
export function zip(a: ReferenceArray, b: ReferenceArray, fn: (x: number, y: number) => number): ReferenceArray {
  const shape = broadcastShapes(a.shape, b.shape) ?? a.shape;
  const inA = places(shape, stretchedStrides(a.shape, shape));
  const inB = places(shape, stretchedStrides(b.shape, shape));
  const data = new Float64Array(inA.length);
  for (let flat = 0; flat < data.length; flat++) {
    data[flat] = fn(a.data[inA[flat] ?? 0] ?? Number.NaN, b.data[inB[flat] ?? 0] ?? Number.NaN);
  }
  return { shape, data };
}

/** Folds the given axes, which stay as 1 where `keepDims`. */
export function fold(
  x: ReferenceArray,
  axes: readonly number[],
  keepDims: boolean,
  initial: number,
  fn: (accumulated: number, value: number) => number,
): ReferenceArray {
  const kept = reducedShape(x.shape, axes, true);
  const targets = places(x.shape, stretchedStrides(kept, x.shape));
  const data = new Float64Array(sizeOf(kept)).fill(initial);
  x.data.forEach((value, flat) => {
    const target = targets[flat] ?? 0;
    data[target] = fn(data[target] ?? initial, value);
  });
  return { shape: reducedShape(x.shape, axes, keepDims), data };
}

/** erf by its series for small |x| and by the continued fraction of erfc beyond, to about 1e-15. */
export function erfReference(x: number): number {
  const size = Math.abs(x);
  if (size > 6) return Math.sign(x);
  if (size < 2.5) {
    let term = size;
    let total = size;
    for (let n = 1; Math.abs(term) > 1e-17 * total && n < 200; n++) {
      term *= (-size * size) / n;
      total += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * total) / Math.sqrt(Math.PI);
  }
  let fraction = size;
  for (let n = 120; n > 0; n--) fraction = size + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-size * size) / (fraction * Math.sqrt(Math.PI)));
}
