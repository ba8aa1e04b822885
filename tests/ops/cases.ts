/** The table of all ops: what tests/ops runs on the engine, on the reference and against finite differences. */
import { customGradient } from "../../src/autodiff/custom-gradient.ts";
import { fromFloat64, ndarray } from "../../src/graph/ndarray.ts";
import * as ops from "../../src/ops/index.ts";
import { awayFromZero, booleans, distinct, given, integers, normal, opCase, positive, type OpCase } from "./harness.ts";

const {
  abs,
  add,
  argmax,
  argsort,
  atLeast,
  cast,
  concat,
  cond,
  constant,
  cos,
  cumsum,
  div,
  dropout,
  equal,
  erf,
  exp,
  expand,
  full,
  gather,
  gelu,
  geluSlope,
  inBlocks,
  layerNorm,
  linear,
  linearAttention,
  log,
  logSoftmax,
  lowerTriangle,
  matmul,
  max,
  maximum,
  mean,
  mergeAxes,
  moveRows,
  minimum,
  mul,
  neg,
  oneHot,
  pad,
  placeAt,
  rotaryEmbedding,
  rotarySequence,
  reciprocal,
  relu,
  reshape,
  scalar,
  scan,
  scatterRows,
  sigmoid,
  sin,
  slice,
  softmax,
  split,
  splitAxis,
  sqrt,
  square,
  stopGradient,
  sub,
  sum,
  sumSquares,
  swapLastAxes,
  tanh,
  transpose,
  unbroadcast,
  where,
  withOnes,
} = ops;

const coarseOnWebgpu = {
  webgpu: { tolerance: 1e-3, reason: "WGSL gives sin and cos to 2⁻¹¹ (its section on accuracy)" },
};
const atKink = { noFiniteDifferences: "the function has a kink here" };
const onCpu = { differentiable: [], webgpu: "TopK runs on the CPU only" };
const noScan = { webgpu: "Scan runs on the CPU only" };

type Covered = keyof typeof ops | "customGradient";

