/** Parts of an axis: slice beside pad, concat beside split. */
import { defineMultiOp, defineOp } from "../graph/define-op.ts";
import type { ReferenceArray } from "../graph/op-rule.ts";
import { normalizeAxis, sameShape, sizeOf, stridesOf, type Shape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { full } from "./source.ts";
import { pick, places } from "./reference.ts";

function withLength(shape: Shape, axis: number, length: number): number[] {
  return shape.map((old, position) => (position === axis ? length : old));
}

/** The positions of an axis from `start` on that fill the shape. */
function part(x: ReferenceArray, shape: Shape, axis: number, start: number): ReferenceArray {
  const strides = stridesOf(x.shape);
  return pick(x, shape, strides, start * (strides[axis] ?? 0));
}

/** Zeros with each array at its position of an axis. */
function placed(
  shape: Shape,
  axis: number,
  arrays: readonly (readonly [position: number, x: ReferenceArray])[],
): ReferenceArray {
  const strides = stridesOf(shape);
  const data = new Float64Array(sizeOf(shape));
  for (const [position, x] of arrays) {
    places(x.shape, strides, position * (strides[axis] ?? 0)).forEach((place, flat) => {
      data[place] = x.data[flat] ?? Number.NaN;
    });
  }
  return { shape, data };
}

const sliceOp = defineOp<1, { readonly axis: number; readonly start: number; readonly end: number }>({
  name: "Slice",
  arity: 1,
  infer: ([x], { axis, start, end }) => {
    if (!(start >= 0 && start < end && end <= (x.shape[axis] ?? 0))) {
      throw new RangeError(`0 ≤ start < end ≤ length must hold on axis ${axis} (start ${start}, end ${end})`);
    }
    return { dtype: x.dtype, shape: withLength(x.shape, axis, end - start) };
  },
  emit: (onnx, [x], { axis, start, end }) =>
    onnx.node("Slice", [x, onnx.int64([start]), onnx.int64([end]), onnx.int64([axis])]),
  vjp: ({ inputs: [x], dy, attributes: { axis, start, end } }) => [pad(dy, axis, start, (x.shape[axis] ?? 0) - end)],
  reference: ([x], { axis, start }, { shape }) => part(x, shape, axis, start),
});

/** Positions start … end − 1 of an axis. */
export function slice(x: Tensor, axis: number, start: number, end: number): Tensor {
  const position = normalizeAxis("slice", axis, x);
  if (start === 0 && end === x.shape[position]) return x;
  return sliceOp(x, { axis: position, start, end });
}

const padOp = defineOp<1, { readonly axis: number; readonly before: number; readonly after: number }>({
  name: "Pad",
  arity: 1,
  infer: ([x], { axis, before, after }) => {
    if (!(before >= 0 && after >= 0))
      throw new RangeError(`before and after must not be negative (${before}, ${after})`);
    return { dtype: x.dtype, shape: withLength(x.shape, axis, (x.shape[axis] ?? 0) + before + after) };
  },
  emit: (onnx, [x], { axis, before, after }, { output }) => {
    const amounts = output.shape.map(() => 0);
    return onnx.node("Pad", [
      x,
      onnx.int64([...withLength(amounts, axis, before), ...withLength(amounts, axis, after)]),
    ]);
  },
  vjp: ({ inputs: [x], dy, attributes: { axis, before } }) => [slice(dy, axis, before, before + (x.shape[axis] ?? 0))],
  reference: ([x], { axis, before }, { shape }) => placed(shape, axis, [[before, x]]),
});

/** Adds zeros before and after along an axis. */
export function pad(x: Tensor, axis: number, before: number, after: number): Tensor {
  if (before === 0 && after === 0) return x;
  return padOp(x, { axis: normalizeAxis("pad", axis, x), before, after });
}

const concatOp = defineMultiOp<{ readonly axis: number }>({
  name: "Concat",
  infer: (inputs, { axis }) => {
    const [first] = inputs;
    if (first === undefined) throw new RangeError("there must be at least one tensor");
    const rest = (shape: Shape) => withLength(shape, axis, 0);
    if (!inputs.every(({ shape }) => sameShape(rest(shape), rest(first.shape)))) {
      throw new RangeError(`shapes must agree on every axis but ${axis}`);
    }
    if (!inputs.every(({ dtype }) => dtype === first.dtype))
      throw new TypeError("all tensors must have the same dtype");
    const length = inputs.reduce((total, { shape }) => total + (shape[axis] ?? 0), 0);
    return [{ dtype: first.dtype, shape: withLength(first.shape, axis, length) }];
  },
  emit: (onnx, inputs, { axis }) => [onnx.node("Concat", inputs, { attributes: { axis: { int: axis } } })],
  vjp: ({ inputs, outputGradients: [dy], attributes: { axis } }) =>
    dy === undefined
      ? inputs.map(() => undefined)
      : split(
          dy,
          axis,
          inputs.map(({ shape }) => shape[axis] ?? 0),
        ),
  reference: (inputs, { axis }, { outputs }) => {
    let next = 0;
    const arrays = inputs.map((x) => {
      const position = next;
      next += x.shape[axis] ?? 0;
      return [position, x] as const;
    });
    return [placed(outputs[0]?.shape ?? [], axis, arrays)];
  },
});

/** Joins tensors along an axis. */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  const position = normalizeAxis("concat", axis, tensors[0] ?? { shape: [] });
  return concatOp(tensors, { axis: position })[0] as Tensor; // one output by definition
}

const splitOp = defineMultiOp<{ readonly axis: number; readonly lengths: readonly number[] }>({
  name: "Split",
  infer: ([x], { axis, lengths }) => {
    if (x === undefined || lengths.reduce((a, b) => a + b, 0) !== x.shape[axis] || lengths.some((each) => each < 1)) {
      throw new RangeError(`the lengths ${lengths.join(" + ")} must be positive and add up to that of axis ${axis}`);
    }
    return lengths.map((length) => ({ dtype: x.dtype, shape: withLength(x.shape, axis, length) }));
  },
  emit: (onnx, [x = ""], { axis, lengths }) =>
    onnx.nodes("Split", [x, onnx.int64(lengths)], lengths.length, { attributes: { axis: { int: axis } } }),
  vjp: ({ outputs, outputGradients, attributes: { axis } }) => [
    concat(
      outputs.map((y, part) => outputGradients[part] ?? full(y.shape, 0)),
      axis,
    ),
  ],
  reference: ([x], { axis, lengths }, { outputs }) => {
    let next = 0;
    return lengths.map((length, index) => {
      const start = next;
      next += length;
      return x === undefined
        ? { shape: [], data: new Float64Array(1) }
        : part(x, outputs[index]?.shape ?? [], axis, start);
    });
  },
});

/** Cuts an axis into parts of the given lengths. */
export function split(x: Tensor, axis: number, lengths: readonly number[]): readonly Tensor[] {
  return splitOp([x], { axis: normalizeAxis("split", axis, x), lengths });
}
