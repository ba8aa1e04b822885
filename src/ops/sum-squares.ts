/** Sums of squares. */
import { defineOp } from "../graph/define-op.ts";
import { reducedShape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { mul } from "./elementwise.ts";
import { reshape } from "./layout.ts";
import { reduceAttributes, type ReduceAttributes, type ReduceOptions } from "./reduce.ts";
import { fold } from "./reference.ts";

const sumSquaresOp = defineOp<1, ReduceAttributes>({
  name: "ReduceSumSquare",
  arity: 1,
  infer: ([x], { axes, keepDims }) => ({ dtype: x.dtype, shape: reducedShape(x.shape, axes, keepDims) }),
  emit: (onnx, [x], { axes, keepDims }) =>
    onnx.node("ReduceSumSquare", [x, onnx.int64(axes)], { attributes: { keepdims: { int: Number(keepDims) } } }),
  vjp: ({ inputs: [x], dy, attributes: { axes } }) => [mul(x, mul(reshape(dy, reducedShape(x.shape, axes, true)), 2))],
  reference: ([x], { axes, keepDims }) => fold(x, axes, keepDims, 0, (total, value) => total + value * value),
});

/** Σ x² over axes, in one pass. */
export function sumSquares(x: Tensor, options: ReduceOptions = {}): Tensor {
  const attributes = reduceAttributes("sumSquares", x, options);
  // The engine takes an empty list of axes for all of them.
  return attributes.axes.length === 0 ? mul(x, x) : sumSquaresOp(x, attributes);
}
