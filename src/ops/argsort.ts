/** The order of integers, smallest first. */
import { defineOp } from "../graph/define-op.ts";
import { notDifferentiable } from "../graph/op-rule.ts";

/**
 * Positions of the last axis in ascending order of their values, stable: int32 `[…, L]` → int32 `[…, L]`.
 *
 * The engine's TopK breaks ties by the lower position, as its standard says, so that keys need no position of their own
 * in them and may use all of int32. It has no kernel on WebGPU: there the engine copies these integers to the CPU and
 * back.
 */
export const argsort = defineOp<1>({
  name: "ArgSort",
  arity: 1,
  infer: ([x]) => {
    if (x.dtype !== "int32" || x.shape.length === 0) throw new TypeError("x must be int32 with at least one axis");
    return x;
  },
  emit: (onnx, [x], _attributes, { output }) => {
    const [, positions = ""] = onnx.nodes("TopK", [x, onnx.int64([output.shape.at(-1) ?? 0])], 2, {
      attributes: { axis: { int: -1 }, largest: { int: 0 }, sorted: { int: 1 } },
    });
    return onnx.node("Cast", [positions], { attributes: { to: { dtype: "int32" } } });
  },
  vjp: notDifferentiable("an order is piecewise constant"),
  reference: ([x]) => {
    const length = x.shape.at(-1) ?? 1;
    const data = new Float64Array(x.data.length);
    for (let start = 0; start < data.length; start += length) {
      const row = x.data.subarray(start, start + length);
      // Array.prototype.sort is stable.
      const order = Array.from(row.keys()).sort((a, b) => (row[a] ?? 0) - (row[b] ?? 0));
      data.set(order, start);
    }
    return { shape: x.shape, data };
  },
});
