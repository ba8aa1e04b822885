/** The maximum along axes. */
import { defineOp } from "../graph/define-op.ts";
import { reducedShape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { atLeast, div, mul } from "./elementwise.ts";
import { reshape } from "./layout.ts";
import { reduceAttributes, sum, type ReduceAttributes, type ReduceOptions } from "./reduce.ts";
import { fold } from "./reference.ts";
import { stopGradient } from "./source.ts";

const maxOp = defineOp<1, ReduceAttributes>({
  name: "ReduceMax",
  arity: 1,
  infer: ([x], { axes, keepDims }) => ({ dtype: x.dtype, shape: reducedShape(x.shape, axes, keepDims) }),
  emit: (onnx, [x], { axes, keepDims }) =>
    onnx.node("ReduceMax", [x, onnx.int64(axes)], { attributes: { keepdims: { int: Number(keepDims) } } }),
  vjp: ({ inputs: [x], y, dy, attributes: { axes } }) => {
    const kept = reducedShape(x.shape, axes, true);
    const reached = stopGradient(atLeast(x, reshape(y, kept)));
    return [mul(reached, div(reshape(dy, kept), sum(reached, { axes, keepDims: true })))];
  },
  reference: ([x], { axes, keepDims }) => fold(x, axes, keepDims, Number.NEGATIVE_INFINITY, Math.max),
});

/** Maximum over axes; entries that tie share the gradient. */
export function max(x: Tensor, options: ReduceOptions = {}): Tensor {
  const attributes = reduceAttributes("max", x, options);
  // The engine takes an empty list of axes for all of them.
  return attributes.axes.length === 0 ? x : maxOp(x, attributes);
}
