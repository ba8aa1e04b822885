/** The lower triangle of matrices. */
import { defineOp } from "../graph/define-op.ts";
import type { Tensor } from "../graph/tensor.ts";

/**
 * Keeps the entries on and below the diagonal of the last two axes and puts 0 above: it selects and does not multiply,
 * so what stands above may be infinite.
 */
export const lowerTriangle: (x: Tensor) => Tensor = defineOp<1>({
  name: "LowerTriangle",
  arity: 1,
  infer: ([x]) => {
    if (x.shape.length < 2) throw new RangeError("x must have at least two axes");
    return x;
  },
  emit: (onnx, [x]) => onnx.node("Trilu", [x], { attributes: { upper: { int: 0 } } }),
  vjp: ({ dy }) => [lowerTriangle(dy)],
  reference: ([x]) => {
    const [rows = 1, columns = 1] = x.shape.slice(-2);
    return {
      shape: x.shape,
      data: x.data.map((value, flat) => (flat % columns <= Math.floor(flat / columns) % rows ? value : 0)),
    };
  },
});
