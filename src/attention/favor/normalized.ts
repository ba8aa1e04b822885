/** Pieces that all forms of linear attention share: keys kept finite, the ones column, the guarded quotient. */
import { GraphError } from "../../graph/errors.ts";
import { backpropagate } from "../../autodiff/gradients.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { add, exp, mul, neg, reciprocal, sub } from "../../ops/elementwise.ts";
import { max } from "../../ops/maximum-along.ts";
import { sum } from "../../ops/reduce.ts";
import { concat, slice, split } from "../../ops/slicing.ts";
import { stopGradient, full } from "../../ops/source.ts";
import type { FeatureMap } from "./feature-maps.ts";

/** The scale's logarithm of a key that does not count: far below any real one, and still finite. */
export const LOG_ZERO = -1e30;

/** Added to denominators: no bit of a real one changes, and one that holds no key gives 0 instead of NaN. */
const DENOMINATOR_GUARD = 1e-30;

/** Queries, keys and values, cut into chunks as a form wants them. */
export interface Sequences {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
}

/** Key features, split so that no norm overflows: φ(k) = features · exp(logScale), the largest feature being 1. */
export interface ScaledKeys {
  /** `[B, H, S, M]`. */
  readonly features: Tensor;
  /** c, `[B, H, S, 1]`; undefined for maps whose scales are all 1. */
  readonly logScale: Tensor | undefined;
}

/** Each key under its own maximum. @param mask 1 for real keys, broadcast over features */
export function scaledKeys(map: FeatureMap, k: Tensor, projection: Tensor, mask: Tensor | undefined): ScaledKeys {
  const keys = map.key(k, projection);
  const masked = (features: Tensor) => (mask ? mul(features, mask) : features);
  if (keys.kind === "plain") return { features: masked(keys.features), logScale: undefined };
  const largest = stopGradient(max(keys.logits, { axes: [-1], keepDims: true }));
  const logScale = sub(largest, keys.shift);
  return {
    features: masked(exp(sub(keys.logits, largest))),
    logScale: mask ? add(mul(logScale, mask), mul(sub(mask, 1), -LOG_ZERO)) : logScale,
  };
}

/** From the gradient by the features to the one by the keys. A factor exp(c) of a row has the gradient dφ̂·φ̂. */
export function keyGradient({ features, logScale }: ScaledKeys, dFeatures: Tensor, k: Tensor): Tensor {
  const dLogScale = logScale && sum(mul(dFeatures, features), { axes: [-1], keepDims: true });
  return gradientBy(k, logScale ? [features, logScale] : [features], [dFeatures, dLogScale]);
}

/** The gradient by x of what was computed from it, by the walk through the ops between them. */
export function gradientBy(
  x: Tensor,
  outputs: readonly Tensor[],
  outputGradients: readonly (Tensor | undefined)[],
): Tensor {
  const [dx] = backpropagate(outputs, outputGradients, [x]);
  if (dx === undefined)
    throw new GraphError("favorAttention: features must depend on the queries or keys they are made of");
  return dx;
}

/** [v, 1]: the extra column carries the denominator through the same products. */
export function withOnes(v: Tensor): Tensor {
  return concat([v, full([...v.shape.slice(0, -1), 1], 1)], -1);
}

/** `[…, E + 1]` → the first E columns over the last one, and 1 over that one. */
export function normalized(sums: Tensor): { readonly out: Tensor; readonly inverse: Tensor } {
  const width = (sums.shape.at(-1) ?? 1) - 1;
  const [numerator, last] = split(sums, -1, [width, 1]) as readonly [Tensor, Tensor]; // two lengths, two parts
  // One quotient a row: the engine divides a row by a column more slowly than it multiplies.
  const inverse = reciprocal(add(last, column(last, DENOMINATOR_GUARD)));
  return { out: mul(numerator, inverse), inverse };
}

/** A number as a column like another one: the engine adds or multiplies equal shapes faster than a column and a scalar. */
export function column(like: Tensor, value: number): Tensor {
  return full(like.shape, value);
}

/** The gradient of `normalized` by the sums U: [dOut, −dOut·out] / denominator. */
export function sumsGradient(dOut: Tensor, out: Tensor, inverse: Tensor): Tensor {
  const dNumerator = mul(dOut, inverse);
  return concat([dNumerator, neg(sum(mul(dNumerator, out), { axes: [-1], keepDims: true }))], -1);
}

/** Drops the ones column. */
export function valueGradient(dValues: Tensor): Tensor {
  return slice(dValues, -1, 0, (dValues.shape.at(-1) ?? 1) - 1);
}
