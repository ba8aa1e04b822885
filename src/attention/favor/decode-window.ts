/**
 * Linear attention for decoding, with a state that is read at every token and written only now and then.
 *
 * The sums S over all keys are large beside the few numbers that a token adds to them. So the last tokens wait in a
 * window, as they are: a token reads S and the window, and once the window is full a fold adds it to S. With log scales
 * c (0 for maps without):
 *
 *   U = e^C · S φ(q) + Σ_{s in the window} e^{c_s} (φ̂_s·φ(q)) v′_s + e^c (φ̂(k)·φ(q)) v′,
 *   out = U's first columns over its last
 *
 * The factors e^{…} are softmaxed: what that divides by cancels between the columns, and no exponent is above 0.
 */
import type { Tensor } from "../../graph/tensor.ts";
import { add, exp, mul, sub } from "../../ops/elementwise.ts";
import { swapLastAxes } from "../../ops/layout.ts";
import { matmul } from "../../ops/matmul.ts";
import { max } from "../../ops/maximum-along.ts";
import { softmax } from "../../ops/normalize.ts";
import { sum } from "../../ops/reduce.ts";
import { concat, slice, split } from "../../ops/slicing.ts";
import { full } from "../../ops/source.ts";
import type { WindowedState, WindowRow } from "../mechanism.ts";
import type { FeatureMap } from "../feature-map.ts";
import { checked, underOwnMaximum } from "./maps/features.ts";
import { normalized } from "./normalized.ts";

/**
 * One token of every sequence.
 *
 * @param queriesAndKeys `[B, 2H, 1, D]`: the queries of all heads, then their keys, so that both have their features
 *   from one product
 * @param value v′ `[B, H, 1, E + 1]`, the last column 1
 * @param projection `[M, D]`, or `[H, M, D]` for heads with their own
 * @returns out `[B, H, 1, E]`
 */
export function attendWindow(
  map: FeatureMap,
  queriesAndKeys: Tensor,
  value: Tensor,
  projection: Tensor,
  state: WindowedState,
): { readonly out: Tensor; readonly row: WindowRow } {
  const [B = 0, H = 0] = value.shape;
  const W = state.keys.shape[2] ?? 0;
  const ofBoth = projection.shape.length === 3 ? concat([projection, projection], 0) : projection;
  const { features, logScale: logScales } = underOwnMaximum(checked(map, map.features(queriesAndKeys, ofBoth)));
  const [q, key] = split(features, 1, [H, H]) as readonly [Tensor, Tensor]; // two lengths, two parts
  const logScale = logScales ? slice(logScales, 1, H, 2 * H) : full([B, H, 1, 1], 0);
  const scales = softmax(concat([state.logScales, logScale], -1));
  const [ofState, ofWindow, own] = split(scales, -1, [1, W, 1]) as readonly [Tensor, Tensor, Tensor]; // as above

  const before = mul(matmul(q, state.sums, { transposeB: true }), ofState);
  const waiting = matmul(mul(matmul(q, state.keys, { transposeB: true }), ofWindow), state.values);
  const score = mul(sum(mul(q, key), { axes: [-1], keepDims: true }), own);
  const sums = add(add(before, waiting), mul(value, score));
  return { out: normalized(sums).out, row: { key, value, logScale } };
}

/** The sums and their log scale C `[…, 1, 1]` with all of the window in them. */
export function foldWindow({ sums, keys, values, logScales }: WindowedState): {
  readonly sums: Tensor;
  readonly maximum: Tensor;
} {
  const maximum = max(logScales, { axes: [-1], keepDims: true });
  const scales = exp(sub(logScales, maximum));
  const W = keys.shape.at(-2) ?? 0;
  const [ofState, ofWindow] = split(scales, -1, [1, W]) as readonly [Tensor, Tensor]; // two lengths, two parts
  const added = mul(values, swapLastAxes(ofWindow));
  return { sums: add(mul(sums, ofState), matmul(added, keys, { transposeA: true })), maximum };
}
