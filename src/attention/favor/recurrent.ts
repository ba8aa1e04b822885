/** Linear attention one token at a time: a state of fixed size, so that a step costs the same at any position. */
import { fromFloat64, zeros } from "../../graph/ndarray.ts";
import { add, exp, maximum, mul, sub } from "../../ops/elementwise.ts";
import { matmul } from "../../ops/matmul.ts";
import type { RecurrentForm } from "../mechanism.ts";
import type { FeatureMap } from "./feature-maps.ts";
import { LOG_ZERO, normalized, scaledKeys, withOnes } from "./normalized.ts";

/**
 * State: `sums` S `[B, H, M, E + 1]`, and for maps with log scales its `maximum` C `[B, H, 1, 1]`.
 *
 *   C′ = max(C, c),   S′ = exp(C − C′)·S + exp(c − C′)·φ̂ v′ᵀ,   out = normalised φ(q) S′
 */
export function recurrentForm(map: FeatureMap): RecurrentForm {
  return {
    initialState: ({ B, H, E, M }) => ({
      sums: zeros([B, H, M, E + 1]),
      ...(map.kind === "exponential" && {
        maximum: fromFloat64(new Float64Array(B * H).fill(LOG_ZERO), [B, H, 1, 1], "float32"),
      }),
    }),
    step: (q, k, v, { sums, maximum: before }, { projection }) => {
      if (sums === undefined || projection === undefined) {
        throw new TypeError("favorAttention: a step must have the state 'sums' and a projection; use initialState");
      }
      const { features, logScale } = scaledKeys(map, k, projection, undefined);
      const values = withOnes(v);
      const top = logScale && before && maximum(logScale, before);
      const carried = top && before ? mul(sums, exp(sub(before, top))) : sums;
      const added = top && logScale ? mul(values, exp(sub(logScale, top))) : values;
      const next = add(carried, matmul(features, added, { transposeA: true }));
      const { out } = normalized(matmul(map.query(q, projection), next));
      return { out, state: { sums: next, ...(top && { maximum: top }) } };
    },
  };
}
