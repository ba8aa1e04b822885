/** Where the largest number of a row stands. */
import { defineOp } from "../graph/define-op.ts";
import { ndarray } from "../graph/ndarray.ts";
import { notDifferentiable } from "../graph/op-rule.ts";

/** Position of the largest entry along the last axis, the first of equal ones: float32 `[…, N]` → int32 `[…]`. */
export const argmax = defineOp<1>({
  name: "ArgMax",
  arity: 1,
  infer: ([x]) => {
    if (x.dtype !== "float32" || x.shape.length === 0) throw new TypeError("x must be float32 with at least one axis");
    return { dtype: "int32", shape: x.shape.slice(0, -1) };
  },
  emit: (onnx, [x], _attributes, { inputs: [type] }) => {
    // The engine's own ArgMax has no kernel on WebGPU. Here the first of the largest gets the largest mark, N −
    // position.
    const width = type.shape.at(-1) ?? 1;
    const marks = onnx.constant(
      ndarray(
        Float32Array.from({ length: width }, (_, i) => width - i),
        [width],
      ),
    );
    const largest = (values: string, keepdims: number) =>
      onnx.node("ReduceMax", [values, onnx.int64([-1])], { attributes: { keepdims: { int: keepdims } } });
    const reached = onnx.node("Cast", [onnx.node("GreaterOrEqual", [x, largest(x, 1)])], {
      attributes: { to: { dtype: "float32" } },
    });
    const mark = largest(onnx.node("Mul", [reached, marks]), 0);
    return onnx.node("Cast", [onnx.node("Sub", [onnx.float(width), mark])], {
      attributes: { to: { dtype: "int32" } },
    });
  },
  vjp: notDifferentiable("a position is piecewise constant"),
  reference: ([x], _attributes, { shape }) => {
    const width = x.shape.at(-1) ?? 1;
    const data = Float64Array.from({ length: x.data.length / width }, (_, row) => {
      const values = x.data.subarray(row * width, (row + 1) * width);
      return values.indexOf(values.reduce((a, b) => Math.max(a, b)));
    });
    return { shape, data };
  },
});
