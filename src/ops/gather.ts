/** Rows by index, and their adjoint: rows added up by index. */
import { defineOp } from "../graph/define-op.ts";
import type { Emitter } from "../graph/emitter.ts";
import { countingUp, fromFloat64, ndarray, type DType } from "../graph/ndarray.ts";
import { formatShape, sameShape, sizeOf, type Shape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";

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
    const data = new Float64Array(indices.data.length * width);
    indices.data.forEach((index, row) => {
      for (let column = 0; column < width; column++) {
        data[row * width + column] = table.data[index * width + column] ?? Number.NaN;
      }
    });
    return { shape, data };
  },
});

/**
 * Tables of at most this many rows take the one-hot product, fewer where rows are narrow. On one core the product costs
 * about 0.03 ns for each table row and each element of the rows, the one-hot matrix 0.8 ns an entry. ScatterElements
 * costs 3.4 ns an element, whatever the table.
 */
const LONGEST_ONE_HOT = 110;

interface RowsSize {
  /** Rows of the table. */
  readonly length: number;
  /** Rows to add. */
  readonly count: number;
}

/** `oneHot(indices)ᵀ · rows`: the engine computes each entry's sum on one thread, in the order of the rows. */
function oneHotProduct(onnx: Emitter, rows: string, indices: string, { length, count }: RowsSize): string {
  const numbers = onnx.constant(countingUp("int32", [length, 1]));
  const chosen = onnx.node("Equal", [numbers, onnx.node("Reshape", [indices, onnx.int64([1, count])])]);
  const oneHot = onnx.node("Cast", [chosen], { attributes: { to: { dtype: "float32" } } });
  return onnx.node("MatMul", [oneHot, rows]);
}

/**
 * ScatterElements over the flat table, which takes half the time of one with two axes. The engine runs it on one
 * thread, in the order of the rows. (ScatterND with a reduction is ten times as fast and wrong: it runs on all threads
 * without atomics, and loses additions to the same row.)
 */
function scatterElements(
  onnx: Emitter,
  rows: string,
  indices: string,
  { length, width, count, dtype }: RowsSize & { readonly width: number; readonly dtype: DType },
): string {
  const first = onnx.node("Mul", [
    onnx.node("Reshape", [indices, onnx.int64([count, 1])]),
    onnx.constant(ndarray(Int32Array.of(width), [])),
  ]);
  const targets = onnx.node("Add", [first, onnx.constant(countingUp("int32", [1, width]))]);
  const size = [length * width];
  const zeros = onnx.node("Expand", [onnx.constant(fromFloat64(new Float64Array(1), [], dtype)), onnx.int64(size)]);
  const flat = (value: string) => onnx.node("Reshape", [value, onnx.int64([count * width])]);
  const added = onnx.node("ScatterElements", [zeros, flat(targets), flat(rows)], {
    attributes: { axis: { int: 0 }, reduction: { string: "add" } },
  });
  return onnx.node("Reshape", [added, onnx.int64([length, width])]);
}

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
  emit: (onnx, [rows, indices], { shape: [length = 0, width = 0] }, { inputs: [{ dtype, shape: rowsShape }] }) => {
    const count = sizeOf(rowsShape) / width;
    const flatRows = onnx.node("Reshape", [rows, onnx.int64([count, width])]);
    return dtype === "float32" && length * (1 + 32 / width) <= LONGEST_ONE_HOT
      ? oneHotProduct(onnx, flatRows, indices, { length, count })
      : scatterElements(onnx, flatRows, indices, { length, width, count, dtype });
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

/**
 * The adjoint of `gather`: a table of zeros with each row added at its index.
 *
 * Rows of the same index are added in their order, on any number of threads: equal runs give equal bits. (On WebGPU
 * tables of more than about a hundred rows are added to by atomic operations, in any order: right, but only to rounding
 * the same in every run.)
 */
export function scatterRows(rows: Tensor, indices: Tensor, shape: Shape): Tensor {
  return scatterRowsOp(rows, indices, { shape });
}
