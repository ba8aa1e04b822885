/**
 * Every op at sizes that real models have: thousands of rows, widths of a hundred and more, indices that come again and
 * again.
 */
import { customGradient } from "../../src/autodiff/custom-gradient.ts";
import { countingUp, fromFloat64 } from "../../src/graph/ndarray.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import * as ops from "../../src/ops/index.ts";
import type { cases } from "../ops/cases.ts";
import { awayFromZero, booleans, distinct, integers, normal, opCase, positive, type OpCase } from "../ops/harness.ts";

const {
  add,
  cast,
  concat,
  constant,
  exp,
  gather,
  linear,
  matmul,
  mul,
  neg,
  reshape,
  scan,
  scatterRows,
  stopGradient,
  sub,
  sum,
  tanh,
} = ops;

/** Tokens of a batch, and their width. */
const T = 4099;
const W = 131;
/** A table of few rows, as of proteins, and one of bytes and more. */
const FEW = 29;
const MANY = 1021;

const inert = { differentiable: [] };

const unary = (name: string, op: (x: Tensor) => Tensor, values = normal(T, W), options = {}) => [
  opCase(`${name} at size`, { x: values }, ({ x }) => op(x), options),
];
const binary = (name: string, op: (a: Tensor, b: Tensor) => Tensor, b = normal(T, W)) => [
  opCase(`${name} at size`, { a: normal(T, W), b }, ({ a, b }) => op(a, b)),
  opCase(`${name} of a row at size`, { a: normal(T, W), b: { ...b, shape: [W] } }, ({ a, b }) => op(a, b)),
  opCase(`${name} of a column at size`, { a: normal(T, W), b: { ...b, shape: [T, 1] } }, ({ a, b }) => op(a, b)),
];

/** A permutation of the rows and its inverse, by a stride that shares no factor with their number. */
const STRIDE = 1237;
const permuted = (inverse: boolean) =>
  constant(
    fromFloat64(
      Float64Array.from({ length: T }).reduce<Float64Array<ArrayBuffer>>((places, _, row) => {
        const target = (row * STRIDE) % T;
        places[inverse ? target : row] = inverse ? row : target;
        return places;
      }, new Float64Array(T)),
      [T],
      "int32",
    ),
  );

