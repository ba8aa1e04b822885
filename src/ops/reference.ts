/** Plain float64 loops that the reference rules of the ops share. */
import type { ReferenceArray } from "../graph/op-rule.ts";
import { broadcastShapes, normalizeAxis, reducedShape, sizeOf, stridesOf, type Shape } from "../graph/shape.ts";

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
export function at(x: ReferenceArray, index: readonly number[]): number {
  const strides = stridesOf(x.shape);
  const offset = index.length - x.shape.length;
  let flat = 0;
  x.shape.forEach((length, axis) => {
    if (length !== 1) flat += (strides[axis] ?? 0) * (index[axis + offset] ?? 0);
  });
  return x.data[flat] ?? Number.NaN;
}

/** Combines two arrays element by element, broadcasting. */
export function zip(a: ReferenceArray, b: ReferenceArray, fn: (x: number, y: number) => number): ReferenceArray {
  const shape = broadcastShapes(a.shape, b.shape) ?? a.shape;
  return build(shape, (index) => fn(at(a, index), at(b, index)));
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
  const strides = stridesOf(kept);
  const reduced = new Set(axes.map((axis) => normalizeAxis(axis, x.shape.length)));
  const data = new Float64Array(sizeOf(kept)).fill(initial);
  let flat = 0;
  build(x.shape, (index) => {
    let target = 0;
    index.forEach((position, axis) => {
      if (!reduced.has(axis)) target += position * (strides[axis] ?? 0);
    });
    data[target] = fn(data[target] ?? initial, x.data[flat++] ?? 0);
    return 0;
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
