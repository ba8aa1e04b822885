/** Functions made of the ops, without rules of their own. */
import type { Tensor } from "../graph/tensor.ts";
import { exp, log, mul, sub } from "./elementwise.ts";
import { cast, equal } from "./compare.ts";
import { max } from "./maximum-along.ts";
import { sum, type ReduceOptions } from "./reduce.ts";
import { sizeOf } from "../graph/shape.ts";
import { concat } from "./slicing.ts";
import { constant, full, stopGradient } from "./source.ts";
import { countingUp } from "../graph/ndarray.ts";
import { reshape } from "./layout.ts";

/** x². */
export function square(x: Tensor): Tensor {
  return mul(x, x);
}

/** Mean over axes. */
export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  const total = sum(x, options);
  return mul(total, sizeOf(total.shape) / sizeOf(x.shape));
}

/** [x, 1], one column more: what a product adds up in it are the weights themselves, a sum's denominator. */
export function withOnes(x: Tensor): Tensor {
  return concat([x, full([...x.shape.slice(0, -1), 1], 1)], -1);
}

/** Logarithm of the softmax over the last axis, without overflow. */
export function logSoftmax(x: Tensor): Tensor {
  const shifted = sub(x, stopGradient(max(x, { axes: [-1], keepDims: true })));
  return sub(shifted, log(sum(exp(shifted), { axes: [-1], keepDims: true })));
}

/** 1 at each index, 0 elsewhere: int32 `[…]` → float32 `[…, depth]`. */
export function oneHot(indices: Tensor, depth: number): Tensor {
  const classes = constant(countingUp("int32", [depth]));
  return cast(equal(reshape(indices, [...indices.shape, 1]), classes), "float32");
}

/**
 * Inverted dropout: keeps the entries where `keep` is true and scales them by 1 / (1 − rate).
 *
 * @param keep bool, drawn outside the graph so that a seed gives the same mask on every device
 */
export function dropout(x: Tensor, keep: Tensor, rate: number): Tensor {
  return mul(x, mul(cast(keep, "float32"), 1 / (1 - rate)));
}
