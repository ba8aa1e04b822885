/** Rows by index, and their adjoint: rows added up by index. */
import { defineOp } from "../graph/define-op.ts";
import { zeros } from "../graph/ndarray.ts";
import { formatShape, sameShape, type Shape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { build } from "./reference.ts";

/**
 * Rows of a table: `table[V, D]`, indices `[…]` int32 → `[…, D]`.
 *
 * Indices must lie in 0 … V − 1. The engine counts negative ones from the end, refuses others on the CPU and
 * gives zeros for them on WebGPU.
 */
export const gather = defineOp<2>({
  name: "Gather",
  arity: 2,
  infer: ([table, indices]) => {
    if (table.shape.length !== 2 || indices.dtype !== "int32") {
      throw new RangeError("the table must have two axes and the indices be int32");
    }
    return { dtype: table.dtype, shape: [...indices.shape, table.shape[1] ?? 0] };
  },
  emit: (onnx, inputs) => onnx.node("Gather", inputs, { attributes: { axis: { int: 0 } } }),
  vjp: ({ inputs: [table, indices], dy }) => [scatterRows(dy, indices, table.shape), undefined],
  reference: ([table, indices], _attributes, { shape }) => {
    const width = table.shape[1] ?? 0;
    const flat = { shape: [indices.data.length, width], data: new Float64Array(0) };
    const rows = build(flat.shape, ([row = 0, column = 0]) => {
      return table.data[(indices.data[row] ?? 0) * width + column] ?? Number.NaN;
    });
    return { shape, data: rows.data };
  },
});

const scatterRowsOp = defineOp<2, { readonly shape: Shape }>({
  name: "ScatterRows",
  arity: 2,
  infer: ([rows, indices], { shape }) => {
    if (
      shape.length !== 2 ||
      indices.dtype !== "int32" ||
      !sameShape(rows.shape, [...indices.shape, ...shape.slice(1)])
    ) {
      throw new RangeError(
        `the table must have two axes, with a row of its width for each int32 index (table ${formatShape(shape)})`,
      );
    }
    return { dtype: rows.dtype, shape };
  },
  emit: (onnx, [rows, indices], { shape }, { inputs: [rowsType, indicesType] }) => {
    const count = indicesType.shape.reduce((product, length) => product * length, 1);
    const width = rowsType.shape.at(-1) ?? 0;
    // ScatterND wants int64 indices, one row of them for each slice.
    const index = onnx.node("Cast", [onnx.node("Reshape", [indices, onnx.int64([count, 1])])], {
      attributes: { to: { dtype: "int64" } },
    });
    const updates = onnx.node("Reshape", [rows, onnx.int64([count, width])]);
    return onnx.node("ScatterND", [onnx.constant(zeros(shape)), index, updates], {
      attributes: { reduction: { string: "add" } },
    });
  },
  vjp: ({ inputs: [, indices], dy }) => [gather(dy, indices), undefined],
  reference: ([rows, indices], { shape }) => {
    const data = new Float64Array(shape.reduce((product, length) => product * length, 1));
    const width = shape[1] ?? 0;
    rows.data.forEach((value, flat) => {
      const target = (indices.data[Math.floor(flat / width)] ?? 0) * width + (flat % width);
      data[target] = (data[target] ?? 0) + value;
    });
    return { shape, data };
  },
});

/** The adjoint of `gather`: a table of zeros with each row added at its index. */
export function scatterRows(rows: Tensor, indices: Tensor, shape: Shape): Tensor {
  return scatterRowsOp(rows, indices, { shape });
}
