/** The ops of the graph language. */
export { argmax } from "./argmax.ts";
export { argsort } from "./argsort.ts";
export { cast, equal, where } from "./compare.ts";
export { dropout, logSoftmax, mean, oneHot, square, withOnes } from "./composed.ts";
export { cond } from "./cond.ts";
export { cumsum } from "./cumsum.ts";
export {
  abs,
  add,
  atLeast,
  cos,
  div,
  erf,
  exp,
  log,
  maximum,
  minimum,
  mul,
  neg,
  reciprocal,
  relu,
  sigmoid,
  sin,
  sqrt,
  sub,
  tanh,
} from "./elementwise.ts";
export type { Operand } from "./elementwise.ts";
export { gather, scatterRows } from "./gather.ts";
export { gelu, geluSlope } from "./gelu.ts";
export { inBlocks } from "./in-blocks.ts";
export { mergeAxes, reshape, splitAxis, swapLastAxes, transpose } from "./layout.ts";
export { linearAttention } from "./linear-attention.ts";
export { linear, matmul } from "./matmul.ts";
export type { MatMulOptions } from "./matmul.ts";
export { max } from "./maximum-along.ts";
export { moveRows } from "./move-rows.ts";
export { layerNorm, softmax } from "./normalize.ts";
export { placeAt } from "./place-at.ts";
export { expand, sum, unbroadcast } from "./reduce.ts";
export type { ReduceOptions } from "./reduce.ts";
export { rotaryEmbedding, rotarySequence } from "./rotary-embedding.ts";
export { scan } from "./scan.ts";
export type { ScanOptions } from "./scan.ts";
export { concat, pad, slice, split } from "./slicing.ts";
export { sumSquares } from "./sum-squares.ts";
export { constant, full, input, scalar, stopGradient } from "./source.ts";
export { lowerTriangle } from "./triangle.ts";