export const cases: Readonly<Record<Covered, readonly OpCase[]>> = {
  add: [
    opCase("adds equal shapes", { a: normal(3, 5), b: normal(3, 5) }, ({ a, b }) => add(a, b)),
    opCase("adds a row to every row", { a: normal(2, 3, 5), b: normal(5) }, ({ a, b }) => add(a, b)),
    opCase("adds a column and a row", { a: normal(3, 1), b: normal(1, 5) }, ({ a, b }) => add(a, b)),
    opCase("adds a longer right side", { a: normal(5), b: normal(2, 3, 5) }, ({ a, b }) => add(a, b)),
    opCase("adds a number on either side", { a: normal(7) }, ({ a }) => add(add(a, 0.75), add(2.5, a))),
    opCase("adds a tensor to itself", { a: normal(7) }, ({ a }) => add(a, a)),
    opCase("adds integers", { a: integers(9, 3, 5), b: integers(9, 5) }, ({ a, b }) => add(a, b)),
  ],
  sub: [
    opCase("subtracts equal shapes", { a: normal(3, 5), b: normal(3, 5) }, ({ a, b }) => sub(a, b)),
    opCase("subtracts a column", { a: normal(2, 3, 5), b: normal(3, 1) }, ({ a, b }) => sub(a, b)),
    opCase("subtracts from a number", { a: normal(7) }, ({ a }) => sub(1.25, a)),
  ],
  mul: [
    opCase("multiplies equal shapes", { a: normal(3, 5), b: normal(3, 5) }, ({ a, b }) => mul(a, b)),
    opCase("multiplies by a scalar tensor", { a: normal(3, 5), b: normal() }, ({ a, b }) => mul(a, b)),
    opCase("multiplies stretched inner axes", { a: normal(2, 1, 5), b: normal(3, 1) }, ({ a, b }) => mul(a, b)),
  ],
  div: [
    opCase("divides equal shapes", { a: normal(3, 5), b: awayFromZero(3, 5) }, ({ a, b }) => div(a, b)),
    opCase("divides by a row", { a: normal(2, 3, 5), b: awayFromZero(5) }, ({ a, b }) => div(a, b)),
    opCase("divides a number", { b: awayFromZero(7) }, ({ b }) => div(2.5, b)),
  ],
  maximum: [
    opCase("takes the larger of equal shapes", { a: normal(5, 7), b: normal(5, 7) }, ({ a, b }) => maximum(a, b)),
    opCase("takes the larger of a column and a row", { a: normal(5, 1), b: normal(7) }, ({ a, b }) => maximum(a, b)),
    opCase("takes the larger of a number", { a: distinct(11) }, ({ a }) => maximum(a, 0.5)),
    opCase(
      "sends the gradient of a tie to the first",
      { a: given([1, 2, 3], [3]), b: given([1, 2, 4], [3]) },
      ({ a, b }) => maximum(a, b),
      atKink,
    ),
  ],
  minimum: [
    opCase("takes the smaller of equal shapes", { a: normal(5, 7), b: normal(5, 7) }, ({ a, b }) => minimum(a, b)),
    opCase("takes the smaller of a column and a row", { a: normal(5, 1), b: normal(7) }, ({ a, b }) => minimum(a, b)),
    opCase(
      "sends the gradient of a tie of the smallest to the first",
      { a: given([1, 2, 3], [3]), b: given([1, 2, 4], [3]) },
      ({ a, b }) => minimum(a, b),
      atKink,
    ),
  ],
  atLeast: [
    opCase(
      "is 1 where a ≥ b, also where equal",
      { a: given([1, 2, 3], [3]), b: given([2, 2, 2], [3]) },
      ({ a, b }) => atLeast(a, b),
      { differentiable: [] },
    ),
    opCase(
      "compares with a number and broadcasts",
      { a: normal(3, 1), b: normal(5) },
      ({ a, b }) => add(atLeast(a, b), atLeast(0.25, b)),
      { differentiable: [] },
    ),
  ],
  neg: [opCase("changes the sign", { x: normal(3, 5) }, ({ x }) => neg(x))],
  exp: [opCase("raises e", { x: normal(3, 5) }, ({ x }) => exp(x))],
  log: [opCase("takes logarithms", { x: positive(3, 5) }, ({ x }) => log(x))],
  reciprocal: [opCase("takes reciprocals", { x: awayFromZero(3, 5) }, ({ x }) => reciprocal(x))],
  lowerTriangle: [
    opCase("keeps the lower triangle of every matrix", { x: normal(2, 5, 5) }, ({ x }) => lowerTriangle(x)),
    opCase("keeps the lower triangle of a wide matrix", { x: normal(3, 7) }, ({ x }) => lowerTriangle(x)),
    opCase(
      "puts 0 where infinity stood above the diagonal",
      { x: normal(3, 3) },
      ({ x }) =>
        lowerTriangle(
          mul(x, constant(ndarray(Float32Array.of(1, Infinity, Infinity, 2, 3, Infinity, 4, 5, 6), [3, 3]))),
        ),
      { differentiable: [] },
    ),
  ],
  sqrt: [opCase("takes square roots", { x: positive(3, 5) }, ({ x }) => sqrt(x))],
  tanh: [opCase("takes hyperbolic tangents", { x: normal(3, 5) }, ({ x }) => tanh(x))],
  sigmoid: [
    opCase("takes the logistic function", { x: normal(3, 5) }, ({ x }) => sigmoid(x)),
    opCase("takes the logistic function far out", { x: given([-60, -20, 0, 20, 60], [5]) }, ({ x }) => sigmoid(x)),
  ],
  sin: [opCase("takes sines", { x: normal(3, 5) }, ({ x }) => sin(x), coarseOnWebgpu)],
  cos: [opCase("takes cosines", { x: normal(3, 5) }, ({ x }) => cos(x), coarseOnWebgpu)],
  abs: [
    opCase("takes absolute values", { x: awayFromZero(3, 5) }, ({ x }) => abs(x)),
    opCase("has the slope 0 of |x| at 0", { x: given([-1, 0, 2], [3]) }, ({ x }) => abs(x), atKink),
  ],
  relu: [
    opCase("cuts negative values", { x: awayFromZero(3, 5) }, ({ x }) => relu(x)),
    opCase("has the slope 0 of relu at 0", { x: given([-1, 0, 2], [3]) }, ({ x }) => relu(x), atKink),
  ],
  erf: [
    opCase("takes the error function", { x: normal(3, 5) }, ({ x }) => erf(x)),
    opCase(
      "takes the error function near and far",
      { x: given([-7, -2.6, -2.4, 0.001, 1, 3, 5], [7]) },
      ({ x }) => erf(x),
      { differentiable: [] },
    ),
  ],

  square: [opCase("squares", { x: normal(3, 5) }, ({ x }) => square(x))],
  mean: [
    opCase("averages everything", { x: normal(3, 5) }, ({ x }) => mean(x)),
    opCase("averages the last axis and keeps it", { x: normal(3, 5) }, ({ x }) =>
      mean(x, { axes: [-1], keepDims: true }),
    ),
  ],
  geluSlope: [opCase("takes the derivative of gelu", { x: normal(3, 5) }, ({ x }) => geluSlope(x))],
  gelu: [opCase("takes the Gaussian error linear unit", { x: normal(3, 5) }, ({ x }) => gelu(x))],
  logSoftmax: [
    opCase("takes logarithms of the softmax", { x: normal(2, 3, 5) }, ({ x }) => logSoftmax(x)),
    opCase(
      "does not overflow in logSoftmax",
      { x: given([900, 901, -900, 3, 2, 1], [2, 3]) },
      ({ x }) => logSoftmax(x),
      {
        differentiable: [],
      },
    ),
  ],
  oneHot: [opCase("marks each index", { i: integers(7, 3, 5) }, ({ i }) => oneHot(i, 7))],
  dropout: [
    opCase("keeps and rescales", { x: normal(3, 5), keep: booleans(3, 5) }, ({ x, keep }) => dropout(x, keep, 0.25)),
    opCase("drops whole rows by a broadcast mask", { x: normal(3, 5), keep: booleans(3, 1) }, ({ x, keep }) =>
      dropout(x, keep, 0.5),
    ),
  ],

  equal: [
    opCase("compares integers", { a: integers(3, 3, 5), b: integers(3, 3, 5) }, ({ a, b }) =>
      cast(equal(a, b), "float32"),
    ),
    opCase("compares a column and a row", { a: integers(3, 5, 1), b: integers(3, 7) }, ({ a, b }) =>
      cast(equal(a, b), "float32"),
    ),
    opCase("gives booleans", { a: integers(2, 11), b: integers(2, 11) }, ({ a, b }) => equal(a, b)),
  ],
  cast: [
    opCase("makes numbers of booleans", { b: booleans(3, 5) }, ({ b }) => [cast(b, "float32"), cast(b, "int32")]),
    opCase("makes floats of integers", { i: integers(99, 3, 5) }, ({ i }) => cast(i, "float32")),
    opCase("cuts fractions toward 0", { x: given([-1.75, -0.5, 0.5, 2.75], [4]) }, ({ x }) => cast(x, "int32"), {
      differentiable: [],
    }),
    opCase(
      "makes booleans of numbers",
      { x: given([-1, 0, 0.5, 2], [4]) },
      ({ x }) => cast(cast(x, "bool"), "float32"),
      {
        differentiable: [],
      },
    ),
    opCase("leaves a type as it is", { x: normal(5) }, ({ x }) => mul(cast(x, "float32"), x)),
  ],
  where: [
    opCase("chooses between tensors", { c: booleans(3, 5), a: normal(3, 5), b: normal(3, 5) }, ({ c, a, b }) =>
      where(c, a, b),
    ),
    opCase("chooses with all three broadcast", { c: booleans(3, 1), a: normal(5), b: normal(2, 1, 1) }, ({ c, a, b }) =>
      where(c, a, b),
    ),
    opCase("chooses numbers", { c: booleans(11), x: normal(11) }, ({ c, x }) => add(where(c, x, -2), where(c, 3, x))),
    opCase("chooses integers", { c: booleans(11), a: integers(9, 11), b: integers(9, 11) }, ({ c, a, b }) =>
      cast(where(c, a, b), "float32"),
    ),
  ],

  sum: [
    opCase("sums everything", { x: normal(2, 3, 5) }, ({ x }) => sum(x)),
    opCase("sums everything and keeps the axes", { x: normal(2, 3, 5) }, ({ x }) => sum(x, { keepDims: true })),
    opCase("sums the first axis", { x: normal(2, 3, 5) }, ({ x }) => sum(x, { axes: [0] })),
    opCase("sums the first axis and keeps it", { x: normal(7, 3, 5) }, ({ x }) =>
      sum(x, { axes: [0], keepDims: true }),
    ),
    opCase("sums two leading axes", { x: normal(2, 3, 5) }, ({ x }) => sum(x, { axes: [0, 1] })),
    opCase("sums two leading axes out of order", { x: normal(2, 3, 5) }, ({ x }) => sum(x, { axes: [1, 0] })),
    opCase("sums the middle axis", { x: normal(2, 3, 5) }, ({ x }) => sum(x, { axes: [1] })),
    opCase("sums the outer axes", { x: normal(2, 3, 5) }, ({ x }) => sum(x, { axes: [0, -1] })),
    opCase("sums trailing axes and keeps them", { x: normal(2, 3, 5) }, ({ x }) =>
      sum(x, { axes: [-2, -1], keepDims: true }),
    ),
    opCase("sums no axis", { x: normal(3, 5) }, ({ x }) => mul(sum(x, { axes: [] }), x)),
    opCase("sums integers over the first axis", { i: integers(9, 3, 5) }, ({ i }) =>
      cast(sum(i, { axes: [0] }), "float32"),
    ),
  ],
  expand: [
    opCase("repeats axes of length 1", { x: normal(3, 1) }, ({ x }) => expand(x, [2, 3, 5])),
    opCase("repeats a scalar", { x: normal() }, ({ x }) => expand(x, [3, 5])),
    opCase("leaves a shape as it is", { x: normal(3) }, ({ x }) => mul(expand(x, [3]), x)),
  ],
  unbroadcast: [
    opCase("sums added and stretched axes", { x: normal(2, 3, 5) }, ({ x }) => unbroadcast(x, [3, 1])),
    opCase("sums down to a scalar", { x: normal(3, 5) }, ({ x }) => unbroadcast(x, [])),
  ],
  sumSquares: [
    opCase("sums the squares of all", { x: normal(3, 5) }, ({ x }) => sumSquares(x)),
    opCase("sums the squares of rows and keeps the axis", { x: normal(2, 3, 5) }, ({ x }) =>
      sumSquares(x, { axes: [-1], keepDims: true }),
    ),
    opCase("sums the squares over two axes", { x: normal(2, 3, 5) }, ({ x }) => sumSquares(x, { axes: [0, 2] })),
    opCase("sums the squares over no axis", { x: normal(3, 5) }, ({ x }) => sumSquares(x, { axes: [] })),
  ],
  max: [
    opCase("finds the largest of all", { x: distinct(3, 5) }, ({ x }) => max(x)),
    opCase("finds the largest of rows", { x: distinct(2, 3, 5) }, ({ x }) => max(x, { axes: [-1] })),
    opCase("finds the largest of columns and keeps the axis", { x: distinct(2, 3, 5) }, ({ x }) =>
      max(x, { axes: [1], keepDims: true }),
    ),
    opCase("finds the largest over two axes", { x: distinct(2, 3, 5) }, ({ x }) => max(x, { axes: [0, 2] })),
    opCase("finds the largest over no axis", { x: normal(3, 5) }, ({ x }) => mul(max(x, { axes: [] }), x)),
    opCase(
      "shares the gradient among ties",
      { x: given([1, 4, 4, 2, 4], [5]) },
      ({ x }) => max(x, { axes: [0] }),
      atKink,
    ),
  ],

  matmul: [
    opCase("multiplies matrices", { a: normal(2, 3), b: normal(3, 5) }, ({ a, b }) => matmul(a, b)),
    opCase("multiplies aᵀ", { a: normal(3, 2), b: normal(3, 5) }, ({ a, b }) => matmul(a, b, { transposeA: true })),
    opCase("multiplies by bᵀ", { a: normal(2, 3), b: normal(5, 3) }, ({ a, b }) => matmul(a, b, { transposeB: true })),
    opCase("multiplies aᵀ by bᵀ", { a: normal(3, 2), b: normal(5, 3) }, ({ a, b }) =>
      matmul(a, b, { transposeA: true, transposeB: true }),
    ),
    opCase("multiplies batches", { a: normal(7, 2, 3), b: normal(7, 3, 5) }, ({ a, b }) => matmul(a, b)),
    opCase("multiplies batches of aᵀ", { a: normal(7, 3, 2), b: normal(7, 3, 5) }, ({ a, b }) =>
      matmul(a, b, { transposeA: true }),
    ),
    opCase("multiplies batches by bᵀ", { a: normal(7, 2, 3), b: normal(7, 5, 3) }, ({ a, b }) =>
      matmul(a, b, { transposeB: true }),
    ),
    opCase("multiplies batches of aᵀ by bᵀ", { a: normal(7, 3, 2), b: normal(7, 5, 3) }, ({ a, b }) =>
      matmul(a, b, { transposeA: true, transposeB: true }),
    ),
    opCase("stretches batch axes on both sides", { a: normal(7, 1, 2, 3), b: normal(11, 3, 5) }, ({ a, b }) =>
      matmul(a, b),
    ),
    opCase("stretches batch axes under both flags", { a: normal(1, 11, 3, 2), b: normal(7, 1, 5, 3) }, ({ a, b }) =>
      matmul(a, b, { transposeA: true, transposeB: true }),
    ),
    opCase("multiplies three axes by a matrix", { a: normal(7, 2, 3), b: normal(3, 5) }, ({ a, b }) => matmul(a, b)),
    opCase("multiplies three axes by a matrix's transpose", { a: normal(7, 2, 3), b: normal(5, 3) }, ({ a, b }) =>
      matmul(a, b, { transposeB: true }),
    ),
    opCase("multiplies three transposed axes by a matrix", { a: normal(7, 3, 2), b: normal(3, 5) }, ({ a, b }) =>
      matmul(a, b, { transposeA: true }),
    ),
    opCase(
      "multiplies three transposed axes by a matrix's transpose",
      { a: normal(7, 3, 2), b: normal(5, 3) },
      ({ a, b }) => matmul(a, b, { transposeA: true, transposeB: true }),
    ),
    opCase("multiplies a matrix by three axes", { a: normal(2, 3), b: normal(7, 3, 5) }, ({ a, b }) => matmul(a, b)),
    opCase("multiplies a tensor by its own transpose", { a: normal(7, 2, 3) }, ({ a }) =>
      matmul(a, a, { transposeB: true }),
    ),
    opCase("multiplies what swapLastAxes has turned", { a: normal(7, 3, 2), b: normal(5, 3) }, ({ a, b }) =>
      matmul(swapLastAxes(a), swapLastAxes(b)),
    ),
  ],
  linear: [
    opCase("applies a linear layer", { x: normal(2, 3), w: normal(5, 3), b: normal(5) }, ({ x, w, b }) =>
      linear(x, w, b),
    ),
    opCase(
      "applies a linear layer to four axes",
      { x: normal(7, 2, 11, 3), w: normal(5, 3), b: normal(5) },
      ({ x, w, b }) => linear(x, w, b),
    ),
    opCase("applies a linear layer without bias", { x: normal(7, 2, 3), w: normal(5, 3) }, ({ x, w }) => linear(x, w)),
  ],

  reshape: [
    opCase("reshapes", { x: normal(2, 3, 5) }, ({ x }) => reshape(x, [5, 6])),
    opCase("finds the length left over", { x: normal(2, 3, 5) }, ({ x }) => reshape(x, [3, -1])),
    opCase("reshapes there and back", { x: normal(2, 3) }, ({ x }) => mul(reshape(reshape(x, [6]), [2, 3]), x)),
    opCase("reshapes to a scalar and twice in a row", { x: normal(1, 1) }, ({ x }) => reshape(reshape(x, [1]), [])),
  ],
  transpose: [
    opCase("permutes axes", { x: normal(2, 3, 5) }, ({ x }) => transpose(x, [2, 0, 1])),
    opCase("leaves the identity out", { x: normal(2, 3) }, ({ x }) => mul(transpose(x, [0, 1]), x)),
    opCase("joins two transposes", { x: normal(2, 3, 5, 7) }, ({ x }) =>
      transpose(transpose(x, [2, 0, 3, 1]), [3, 1, 0, 2]),
    ),
    opCase("undoes a transpose", { x: normal(2, 3, 5) }, ({ x }) =>
      mul(transpose(transpose(x, [2, 0, 1]), [1, 2, 0]), x),
    ),
    opCase("joins a transpose across a merge of axes", { x: normal(2, 3, 5, 7) }, ({ x }) =>
      transpose(mergeAxes(transpose(x, [0, 2, 1, 3]), 1), [2, 0, 1]),
    ),
    opCase("joins a transpose across a merge of the last axes", { x: normal(2, 3, 5, 7) }, ({ x }) =>
      transpose(mergeAxes(transpose(x, [3, 1, 0, 2]), 2), [1, 2, 0]),
    ),
    opCase("joins a transpose across a merge of equal lengths", { x: normal(3, 3, 2) }, ({ x }) =>
      transpose(mergeAxes(transpose(x, [1, 2, 0]), 0), [1, 0]),
    ),
    opCase("joins a transpose across a merge with a length of 1", { x: normal(3, 1, 5) }, ({ x }) =>
      transpose(mergeAxes(transpose(x, [2, 1, 0]), 0), [1, 0]),
    ),
  ],
  withOnes: [opCase("appends a column of ones", { x: normal(2, 3, 5) }, ({ x }) => withOnes(x))],
  swapLastAxes: [
    opCase("swaps the last axes", { x: normal(2, 3, 5) }, ({ x }) => swapLastAxes(x)),
    opCase("swaps the axes of a matrix", { x: normal(3, 5) }, ({ x }) => swapLastAxes(x)),
  ],
  splitAxis: [
    opCase("splits an axis", { x: normal(2, 15, 7) }, ({ x }) => splitAxis(x, 1, 3)),
    opCase("splits the last axis by its negative number", { x: normal(2, 15) }, ({ x }) => splitAxis(x, -1, 5)),
    opCase("splits an axis behind a transpose", { x: normal(2, 15, 7) }, ({ x }) =>
      splitAxis(transpose(x, [2, 0, 1]), 2, 3),
    ),
    opCase("splits heads and brings them back", { x: normal(2, 7, 15) }, ({ x }) => {
      const heads = transpose(splitAxis(x, 2, 3), [0, 2, 1, 3]);
      return mergeAxes(transpose(mul(heads, heads), [0, 2, 1, 3]), 2);
    }),
    opCase("splits, turns, splits and turns again", { x: normal(2, 15, 14) }, ({ x }) => {
      const first = transpose(splitAxis(x, 1, 3), [1, 0, 2, 3]);
      return transpose(splitAxis(first, 3, 7), [4, 2, 0, 1, 3]);
    }),
  ],
  mergeAxes: [
    opCase("joins neighbouring axes", { x: normal(2, 3, 5) }, ({ x }) => mergeAxes(x, 0)),
    opCase("joins axes behind a transpose", { x: normal(2, 3, 5) }, ({ x }) => mergeAxes(transpose(x, [0, 2, 1]), 1)),
    opCase("joins axes counted from the end", { x: normal(2, 3, 5) }, ({ x }) => mergeAxes(x, -2)),
  ],

  slice: [
    opCase("takes positions of an axis", { x: normal(3, 7) }, ({ x }) => slice(x, 1, 2, 5)),
    opCase("takes positions of an axis counted from the end", { x: normal(7, 3, 5) }, ({ x }) => slice(x, -3, 0, 2)),
    opCase("takes a whole axis", { x: normal(3, 5) }, ({ x }) => mul(slice(x, 0, 0, 3), x)),
  ],
  pad: [
    opCase("adds zeros on both sides", { x: normal(3, 5) }, ({ x }) => pad(x, 0, 2, 1)),
    opCase("adds zeros behind the last axis", { x: normal(2, 3, 5) }, ({ x }) => pad(x, -1, 0, 2)),
    opCase("adds nothing", { x: normal(3) }, ({ x }) => mul(pad(x, 0, 0, 0), x)),
  ],
  concat: [
    opCase("joins three tensors", { a: normal(2, 3), b: normal(2, 5), c: normal(2, 7) }, ({ a, b, c }) =>
      concat([a, b, c], 1),
    ),
    opCase("joins along the first axis", { a: normal(2, 3), b: normal(5, 3) }, ({ a, b }) => concat([a, b], -2)),
    opCase("joins a tensor to itself", { a: normal(2, 3) }, ({ a }) => concat([a, a], 0)),
  ],
  split: [
    opCase("cuts an axis", { x: normal(3, 10) }, ({ x }) => split(x, 1, [2, 3, 5])),
    opCase("cuts an axis of which one part is used", { x: normal(10, 3) }, ({ x }) => {
      const [, middle = x] = split(x, -2, [2, 5, 3]);
      return square(middle);
    }),
    opCase("cuts and joins in another order", { x: normal(3, 8) }, ({ x }) =>
      concat(split(x, 1, [3, 5]).toReversed(), 1),
    ),
  ],

  gather: [
    opCase(
      "takes rows, some of them twice",
      { table: normal(5, 3), i: given([4, 0, 4, 4, 2, 1], [2, 3], "int32") },
      ({ table, i }) => gather(table, i),
    ),
    opCase("takes one row", { table: normal(5, 3), i: given([3], [], "int32") }, ({ table, i }) => gather(table, i)),
  ],
  scatterRows: [
    opCase(
      "adds rows up by index",
      { rows: normal(2, 3, 7), i: given([4, 0, 4, 4, 2, 1], [2, 3], "int32") },
      ({ rows, i }) => scatterRows(rows, i, [5, 7]),
    ),
  ],

  argsort: [
    opCase(
      "orders integers, equal ones by their position",
      { i: given([2, 0, 2, -1, 0, 2, 7, 1, 7, 1], [2, 5], "int32") },
      ({ i }) => argsort(i),
      onCpu,
    ),
    opCase("orders many equal integers", { i: integers(3, 2, 257) }, ({ i }) => argsort(i), onCpu),
    opCase(
      "orders integers that float32 cannot tell apart",
      { i: given([2 ** 30 + 1, 2 ** 30, -(2 ** 31), 2 ** 31 - 1], [4], "int32") },
      ({ i }) => argsort(i),
      onCpu,
    ),
  ],
  argmax: [
    opCase("finds where the largest stands", { x: distinct(2, 3, 5) }, ({ x }) => argmax(x), { differentiable: [] }),
    opCase("takes the first of equal ones", { x: given([1, 4, 4, -2, -2, -2], [2, 3]) }, ({ x }) => argmax(x), {
      differentiable: [],
    }),
  ],
  placeAt: [
    opCase("inverts permutations", { i: given([2, 0, 3, 1, 3, 2, 1, 0], [2, 4], "int32") }, ({ i }) =>
      placeAt(constant(ndarray(Int32Array.of(0, 1, 2, 3, 0, 1, 2, 3), [2, 4])), i, 4),
    ),
    opCase(
      "leaves the fill where nothing comes to",
      { values: integers(9, 2, 3), i: given([4, 0, 3, 1, 2, 0], [2, 3], "int32") },
      ({ values, i }) => placeAt(values, i, 5, -1),
    ),
  ],
  moveRows: [
    opCase(
      "permutes rows",
      { x: normal(4, 3), from: given([2, 0, 3, 1], [4], "int32"), to: given([1, 3, 0, 2], [4], "int32") },
      ({ x, from, to }) => moveRows(x, from, to),
    ),
    opCase(
      "leaves zeros where no row comes to",
      { x: normal(3, 5), from: given([-1, 2, 0, -1, 1], [5], "int32"), to: given([2, 4, 1], [3], "int32") },
      ({ x, from, to }) => moveRows(x, from, to, "from"),
    ),
    opCase(
      "leaves rows out, which have no gradient",
      { x: normal(5, 3), from: given([2, 4, 1], [3], "int32"), to: given([-1, 2, 0, -1, 1], [5], "int32") },
      ({ x, from, to }) => moveRows(x, from, to, "to"),
    ),
  ],

  cumsum: [
    opCase("sums up to each position", { x: normal(3, 7) }, ({ x }) => cumsum(x, 1)),
    opCase("sums before each position", { x: normal(3, 7) }, ({ x }) => cumsum(x, 1, { exclusive: true })),
    opCase("sums from each position on", { x: normal(3, 7) }, ({ x }) => cumsum(x, -1, { reverse: true })),
    opCase("sums behind each position", { x: normal(3, 7) }, ({ x }) =>
      cumsum(x, 1, { exclusive: true, reverse: true }),
    ),
    opCase("sums along the first axis", { x: normal(7, 3, 5) }, ({ x }) => cumsum(x, 0)),
  ],
  softmax: [
    opCase("normalises rows of exponentials", { x: normal(2, 3, 5) }, ({ x }) => softmax(x)),
    opCase("does not overflow in softmax", { x: given([900, 901, -900, 3, 2, 1], [2, 3]) }, ({ x }) => softmax(x)),
  ],
  layerNorm: [
    opCase("normalises rows", { x: normal(2, 3, 7), scale: normal(7), bias: normal(7) }, ({ x, scale, bias }) =>
      layerNorm(x, scale, bias),
    ),
    opCase(
      "normalises rows with a large epsilon",
      { x: normal(5, 7), scale: normal(7), bias: normal(7) },
      ({ x, scale, bias }) => layerNorm(x, scale, bias, 0.5),
    ),
  ],

  linearAttention: [
    opCase(
      "sums outer products on top of a state",
      { q: normal(2, 5, 6), k: normal(2, 5, 6), v: normal(2, 5, 8), state: normal(2, 2, 3, 4) },
      ({ q, k, v, state }) => Object.values(linearAttention(q, k, v, { state, numHeads: 2 })),
      { differentiable: [] },
    ),
    opCase(
      "lets what came before decay",
      {
        q: normal(2, 5, 6),
        k: normal(2, 5, 6),
        v: normal(2, 5, 8),
        state: normal(2, 2, 3, 4),
        decay: positive(2, 5, 2),
      },
      ({ q, k, v, state, decay }) => Object.values(linearAttention(q, k, v, { state, decay: neg(decay), numHeads: 2 })),
      { differentiable: [] },
    ),
  ],
  rotaryEmbedding: [
    opCase(
      "rotates every row by its own angles",
      { x: normal(3, 8), cos: normal(3, 2), sin: normal(3, 2) },
      ({ x, cos, sin }) => rotaryEmbedding(x, { cos, sin }, 2),
      { differentiable: [] },
    ),
  ],
  rotarySequence: [
    opCase(
      "rotates every position of every sequence, and back for the gradient",
      { x: normal(2, 3, 8), cos: normal(3, 2), sin: normal(3, 2) },
      ({ x, cos, sin }) => rotarySequence(x, { cos: stopGradient(cos), sin: stopGradient(sin) }),
      { differentiable: ["x"] },
    ),
  ],
  cond: [
    opCase(
      "runs the branch that is chosen, and each reads what lies around it",
      { x: normal(5), w: normal(5) },
      ({ x, w }) => {
        const outside = exp(w);
        const choose = (bit: number) =>
          cond(
            constant(ndarray(Uint8Array.of(bit), [1, 1])),
            { x },
            ({ x }) => ({ sum: add(x, outside), same: x }),
            ({ x }) => ({ same: outside, sum: mul(mul(x, x), w) }),
          );
        return [0, 1].flatMap((bit) => Object.values(choose(bit)));
      },
      { differentiable: [], webgpu: "If runs on the CPU only" },
    ),
    opCase(
      "holds a loop",
      { x: normal(3, 5) },
      ({ x }) => {
        const { y } = cond(
          cast(constant(ndarray(Int32Array.of(7), [])), "bool"),
          { x },
          ({ x }) => ({
            y: scan({
              carry: { s: full([5], 0) },
              sequences: { x },
              body: ({ s }, { x }) => ({ carry: { s: add(s, x) }, outputs: {} }),
            }).carry.s,
          }),
          () => ({ y: full([5], 0) }),
        );
        return y;
      },
      { differentiable: [], webgpu: "If runs on the CPU only" },
    ),
  ],
  scan: [
    opCase(
      "carries a sum and gives it out",
      { s: normal(3), x: normal(5, 3) },
      ({ s, x }) => {
        const { carry, outputs } = scan({
          carry: { s },
          sequences: { x },
          body: ({ s }, { x }) => ({ carry: { s: tanh(add(s, x)) }, outputs: { y: mul(s, x) } }),
        });
        return [carry.s, outputs.y];
      },
      noScan,
    ),
    opCase(
      "walks back",
      { s: normal(3), x: normal(5, 3) },
      ({ s, x }) => {
        const { carry, outputs } = scan({
          carry: { s },
          sequences: { x },
          reverse: true,
          body: ({ s }, { x }) => ({ carry: { s: tanh(add(s, x)) }, outputs: { y: mul(s, x) } }),
        });
        return [carry.s, outputs.y];
      },
      noScan,
    ),
    opCase(
      "reads tensors of the surrounding graph",
      { s: normal(2, 3), x: normal(7, 2, 5), w: normal(5, 3), b: normal(3) },
      ({ s, x, w, b }) => {
        const { carry, outputs } = scan({
          carry: { s },
          sequences: { x },
          body: ({ s }, { x }) => {
            const next = tanh(add(add(matmul(x, w), s), b));
            return { carry: { s: next }, outputs: { y: mul(next, b) } };
          },
        });
        return [carry.s, outputs.y];
      },
      noScan,
    ),
    opCase(
      "computes what does not depend on the step outside",
      { s: normal(3), x: normal(5, 3), w: normal(3) },
      ({ s, x, w }) => {
        const { carry } = scan({
          carry: { s },
          sequences: { x },
          body: ({ s }, { x }) => ({ carry: { s: add(mul(s, sigmoid(w)), mul(x, exp(mul(w, 0.5)))) }, outputs: {} }),
        });
        return carry.s;
      },
      noScan,
    ),
    opCase(
      "reads a tensor and another one computed from it",
      { s: normal(3), x: normal(5, 3), w: normal(3) },
      ({ s, x, w }) => {
        const outer = tanh(w);
        const { carry } = scan({
          carry: { s },
          sequences: { x },
          body: ({ s }, { x }) => ({ carry: { s: add(mul(s, outer), mul(x, w)) }, outputs: {} }),
        });
        return carry.s;
      },
      noScan,
    ),
    opCase(
      "gives a tensor of the surrounding graph out at every step",
      { s: normal(3), x: normal(5, 3), w: normal(3) },
      ({ s, x, w }) => {
        const { carry, outputs } = scan({
          carry: { s },
          sequences: { x },
          body: ({ s }, { x }) => ({ carry: { s: add(s, x) }, outputs: { w, again: w } }),
        });
        return [carry.s, outputs.w, outputs.again];
      },
      noScan,
    ),
    opCase(
      "has a state and no outputs",
      { s: normal(3), x: normal(5, 3) },
      ({ s, x }) =>
        scan({ carry: { s }, sequences: { x }, body: ({ s }, { x }) => ({ carry: { s: mul(s, x) }, outputs: {} }) })
          .carry.s,
      noScan,
    ),
    opCase(
      "has outputs and no state",
      { x: normal(5, 3), y: normal(5, 3) },
      ({ x, y }) =>
        scan({ carry: {}, sequences: { x, y }, body: (_, { x, y }) => ({ carry: {}, outputs: { z: mul(x, exp(y)) } }) })
          .outputs.z,
      noScan,
    ),
    opCase(
      "passes items and state through unchanged",
      { s: normal(3), x: normal(5, 3) },
      ({ s, x }) => {
        const { carry, outputs } = scan({
          carry: { s },
          sequences: { x },
          body: ({ s }, { x }) => ({ carry: { s }, outputs: { x, s, again: x } }),
        });
        return [carry.s, outputs.x, outputs.s, outputs.again];
      },
      noScan,
    ),
    opCase(
      "leaves one of two outputs without a reader",
      { s: normal(3), x: normal(5, 3) },
      ({ s, x }) =>
        scan({
          carry: { s },
          sequences: { x },
          body: ({ s }, { x }) => ({ carry: { s: mul(s, x) }, outputs: { unread: exp(x), read: mul(s, s) } }),
        }).outputs.read,
      noScan,
    ),
    opCase(
      "swaps its states",
      { a: normal(3), b: normal(3), x: normal(5, 3) },
      ({ a, b, x }) => {
        const { carry } = scan({
          carry: { a, b },
          sequences: { x },
          body: ({ a, b }, { x }) => ({ carry: { b: mul(a, x), a: b }, outputs: {} }),
        });
        return [carry.a, carry.b];
      },
      noScan,
    ),
    opCase(
      "takes masks and indices along",
      { s: normal(3), x: normal(5, 3), keep: booleans(5, 3), i: integers(7, 5), table: normal(7, 3) },
      ({ s, x, keep, i, table }) =>
        scan({
          carry: { s },
          sequences: { x, keep, i },
          body: ({ s }, { x, keep, i }) => ({
            carry: { s: add(where(keep, mul(s, x), s), gather(table, i)) },
            outputs: {},
          }),
        }).carry.s,
      noScan,
    ),
    opCase(
      "runs a scan inside a scan",
      { s: normal(3), x: normal(5, 2, 3), w: normal(3) },
      ({ s, x, w }) => {
        const { carry, outputs } = scan({
          carry: { s },
          sequences: { x },
          body: ({ s }, { x }) => {
            const inner = scan({
              carry: { t: s },
              sequences: { x },
              reverse: true,
              body: ({ t }, { x }) => {
                const next = tanh(add(mul(t, w), mul(x, exp(s))));
                return { carry: { t: next }, outputs: { next } };
              },
            });
            return { carry: { s: inner.carry.t }, outputs: { rows: inner.outputs.next, s } };
          },
        });
        return [carry.s, outputs.rows, outputs.s];
      },
      noScan,
    ),
    opCase(
      "runs a hand-written gradient in its body",
      { s: normal(3), x: normal(5, 3), w: normal(3) },
      ({ s, x, w }) =>
        scan({
          carry: { s },
          sequences: { x },
          body: ({ s }, { x }) => {
            const { y } = customGradient(
              { s, w },
              ({ s, w }) => ({ y: mul(tanh(s), w) }),
              ({ y: dy }, { s, w }) => (dy ? { s: mul(mul(dy, w), sub(1, square(tanh(s)))), w: mul(dy, tanh(s)) } : {}),
            );
            return { carry: { s: add(y, x) }, outputs: {} };
          },
        }).carry.s,
      noScan,
    ),
  ],

  inBlocks: [
    opCase(
      "is the function itself, block by block",
      { x: normal(5, 6), dy: normal(5, 6) },
      ({ x, dy }) => inBlocks({ x, dy }, (block) => mul(block.dy, tanh(block.x)), 6),
      noScan,
    ),
    opCase("leaves tensors whole that the blocks do not cut evenly", { x: normal(7, 3) }, ({ x }) =>
      inBlocks({ x }, (block) => tanh(block.x), 5),
    ),
  ],
  constant: [
    opCase("multiplies by an array of the graph", { x: normal(2, 3) }, ({ x }) =>
      mul(x, constant(ndarray(Float32Array.of(1.5, -2, 0.25), [3]))),
    ),
    opCase("holds integers", { x: normal(7, 3) }, ({ x }) =>
      gather(x, constant(fromFloat64(Float64Array.of(6, 0), [2], "int32"))),
    ),
  ],
  scalar: [opCase("multiplies by a scalar of the graph", { x: normal(3) }, ({ x }) => mul(x, scalar(-1.5)))],
  full: [opCase("adds a repeated value", { x: normal(3) }, ({ x }) => add(x, full([5, 3], 0.5)))],
  input: [opCase("gives an input out as it is", { x: normal(3, 5) }, ({ x }) => x)],
  stopGradient: [
    opCase(
      "treats the stopped factor as a constant",
      { x: normal(5), w: normal(5) },
      ({ x, w }) => mul(x, stopGradient(exp(w))),
      {
        differentiable: ["x"],
      },
    ),
  ],
  customGradient: [
    opCase("takes the gradient that was written", { x: normal(5), w: normal(5) }, ({ x, w }) => {
      const { y, e } = customGradient(
        { x, w },
        ({ x, w }) => {
          const e = exp(x);
          return { y: mul(e, w), e };
        },
        ({ y: dy, e: de }, { w }, { y, e }) => ({
          x: add(dy ? mul(dy, y) : 0, de ? mul(de, e) : 0),
          w: dy ? add(mul(dy, e), mul(w, 0)) : undefined,
        }),
      );
      return [y, e];
    }),
    opCase("gives an input of its own out", { x: normal(5) }, ({ x }) => {
      const { x: same, y } = customGradient(
        { x },
        ({ x }) => ({ x, y: square(x) }),
        ({ x: dx, y: dy }, { x }) => ({ x: add(dx ?? 0, dy ? mul(dy, mul(x, 2)) : 0) }),
      );
      return [same, y];
    }),
  ],
};
