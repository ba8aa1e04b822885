/** The same elements in another arrangement: reshape, transpose, and both in one step where they meet. */
import { defineOp } from "../graph/define-op.ts";
import { formatShape, normalizeAxis, sameShape, sizeOf, stridesOf, type Shape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { pick } from "./reference.ts";

/** Two in a row become one, so that the first may stand outside the graph of what is computed from it. */
const skipped = "Reshape or Transpose, which later ones skip";

const reshapeOp = defineOp<1, { readonly shape: Shape }>({
  name: "Reshape",
  arity: 1,
  infer: ([x], { shape }) => {
    if (sizeOf(x.shape) !== sizeOf(shape) || !shape.every((length) => Number.isInteger(length) && length >= 1)) {
      throw new RangeError(`the number of elements must stay the same when reshaping to ${formatShape(shape)}`);
    }
    return { dtype: x.dtype, shape };
  },
  emit: (onnx, [x], { shape }) => onnx.node("Reshape", [x, onnx.int64(shape)]),
  vjp: ({ inputs: [x], dy }) => [reshape(dy, x.shape)],
  skipped,
  reference: ([x], { shape }) => ({ shape, data: x.data }),
});

/** The same elements in row-major order under another shape; one length may be -1 (whatever is left). */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const known = shape.reduce((product, length) => (length === -1 ? product : product * length), 1);
  const target = shape.map((length) => (length === -1 ? sizeOf(x.shape) / known : length));
  if (sameShape(target, x.shape)) return x;
  const source = x.node.op.name === "Reshape" ? (x.node.inputs[0] ?? x) : x;
  return sameShape(target, source.shape) ? source : reshapeOp(source, { shape: target });
}

interface TransposeAttributes {
  readonly permutation: readonly number[];
}

const transposeOp = defineOp<1, TransposeAttributes>({
  name: "Transpose",
  arity: 1,
  infer: ([x], { permutation }) => {
    if (
      !sameShape(
        permutation.toSorted((a, b) => a - b),
        x.shape.map((_, axis) => axis),
      )
    ) {
      throw new RangeError(`permutation must name every axis once, got ${formatShape(permutation)}`);
    }
    return { dtype: x.dtype, shape: permutation.map((axis) => x.shape[axis] ?? 0) };
  },
  emit: (onnx, [x], { permutation }) => onnx.node("Transpose", [x], { attributes: { perm: { ints: permutation } } }),
  vjp: ({ dy, attributes: { permutation } }) => [
    transpose(
      dy,
      permutation.map((_, axis) => permutation.indexOf(axis)),
    ),
  ],
  skipped,
  reference: ([x], { permutation }, { shape }) => {
    const strides = stridesOf(x.shape);
    return pick(
      x,
      shape,
      permutation.map((axis) => strides[axis] ?? 0),
    );
  },
});

function permutationOf(x: Tensor): { readonly source: Tensor; readonly permutation: readonly number[] } | undefined {
  const [source] = x.node.inputs;
  if (x.node.op.name !== "Transpose" || source === undefined) return undefined;
  return { source, ...(x.node.attributes as TransposeAttributes) }; // only transposeOp makes nodes of this name
}

/**
 * Axis i of the result is axis `permutation[i]` of x.
 *
 * Two transposes in a row become one, also with a merge of two axes between them: each costs a pass over memory.
 */
export function transpose(x: Tensor, permutation: readonly number[]): Tensor {
  if (
    sameShape(
      permutation,
      x.shape.map((_, axis) => axis),
    )
  )
    return x;
  const before = permutationOf(x);
  if (before !== undefined) {
    return transpose(
      before.source,
      permutation.map((axis) => before.permutation[axis] ?? 0),
    );
  }
  const merged = mergedAxis(x);
  if (merged !== undefined) {
    const { source, axis: split } = merged;
    const spread = permutation.flatMap((axis) =>
      axis < split ? [axis] : axis > split ? [axis + 1] : [split, split + 1],
    );
    return mergeAxes(transpose(source, spread), permutation.indexOf(split));
  }
  return transposeOp(x, { permutation });
}

/** Where x is a transposed tensor with two neighbouring axes merged: that tensor, and which axis it was. */
function mergedAxis(x: Tensor): { readonly source: Tensor; readonly axis: number } | undefined {
  const [source] = x.node.inputs;
  if (x.node.op.name !== "Reshape" || source === undefined || permutationOf(source) === undefined) return undefined;
  if (source.shape.length !== x.shape.length + 1) return undefined;
  const axis = x.shape.findIndex((length, position) => length !== source.shape[position]);
  if (axis < 0) return undefined;
  const merge = [...source.shape.slice(0, axis), (source.shape[axis] ?? 0) * (source.shape[axis + 1] ?? 0)];
  return sameShape([...merge, ...source.shape.slice(axis + 2)], x.shape) ? { source, axis } : undefined;
}

/** Swaps the last two axes. */
export function swapLastAxes(x: Tensor): Tensor {
  const rank = x.shape.length;
  return transpose(
    x,
    x.shape.map((_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis)),
  );
}

/**
 * Splits one axis in two: `[…, L, …]` → `[…, outer, L / outer, …]`. A transpose before it moves behind it, so that a
 * further one joins it.
 */
export function splitAxis(x: Tensor, axis: number, outer: number): Tensor {
  const at_ = normalizeAxis("splitAxis", axis, x);
  const length = x.shape[at_] ?? 0;
  const before = permutationOf(x);
  if (before !== undefined) {
    const split = before.permutation[at_] ?? 0;
    const spread = before.permutation.flatMap((from) =>
      from < split ? [from] : from > split ? [from + 1] : [split, split + 1],
    );
    return transpose(splitAxis(before.source, split, outer), spread);
  }
  return reshape(x, [...x.shape.slice(0, at_), outer, length / outer, ...x.shape.slice(at_ + 1)]);
}

/** Joins an axis and the one behind it. */
export function mergeAxes(x: Tensor, axis: number): Tensor {
  const at_ = normalizeAxis("mergeAxes", axis, x);
  const merged = (x.shape[at_] ?? 0) * (x.shape[at_ + 1] ?? 0);
  return reshape(x, [...x.shape.slice(0, at_), merged, ...x.shape.slice(at_ + 2)]);
}
