/** Integers written to given positions. */
import { defineOp } from "../graph/define-op.ts";
import { ndarray } from "../graph/ndarray.ts";
import { notDifferentiable } from "../graph/op-rule.ts";
import { sameShape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";

interface PlaceAttributes {
  readonly length: number;
  readonly fill: number;
}

const placeAtOp = defineOp<2, PlaceAttributes>({
  name: "PlaceAt",
  arity: 2,
  infer: ([values, positions], { length }) => {
    if (values.dtype !== "int32" || positions.dtype !== "int32" || !sameShape(values.shape, positions.shape)) {
      throw new TypeError("values and positions must be int32 of one shape");
    }
    if (!(length >= (values.shape.at(-1) ?? Number.POSITIVE_INFINITY))) {
      throw new RangeError(`the values must have at least one axis and fit the length ${length}`);
    }
    return { dtype: "int32", shape: [...values.shape.slice(0, -1), length] };
  },
  emit: (onnx, [values, positions], { fill }, { output }) => {
    const empty = onnx.node("Expand", [onnx.constant(ndarray(Int32Array.of(fill), [])), onnx.int64(output.shape)]);
    return onnx.node("ScatterElements", [empty, positions, values], { attributes: { axis: { int: -1 } } });
  },
  vjp: notDifferentiable("integers have no gradient"),
  reference: ([values, positions], { length, fill }, { shape }) => {
    const width = values.shape.at(-1) ?? 1;
    const data = new Float64Array((values.data.length / width) * length).fill(fill);
    values.data.forEach((value, flat) => {
      data[Math.floor(flat / width) * length + (positions.data[flat] ?? 0)] = value;
    });
    return { shape, data };
  },
});

/**
 * Rows of the given length that hold each value at its position, and `fill` elsewhere: int32 `[…, L]` → int32 `[…,
 * length]`.
 *
 * With the numbers 0 … L − 1 as values it inverts a permutation.
 *
 * @param positions `[…, L]` int32, different ones in 0 … length − 1 within each row
 */
export function placeAt(values: Tensor, positions: Tensor, length: number, fill = 0): Tensor {
  return placeAtOp(values, positions, { length, fill });
}