export const sizedCases: Readonly<Record<keyof typeof cases, readonly OpCase[]>> = {
  add: binary("add", add),
  sub: binary("sub", sub),
  mul: binary("mul", mul),
  div: binary("div", ops.div, awayFromZero(T, W)),
  maximum: binary("maximum", ops.maximum),
  minimum: binary("minimum", ops.minimum),
  atLeast: unary("atLeast", (x) => ops.atLeast(x, 0.25), normal(T, W), inert),
  neg: unary("neg", neg),
  exp: unary("exp", exp),
  log: unary("log", ops.log, positive(T, W)),
  reciprocal: unary("reciprocal", ops.reciprocal, awayFromZero(T, W)),
  lowerTriangle: unary("lowerTriangle", ops.lowerTriangle, normal(7, 257, 257)),
  sqrt: unary("sqrt", ops.sqrt, positive(T, W)),
  tanh: unary("tanh", tanh),
  sigmoid: unary("sigmoid", ops.sigmoid),
  sin: unary("sin", ops.sin),
  cos: unary("cos", ops.cos),
  abs: unary("abs", ops.abs),
  relu: unary("relu", ops.relu),
  erf: unary("erf", ops.erf),
  square: unary("square", ops.square),
  geluSlope: unary("geluSlope", ops.geluSlope),
  gelu: unary("gelu", ops.gelu),
  mean: [
    ...unary("mean of all", (x) => ops.mean(x)),
    ...unary("mean of rows", (x) => ops.mean(x, { axes: [-1], keepDims: true })),
  ],
  logSoftmax: unary("logSoftmax", ops.logSoftmax),
  oneHot: [opCase("oneHot at size", { i: integers(MANY, T) }, ({ i }) => ops.oneHot(i, MANY))],
  dropout: [
    opCase("dropout at size", { x: normal(T, W), keep: booleans(T, W) }, ({ x, keep }) => ops.dropout(x, keep, 0.25)),
  ],
  equal: [
    opCase("equal at size", { a: integers(FEW, T, 1), b: integers(FEW, 257) }, ({ a, b }) =>
      cast(ops.equal(a, b), "float32"),
    ),
  ],
  cast: [opCase("cast at size", { i: integers(99, T, W) }, ({ i }) => cast(i, "float32"))],
  where: [
    opCase("where at size", { c: booleans(T, W), a: normal(T, W), b: normal(W) }, ({ c, a, b }) => ops.where(c, a, b)),
  ],
  sum: [
    ...unary("sum of all", (x) => sum(x)),
    ...unary("sum of rows", (x) => sum(x, { axes: [-1] })),
    ...unary("sum over rows", (x) => sum(x, { axes: [0] })),
    ...unary("sum of a middle axis", (x) => sum(x, { axes: [1] }), normal(7, 601, W)),
    ...unary("sum of outer axes", (x) => sum(x, { axes: [0, 2] }), normal(7, 601, W)),
  ],
  expand: unary("expand", (x) => ops.expand(x, [T, W]), normal(T, 1)),
  unbroadcast: [
    ...unary("unbroadcast to a column", (x) => ops.unbroadcast(x, [T, 1])),
    ...unary("unbroadcast to a row", (x) => ops.unbroadcast(x, [W])),
  ],
  sumSquares: [
    ...unary("sumSquares of all", (x) => ops.sumSquares(x)),
    ...unary("sumSquares of rows", (x) => ops.sumSquares(x, { axes: [-1], keepDims: true })),
  ],
  max: [
    ...unary("max of all", (x) => ops.max(x), distinct(T, W)),
    ...unary("max of rows", (x) => ops.max(x, { axes: [-1] }), distinct(T, W)),
    ...unary("max over rows", (x) => ops.max(x, { axes: [0] }), distinct(T, W)),
  ],
  matmul: [
    opCase("matmul at size", { a: normal(T, W), b: normal(W, 257) }, ({ a, b }) => matmul(a, b)),
    opCase("matmul of narrow results at size", { a: normal(T, 31), b: normal(T, 127) }, ({ a, b }) =>
      matmul(a, b, { transposeA: true }),
    ),
    opCase("matmul of batches at size", { a: normal(2, 3, 601, 67), b: normal(2, 3, 601, 67) }, ({ a, b }) =>
      matmul(a, b, { transposeB: true }),
    ),
    opCase(
      "matmul of sums over positions at size",
      { a: normal(2, 3, 1201, 67), b: normal(2, 3, 1201, 31) },
      ({ a, b }) => matmul(a, b, { transposeA: true }),
    ),
  ],
  linear: [
    opCase("linear at size", { x: normal(T, W), w: normal(257, W), b: normal(257) }, ({ x, w, b }) => linear(x, w, b)),
  ],
  reshape: unary("reshape", (x) => reshape(x, [W, T])),
  transpose: unary("transpose", (x) => ops.transpose(x, [0, 2, 1, 3]), normal(3, 601, 5, 67)),
  swapLastAxes: unary("swapLastAxes", ops.swapLastAxes),
  splitAxis: unary("splitAxis", (x) => ops.splitAxis(x, 1, 4), normal(T, 132)),
  withOnes: unary("withOnes", ops.withOnes, normal(601, 67)),
  mergeAxes: unary("mergeAxes", (x) => ops.mergeAxes(ops.transpose(x, [1, 0, 2]), 0), normal(601, 7, 67)),
  slice: unary("slice", (x) => ops.slice(x, 0, 7, T - 5)),
  pad: unary("pad", (x) => ops.pad(x, 0, 11, 5)),
  concat: [
    opCase("concat at size", { a: normal(T, W), b: normal(T, 67) }, ({ a, b }) => concat([a, b], 1)),
    opCase("concat of a tensor with itself at size", { a: normal(T, W) }, ({ a }) => concat([a, a], 0)),
  ],
  split: unary("split", (x) => concat(ops.split(x, 1, [67, W - 67]).toReversed(), 1)),
  gather: [
    opCase("gather of few rows at size", { table: normal(FEW, W), i: integers(FEW, T) }, ({ table, i }) =>
      gather(table, i),
    ),
    opCase("gather of many rows at size", { table: normal(MANY, W), i: integers(MANY, T) }, ({ table, i }) =>
      gather(table, i),
    ),
    opCase("gather of one row again and again", { table: normal(257, W), i: integers(1, T) }, ({ table, i }) =>
      gather(table, i),
    ),
  ],
  scatterRows: [
    opCase("scatterRows to few rows at size", { rows: normal(T, W), i: integers(FEW, T) }, ({ rows, i }) =>
      scatterRows(rows, i, [FEW, W]),
    ),
    opCase("scatterRows to bytes at size", { rows: normal(T, W), i: integers(256, T) }, ({ rows, i }) =>
      scatterRows(rows, i, [256, W]),
    ),
    opCase("scatterRows to many rows at size", { rows: normal(T, W), i: integers(MANY, T) }, ({ rows, i }) =>
      scatterRows(rows, i, [MANY, W]),
    ),
    opCase("scatterRows of single numbers at size", { rows: normal(T, 1), i: integers(MANY, T) }, ({ rows, i }) =>
      scatterRows(rows, i, [MANY, 1]),
    ),
  ],
  argsort: [opCase("argsort at size", { i: integers(FEW, 3, T) }, ({ i }) => ops.argsort(i), inert)],
  argmax: unary("argmax", ops.argmax, distinct(T, W), inert),
  placeAt: [
    opCase(
      "placeAt at size",
      { values: integers(99, T) },
      ({ values }) => ops.placeAt(values, permuted(false), T),
      inert,
    ),
  ],
  moveRows: [
    opCase("moveRows at size", { x: normal(T, W) }, ({ x }) => ops.moveRows(x, permuted(false), permuted(true))),
  ],
  cumsum: [
    ...unary("cumsum over rows", (x) => ops.cumsum(x, 0)),
    ...unary("cumsum within rows", (x) => ops.cumsum(x, 1, { exclusive: true })),
  ],
  softmax: unary("softmax", ops.softmax),
  layerNorm: [
    opCase("layerNorm at size", { x: normal(T, W), scale: normal(W), bias: normal(W) }, ({ x, scale, bias }) =>
      ops.layerNorm(x, scale, bias),
    ),
  ],
  linearAttention: [
    opCase(
      "linearAttention at size",
      {
        q: positive(2, 257, 4 * 16),
        k: positive(2, 257, 4 * 16),
        v: normal(2, 257, 4 * 32),
        state: normal(2, 4, 16, 32),
      },
      ({ q, k, v, state }) => Object.values(ops.linearAttention(q, k, v, { state, numHeads: 4 })),
      inert,
    ),
  ],
  rotaryEmbedding: [
    opCase(
      "rotaryEmbedding at size",
      { x: normal(T, 128), cos: normal(T, 16), sin: normal(T, 16) },
      ({ x, cos, sin }) => ops.rotaryEmbedding(x, { cos, sin }, 4),
      inert,
    ),
  ],
  rotarySequence: [
    opCase(
      "rotarySequence at size",
      { x: normal(3, 1201, 128), cos: normal(1201, 16), sin: normal(1201, 16) },
      ({ x, cos, sin }) => ops.rotarySequence(x, { cos: stopGradient(cos), sin: stopGradient(sin) }),
      { differentiable: ["x"] },
    ),
  ],
  cond: [
    opCase(
      "cond at size",
      { x: normal(T, W) },
      ({ x }) =>
        Object.values(
          ops.cond(
            cast(integer(1), "bool"),
            { x },
            ({ x }) => ({ y: tanh(x) }),
            ({ x }) => ({ y: x }),
          ),
        ),
      inert,
    ),
  ],
  scan: [
    opCase("scan over chunks at size", { s: normal(67, W), x: normal(31, W, 67), w: normal(W, W) }, ({ s, x, w }) => {
      const { carry, outputs } = scan({
        carry: { s },
        sequences: { x },
        body: ({ s }, { x }) => {
          const next = tanh(mul(add(matmul(x, w, { transposeA: true }), s), 0.05));
          return { carry: { s: next }, outputs: { y: sum(mul(next, s), { axes: [0] }) } };
        },
      });
      return [carry.s, outputs.y];
    }),
  ],
  inBlocks: [
    opCase("inBlocks at size", { x: normal(T, 128) }, ({ x }) =>
      ops.inBlocks({ x }, (block) => tanh(block.x), 128 * 256),
    ),
  ],
  constant: unary("constant", (x) => mul(x, constant(countingUp("float32", [W], -60)))),
  scalar: unary("scalar", (x) => mul(x, ops.scalar(-1.5))),
  full: unary("full", (x) => add(x, ops.full([W], 0.5))),
  input: unary("input", (x) => x),
  stopGradient: unary("stopGradient", (x) => mul(x, stopGradient(exp(x)))),
  customGradient: unary(
    "customGradient",
    (x) =>
      customGradient(
        { x },
        ({ x }) => ({ y: exp(x) }),
        ({ y: dy }, _, { y }) => (dy ? { x: mul(dy, y) } : {}),
      ).y,
  ),
};

function integer(value: number): Tensor {
  return constant(fromFloat64(Float64Array.of(value), [], "int32"));
}
