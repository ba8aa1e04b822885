/** Linear attention one token at a time: a state of fixed size, so that a step costs the same at any position. */
import { fromFloat64, zeros } from "../../graph/ndarray.ts";
import { add, exp, maximum, mul, sub } from "../../ops/elementwise.ts";
import { matmul } from "../../ops/matmul.ts";
import type { RecurrentForm } from "../mechanism.ts";
import { queryFeatures, type FeatureMap, type MapInputs, type Statistics } from "./maps/feature-map.ts";
import { LOG_ZERO, normalized, scaledKeys, withOnes } from "./normalized.ts";

/**
 * State: `sums` S `[B, H, M, E + 1]`, and for maps with log scales its `maximum` C `[B, H, 1, 1]`.
 *
 *   C′ = max(C, c),   S′ = exp(C − C′)·S + exp(c − C′)·φ̂ v′ᵀ,   out = normalised φ(q) S′
 *
 * @param adapt gives the queries, keys and projection that the map reads
 */
export function recurrentForm(
  map: FeatureMap,
  adapt: (inputs: MapInputs, statistics: Statistics | undefined) => MapInputs,
): RecurrentForm {
  return {
    initialState: ({ B, H, E, M }) => ({
      sums: zeros([B, H, map.featuresPerRow * M, E + 1]),
      ...(map.kind !== "plain" && {
        maximum: fromFloat64(new Float64Array(B * H).fill(LOG_ZERO), [B, H, 1, 1], "float32"),
      }),
    }),
    step: (q, k, v, { sums, maximum: before }, options) => {
      if (sums === undefined || options.projection === undefined) {
        throw new TypeError("favorAttention: a step must have the state 'sums' and a projection; use initialState");
      }
      const adapted = adapt({ q, k, projection: options.projection }, options.statistics);
      const { features, logScale } = scaledKeys(map, adapted.k, adapted.projection, undefined);
      const values = withOnes(v);
      const top = logScale && before && maximum(logScale, before);
      const carried = top && before ? mul(sums, exp(sub(before, top))) : sums;
      const added = top && logScale ? mul(values, exp(sub(logScale, top))) : values;
      const next = add(carried, matmul(features, added, { transposeA: true }));
      const { out } = normalized(matmul(queryFeatures(map, adapted.q, adapted.projection), next));
      return { out, state: { sums: next, ...(top && { maximum: top }) } };
    },
  };
}
