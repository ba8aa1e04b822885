/** Pieces that all forms of linear attention share: keys kept finite, the ones column, the guarded quotient. */
import { GraphError, problem } from "../../graph/errors.ts";
import { fromFloat64, type NdArray } from "../../graph/ndarray.ts";
import { backpropagate } from "../../autodiff/gradients.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { add, mul, neg, reciprocal, sub } from "../../ops/elementwise.ts";
import { sum } from "../../ops/reduce.ts";
import { concat, slice, split } from "../../ops/slicing.ts";
import type { AttentionState } from "../mechanism.ts";
import type { FeatureMap } from "../feature-map.ts";
import { checked, column, underOwnMaximum, type SplitFeatures } from "./maps/features.ts";

/** The scale's logarithm of a key that does not count: far below any real one, and still finite. */
export const LOG_ZERO = -1e30;

/** Added to denominators: no bit of a real one changes, and one that holds no key gives 0 instead of NaN. */
export const DENOMINATOR_GUARD = 1e-30;

/** Queries, keys and values, cut into chunks as a form wants them. */
export interface Sequences {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
}

/** Each key under its own maximum. @param mask 1 for real keys, broadcast over features */
export function scaledKeys(map: FeatureMap, k: Tensor, projection: Tensor, mask: Tensor | undefined): SplitFeatures {
  const { features, logScale } = underOwnMaximum(checked(map, map.features(k, projection)));
  return {
    features: mask ? mul(features, mask) : features,
    logScale: logScale && maskedScale(logScale, mask),
  };
}

/** The scales of real keys, and LOG_ZERO for padding. */
export function maskedScale(logScale: Tensor, mask: Tensor | undefined): Tensor {
  return mask ? add(mul(logScale, mask), mul(sub(mask, 1), -LOG_ZERO)) : logScale;
}

/** From the gradient by the features to the one by the keys. A factor exp(c) of a row has the gradient dφ̂·φ̂. */
export function keyGradient({ features, logScale }: SplitFeatures, dFeatures: Tensor, k: Tensor): Tensor {
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
    throw new GraphError(
      problem`favorAttention: features must depend on the queries or keys they are made of; compute them from the map's
        input`,
    );
  return dx;
}

/** `[…, E + 1]` → the first E columns over the last one, and 1 over that one. */
export function normalized(
  sums: Tensor,
  guard = DENOMINATOR_GUARD,
): { readonly out: Tensor; readonly inverse: Tensor } {
  const width = (sums.shape.at(-1) ?? 1) - 1;
  const [numerator, last] = split(sums, -1, [width, 1]) as readonly [Tensor, Tensor]; // two lengths, two parts
  // One quotient a row: the engine divides a row by a column more slowly than it multiplies.
  const inverse = reciprocal(add(last, column(last, guard)));
  return { out: mul(numerator, inverse), inverse };
}

/** The gradient of `normalized` by the sums U: [dOut, −dOut·out] / denominator. */
export function sumsGradient(dOut: Tensor, out: Tensor, inverse: Tensor): Tensor {
  const dNumerator = mul(dOut, inverse);
  return concat([dNumerator, neg(sum(mul(dNumerator, out), { axes: [-1], keepDims: true }))], -1);
}

/** The sums of a state that a step is given. */
export function sumsOf({ sums }: AttentionState): Tensor {
  return sums ?? missingState("sums");
}

/** Their log scale, for maps that have one. */
export function maximumOf({ maximum }: AttentionState): Tensor {
  return maximum ?? missingState("maximum");
}

function missingState(name: string): never {
  throw new GraphError(problem`favorAttention: a step must have the state '${name}', got none; use initialState`);
}

/** The log scale before any key, `[B, H, 1, 1]`. */
export function noMaximum(B: number, H: number): NdArray {
  return fromFloat64(new Float64Array(B * H).fill(LOG_ZERO), [B, H, 1, 1], "float32");
}

/** Drops the ones column. */
export function valueGradient(dValues: Tensor): Tensor {
  return slice(dValues, -1, 0, (dValues.shape.at(-1) ?? 1) - 1);
}
