/** Linear attention one token at a time: a state of fixed size, so that a step costs the same at any position. */
import { zeros } from "../../graph/ndarray.ts";
import { withOnes } from "../../ops/composed.ts";
import { add, exp, maximum, mul, sub } from "../../ops/elementwise.ts";
import { matmul } from "../../ops/matmul.ts";
import { stopGradient } from "../../ops/source.ts";
import type { AttentionState, RecurrentForm } from "../mechanism.ts";
import { anyLengthForm } from "./any-length.ts";
import { attendWindow, foldWindow } from "./decode-window.ts";
import { causalScanPart, type CausalState } from "./causal-scan.ts";
import type { FeatureMap, MapInputs, Statistics } from "../feature-map.ts";
import { queryFeatures } from "./maps/features.ts";
import { requireProjection } from "./projections.ts";
import { maximumOf, noMaximum, normalized, scaledKeys, sumsOf } from "./normalized.ts";

/**
 * State: `sums` S `[B, H, E + 1, M]`, and for maps with log scales its `maximum` C `[B, H, 1, 1]`.
 *
 *   C′ = max(C, c),   S′ = exp(C − C′)·S + exp(c − C′)·v′ φ̂ᵀ,   out = normalised S′ φ(q)
 *
 * @param adapt gives the queries, keys and projection that the map reads
 */
export function recurrentForm(
  map: FeatureMap,
  adapt: (inputs: MapInputs, statistics: Statistics | undefined) => MapInputs,
): RecurrentForm {
  return {
    initialState: ({ B, H, E, M }) => ({
      sums: zeros([B, H, E + 1, map.featuresPerRow * M]),
      ...(map.kind !== "plain" && { maximum: noMaximum(B, H) }),
    }),
    differentiable: ["sums"],
    step: (q, k, v, state, options) => {
      const { S, C: before } = stateOf(map, state);
      const adapted = adapt({ q, k, projection: requireProjection(options.projection) }, options.statistics);
      const { features, logScale } = scaledKeys(map, adapted.k, adapted.projection, undefined);
      const values = withOnes(v);
      // A scale that cancels: without a gradient, as in the chunked form, so that the state's sums alone carry one.
      const top = logScale && before && stopGradient(maximum(logScale, before));
      const carried = top && before ? mul(S, exp(sub(before, top))) : S;
      const added = top && logScale ? mul(values, exp(sub(logScale, top))) : values;
      const next = add(carried, matmul(added, features, { transposeA: true }));
      const { out } = normalized(matmul(queryFeatures(map, adapted.q, adapted.projection), next, { transposeB: true }));
      return { out, state: named({ S: next, C: top }) };
    },
    extend: (q, k, v, state, options) => {
      const adapted = adapt({ q, k, projection: requireProjection(options.projection) }, options.statistics);
      const spec = { map, projection: adapted.projection };
      const part = causalScanPart(stateOf(map, state), adapted.q, adapted.k, v, spec);
      return { out: part.out, state: named(part.state) };
    },
    windowed: {
      featuresOf: (rows) => map.featuresPerRow * rows,
      attend: (queriesAndKeys, value, projection, state) =>
        attendWindow(map, queriesAndKeys, value, requireProjection(projection), state),
      fold: foldWindow,
    },
    anyLength: anyLengthForm(map, adapt),
  };
}

function stateOf({ kind }: FeatureMap, state: AttentionState): CausalState {
  return { S: sumsOf(state), C: kind === "plain" ? undefined : maximumOf(state) };
}

function named({ S, C }: CausalState): AttentionState {
  return { sums: S, ...(C && { maximum: C }) };
}
