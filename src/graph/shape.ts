/** Shapes: sizes, broadcasting, row-major strides. */
import { shown } from "./arguments.ts";
import { problem, ShapeError } from "./errors.ts";
import { currentPath } from "./scope.ts";

/** Lengths of the axes, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

/** Number of elements. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, length) => product * length, 1);
}

export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((length, axis) => length === b[axis]);
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (const length of shape.toReversed()) {
    strides.unshift(stride);
    stride *= length;
  }
  return strides;
}

/**
 * The axis as a number from 0.
 *
 * @throws ShapeError in the name of the op `who`
 */
export function normalizeAxis(who: string, axis: number, { shape }: { readonly shape: Shape }): number {
  const rank = shape.length;
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    const at = currentPath() === "" ? "" : `, at ${currentPath()}`;
    throw new ShapeError(
      problem`${who}: axis must be an integer from ${-rank} to ${rank - 1}, got ${shown(axis)}${at}; the shape is
      ${formatShape(shape)}, and negative axes count from the end`,
    );
  }
  return axis < 0 ? axis + rank : axis;
}

/**
 * The common shape of two operands by NumPy's rule: axes are aligned at the end, and a length of 1 stretches.
 *
 * @returns undefined when the shapes do not fit
 */
export function broadcastShapes(a: Shape, b: Shape): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const x = a[axis - rank + a.length] ?? 1;
    const y = b[axis - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return undefined;
    shape.push(x === 1 ? y : x);
  }
  return shape;
}

/** The shape after reducing the given axes, which stay as 1 where `keepDims`. */
export function reducedShape(shape: Shape, axes: readonly number[], keepDims: boolean): number[] {
  const reduced = new Set(axes.map((axis) => normalizeAxis("reduce", axis, { shape })));
  return shape.flatMap((length, axis) => (reduced.has(axis) ? (keepDims ? [1] : []) : [length]));
}
