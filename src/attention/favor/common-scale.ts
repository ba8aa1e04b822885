/**
 * One constant for the keys of whole sequences, chosen before any key is read.
 *
 * No log feature of any key lies above a bound W that the projection alone gives (for positive features max ‖ω‖²/2,
 * from ωx − ‖x‖²/2 ≤ ‖ω‖²/2). So with R = W − 60, features exp(a_s − R) never overflow, not even summed over a million
 * keys, and they are large enough for every query as soon as the first key's largest log feature is above R − 40: every
 * later query sees that key. Then no running maximum is needed, and nothing is ever rescaled. Where the first key is
 * too long for that, the exact form with its running maximum takes over. The choice looks at the projection and at the
 * first key only, so it depends on the past alone.
 */
import type { Tensor } from "../../graph/tensor.ts";
import { cast } from "../../ops/compare.ts";
import { add, exp, maximum, mul, sub } from "../../ops/elementwise.ts";
import { max } from "../../ops/maximum-along.ts";
import { slice } from "../../ops/slicing.ts";
import { stopGradient } from "../../ops/source.ts";
import type { ExponentialFeatures, FeatureMap } from "../feature-map.ts";
import { maskColumn } from "./maps/real.ts";
import { maskedScale } from "./normalized.ts";

/** Natural logarithms: float32 ends at 88, so a sum over e¹⁴ keys with values of size e¹⁰ still fits. */
const HEADROOM = 60;

/**
 * How far below R the first key's largest log feature may lie; products with features e⁴⁰ smaller still fit below that.
 */
const DEPTH = 40;

/** Added to denominators under R: they hold at least the first key, so it may be smaller than elsewhere. */
export const COMMON_GUARD = 1e-37;

/** R, `[1, 1]`, or `[H, 1, 1]` for heads with projections of their own; undefined for maps without a bound. */
export function commonScale(map: FeatureMap, projection: Tensor): Tensor | undefined {
  const bound = map.logBound?.(projection);
  return bound && stopGradient(sub(bound, HEADROOM));
}

/** φ(k)·exp(−R), without a factor left over. */
export function keysUnder(R: Tensor, map: FeatureMap, k: Tensor, projection: Tensor, mask: Tensor | undefined): Tensor {
  // Maps with a bound are exponential.
  const { logits, shift } = map.features(k, projection) as ExponentialFeatures;
  const features = exp(sub(logits, add(shift, R)));
  return mask ? mul(features, mask) : features;
}

/**
 * Whether R is too far above the first key of some head, or above all that the state before it holds: true where a
 * running maximum must be kept.
 *
 * @param k `[B, H, S, D]`
 * @param keyMask `[B, S]`
 */
export function isOutOfReach(
  R: Tensor,
  map: FeatureMap,
  k: Tensor,
  projection: Tensor,
  keyMask: Tensor | undefined,
  before: Tensor | undefined,
): Tensor {
  const { logits, shift } = map.features(slice(k, 2, 0, 1), projection) as ExponentialFeatures;
  const largest = sub(max(logits, { axes: [-1], keepDims: true }), shift);
  const first = maskedScale(largest, keyMask && slice(maskColumn(keyMask), 2, 0, 1));
  const reached = before ? maximum(first, before) : first;
  const missing = maximum(sub(sub(R, DEPTH), reached), 0);
  return cast(stopGradient(max(missing, { axes: [0, 1, 2, 3], keepDims: true })), "bool");
}
