/**
 * Linear attention over parts of any length by the engine's op of prefix sums: one graph for prompts and single tokens.
 */
import { zeros } from "../../graph/ndarray.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { withOnes } from "../../ops/composed.ts";
import { add, exp, maximum, mul, sub } from "../../ops/elementwise.ts";
import { reshape, transpose } from "../../ops/layout.ts";
import { linearAttention } from "../../ops/linear-attention.ts";
import { max } from "../../ops/maximum-along.ts";
import { expand } from "../../ops/reduce.ts";
import { concat, slice } from "../../ops/slicing.ts";
import { full } from "../../ops/source.ts";
import { lowerTriangle } from "../../ops/triangle.ts";
import type { AnyLengthForm } from "../mechanism.ts";
import type { FeatureMap, MapInputs, Statistics } from "../feature-map.ts";
import { queryFeatures } from "./maps/features.ts";
import { LOG_ZERO, maximumOf, noMaximum, normalized, scaledKeys, sumsOf } from "./normalized.ts";
import { requireProjection } from "./projections.ts";

/**
 * State: `sums` S `[B, H, M, E + 1]`, and for maps with log scales its `maximum` C `[B, H, 1, 1]`. As one step after
 * the other:
 *
 *   C_t = max(C_{t−1}, c_t),   S_t = exp(C_{t−1} − C_t)·S_{t−1} + exp(c_t − C_t)·φ̂_t v′_tᵀ,
 *   out_t = normalised S_tᵀ φ(q_t)
 *
 * The rescaling is the op's decay, so that no exponent is ever above 0. Of a part of T tokens T² numbers a head are
 * held, for C.
 */
export function anyLengthForm(
  map: FeatureMap,
  adapt: (inputs: MapInputs, statistics: Statistics | undefined) => MapInputs,
): AnyLengthForm {
  return {
    initialState: ({ B, H, E, M }) => ({
      sums: zeros([B, H, map.featuresPerRow * M, E + 1]),
      ...(map.kind !== "plain" && { maximum: noMaximum(B, H) }),
    }),
    extend: (q, k, v, given, { projection, statistics }) => {
      const adapted = adapt({ q, k, projection: requireProjection(projection) }, statistics);
      const keys = scaledKeys(map, adapted.k, adapted.projection, undefined);
      const scales = keys.logScale && runningScales(keys.logScale, maximumOf(given));
      const values = withOnes(v);
      const [B = 0, H = 0, T = 0] = q.shape;
      const packed = (x: Tensor) => reshape(transpose(x, [0, 2, 1, 3]), [B, T, H * (x.shape[3] ?? 0)]);
      const { out, state } = linearAttention(
        packed(queryFeatures(map, adapted.q, adapted.projection)),
        packed(keys.features),
        packed(scales ? mul(values, exp(scales.ofKeys)) : values),
        { state: sumsOf(given), decay: scales && packed(scales.ofStates), numHeads: H },
      );
      const results = transpose(reshape(out, [B, T, H, values.shape[3] ?? 0]), [0, 2, 1, 3]);
      return { out: normalized(results).out, state: { sums: state, ...(scales && { maximum: scales.last }) } };
    },
  };
}

/**
 * Logarithms: of keys c_t − C_t and of the states before them C_{t−1} − C_t, both `[B, H, T, 1]`, and C of the last,
 * `[B, H, 1, 1]`.
 */
function runningScales(c: Tensor, before: Tensor) {
  const [B = 0, H = 0, T = 0] = c.shape;
  const ones = expand(full([1, 1], 1), [T, T]);
  const later = mul(sub(1, lowerTriangle(ones)), LOG_ZERO);
  const ownMaximum = max(add(reshape(c, [B, H, 1, T]), later), { axes: [-1], keepDims: true });
  const running = maximum(ownMaximum, before);
  const previous = slice(concat([before, running], 2), 2, 0, T);
  return { ofKeys: sub(c, running), ofStates: sub(previous, running), last: slice(running, 2, T - 1, T) };
}
