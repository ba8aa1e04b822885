/** Linear attention whose features are functions of the rows themselves: nothing random, nothing drawn. */
import type { Tensor } from "../../graph/tensor.ts";
import { full } from "../../ops/source.ts";
import type { AttentionMechanism, RecurrentForm, SummarisedForm } from "../mechanism.ts";
import { favorMechanism } from "./favor.ts";
import type { FeatureMap } from "../feature-map.ts";
import { usual } from "./maps/features.ts";

export interface RowFeaturesOptions {
  readonly name: string;
  readonly summary: string;
  /** φ, `[…, D]` → `[…, D]`: never negative. */
  readonly features: (x: Tensor) => Tensor;
}

/** All its forms are there. */
export type RowFeaturesMechanism = AttentionMechanism & {
  readonly recurrent: Required<RecurrentForm>;
  readonly summarised: SummarisedForm;
};

/**
 * out_t = Σ_s φ(q_t)·φ(k_s) v_s / Σ_s φ(q_t)·φ(k_s), by the graphs of FAVOR+.
 *
 * A query all of whose products are 0 gets 0.
 */
export function rowFeaturesMechanism({ name, summary, features }: RowFeaturesOptions): RowFeaturesMechanism {
  const map: FeatureMap = {
    ...usual,
    name,
    summary,
    kind: "plain",
    features: (x) => ({ kind: "plain", features: features(x) }),
  };
  const { apply, recurrent, summarised } = favorMechanism(map, name) as Required<AttentionMechanism>; // a map without statistics
  const { windowed, anyLength } = recurrent as Required<RecurrentForm>; // every map has them
  return {
    name,
    summary,
    complexity: "O(L)",
    wholeBlocks: { least: 1 },
    initialise: () => undefined,
    apply: (q, k, v, options) => apply(q, k, v, { ...options, projection: rowsFor(q) }),
    recurrent: {
      initialState: (sizes) => recurrent.initialState({ ...sizes, M: sizes.D }),
      differentiable: recurrent.differentiable,
      step: (q, k, v, state) => recurrent.step(q, k, v, state, { projection: rowsFor(q) }),
      extend: (q, k, v, state) => recurrent.extend(q, k, v, state, { projection: rowsFor(q) }),
      windowed: {
        featuresOf: (_rows, headDim) => headDim,
        attend: (queriesAndKeys, value, _projection, state) =>
          windowed.attend(queriesAndKeys, value, rowsFor(queriesAndKeys), state),
        fold: windowed.fold,
      },
      anyLength: {
        initialState: (sizes) => anyLength.initialState({ ...sizes, M: sizes.D }),
        extend: (q, k, v, state) => anyLength.extend(q, k, v, state, { projection: rowsFor(q) }),
      },
    },
    summarised: {
      summarise: (k, v, options) => summarised.summarise(k, v, { ...options, projection: rowsFor(k) }),
      read: (q, summary, options) => summarised.read(q, summary, { ...options, projection: rowsFor(q) }),
    },
  };
}

/**
 * In the place of a projection, of which the graphs read how many features there are. No feature depends on it, so no
 * graph holds it.
 *
 * @returns `[D, D]`
 */
function rowsFor(x: Tensor): Tensor {
  const headDim = x.shape.at(-1) ?? 1;
  return full([headDim, headDim], 0);
}
