/** What ops refuse while a graph is built: who, the rule, what came, where. */

import { describe, expect, it } from "vitest";
import { cast, equal, where } from "../ops/compare.ts";
import { cumsum } from "../ops/cumsum.ts";
import { add } from "../ops/elementwise.ts";
import { gather, scatterRows } from "../ops/gather.ts";
import { reshape, splitAxis, transpose } from "../ops/layout.ts";
import { linear, matmul } from "../ops/matmul.ts";
import { layerNorm } from "../ops/normalize.ts";
import { expand } from "../ops/reduce.ts";
import { scan } from "../ops/scan.ts";
import { concat, pad, slice, split } from "../ops/slicing.ts";
import { input } from "../ops/source.ts";

const x = input("x", [3, 5]);
const wide = input("wide", [7, 2]);
const whole = input("whole", [3, 5], "int32");
const row = input("row", [5]);

const refusals: readonly (readonly [what: string, build: () => unknown, message: string])[] = [
  [
    "shapes that do not broadcast",
    () => add(x, wide),
    "Add: shapes must be equal or broadcast (axes of length 1 stretch), got float32[3, 5] and float32[7, 2], at Add",
  ],
  [
    "operands of two types",
    () => add(x, whole),
    "Add: both operands must have the same dtype, got float32[3, 5] and int32[3, 5], at Add",
  ],
  [
    "a product of a vector",
    () => matmul(x, row),
    "MatMul: both operands must have at least two axes, got float32[3, 5] and float32[5], at MatMul",
  ],
  [
    "a product of integers",
    () => matmul(whole, x),
    "MatMul: both operands must be float32, got int32[3, 5] and float32[3, 5], at MatMul",
  ],
  [
    "inner lengths under a flag",
    () => matmul(x, wide, { transposeA: true }),
    "MatMul: inner lengths of aᵀ @ b must agree (3 and 7), got float32[3, 5] and float32[7, 2], at MatMul",
  ],
  [
    "batch axes that do not fit",
    () => matmul(input("a", [2, 3, 5]), input("b", [7, 5, 3])),
    "batch axes must be equal or broadcast, got",
  ],
  [
    "a bias of another length",
    () => linear(x, input("w", [7, 5]), row),
    "Gemm: the bias must have one entry a row of the weight, got",
  ],
  [
    "a reshape that loses elements",
    () => reshape(x, [2, 7]),
    "Reshape: the number of elements must stay the same when reshaping to [2, 7], got float32[3, 5], at Reshape",
  ],
  ["a length left over that is no integer", () => reshape(x, [2, -1]), "when reshaping to [2, 7.5]"],
  ["a split that does not come out even", () => splitAxis(x, 1, 2), "when reshaping to [3, 2, 2.5]"],
  [
    "a permutation that leaves an axis out",
    () => transpose(input("a", [2, 3, 5]), [0, 1]),
    "Transpose: permutation must name every axis once, got [0, 1], got float32[2, 3, 5]",
  ],
  [
    "a permutation that names an axis twice",
    () => transpose(x, [1, 1]),
    "permutation must name every axis once, got [1, 1]",
  ],
  [
    "an empty slice",
    () => slice(x, 1, 2, 2),
    "Slice: 0 ≤ start < end ≤ length must hold on axis 1 (start 2, end 2), got float32[3, 5], at Slice",
  ],
  [
    "a negative padding",
    () => pad(x, 1, -1, 0),
    "Pad: before and after must not be negative (-1, 0), got float32[3, 5], at Pad",
  ],
  [
    "parts that do not add up",
    () => split(x, 1, [2, 2]),
    "Split: the lengths 2 + 2 must be positive and add up to that of axis 1, got float32[3, 5], at Split",
  ],
  ["a part of no length", () => split(x, 1, [5, 0]), "Split: the lengths 5 + 0 must be positive"],
  [
    "tensors that do not join",
    () => concat([x, wide], 1),
    "Concat: shapes must agree on every axis but 1, got float32[3, 5] and float32[7, 2], at Concat",
  ],
  [
    "tensors of two types to join",
    () => concat([x, whole], 1),
    "Concat: all tensors must have the same dtype, got float32[3, 5] and int32[3, 5], at Concat",
  ],
  ["an axis that is not there", () => cumsum(x, 2), "axis must be an integer from -2 to 1, got 2"],
  [
    "a shape that x does not broadcast to",
    () => expand(x, [3, 7]),
    "Expand: the shape must broadcast to [3, 7], got float32[3, 5], at Expand",
  ],
  [
    "indices that are no integers",
    () => gather(x, row),
    "Gather: the table must have two axes and the indices be int32, got float32[3, 5] and float32[5], at Gather",
  ],
  [
    "rows of another width",
    () => scatterRows(x, input("i", [3], "int32"), [11, 7]),
    "ScatterRows: the table must have two axes, with a row of its width for each int32 index (table [11, 7]), got",
  ],
  [
    "a comparison of floats",
    () => equal(x, x),
    "Equal: both operands must be int32, got float32[3, 5] and float32[3, 5], at Equal",
  ],
  [
    "a condition that is no boolean",
    () => where(x, 1, 0),
    "Where: the condition must be bool and both values of one dtype, got",
  ],
  [
    "a choice of two types",
    () => where(cast(whole, "bool"), x, whole),
    "Where: the condition must be bool and both values of one dtype, got",
  ],
  [
    "a scale of another width",
    () => layerNorm(x, input("s", [3]), row),
    "LayerNormalization: scale and bias must have one entry for each of the last axis, got",
  ],
  [
    "an input with an axis of no length",
    () => input("x", [3, 0]),
    "Input: every axis of 'x' must have a whole length of at least 1, got [3, 0], at Input",
  ],
  [
    "sequences of two lengths",
    () => scan({ carry: {}, sequences: { x, wide }, body: () => ({ carry: {}, outputs: { x } }) }),
    "scan: sequences must share their leading axis, got [3, 5], [7, 2]",
  ],
  [
    "a state that changes its shape",
    () => scan({ carry: { s: row }, sequences: { x }, body: () => ({ carry: { s: wide }, outputs: {} }) }),
    "scan: state 0 must keep its type float32[5], got float32[7, 2]",
  ],
];

describe("ops refuse while the graph is built", () => {
  it.each(refusals)("%s", (_what, build, message) => {
    expect(build).toThrow(message);
  });
});
