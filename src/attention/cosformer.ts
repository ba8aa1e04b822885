/** cosFormer: linear attention with ReLU features, in which near tokens count more than far ones. */
import * as z from "zod";
import { GraphError, problem } from "../graph/errors.ts";
import { countingUp, lazyArray, zeros, type NdArray } from "../graph/ndarray.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, cos, minimum, mul, relu, sin } from "../ops/elementwise.ts";
import { concat } from "../ops/slicing.ts";
import { constant } from "../ops/source.ts";
import { configurable } from "./configurable.ts";
import { rowFeaturesMechanism } from "./favor/row-features.ts";
import type { AttentionMechanism, AttentionState, RecurrentForm, RecurrentStep } from "./mechanism.ts";

const SUMMARY = "cosFormer: ReLU features, reweighted by the cosine of the distance";

const options = z.strictObject({
  /**
   * M, the length at which a token's weight has fallen to 0: at least the longest sequence, for beyond it weights would
   * be negative. Default 1024, as that of a model's maxSeqLen. It is part of what a model has learned, so it does not
   * follow the sequence at hand, as in the published code, where a token would weigh otherwise once more text follows.
   */
  maxLength: z.int().min(1).default(1024),
});

/** Linear attention of features that are ready. */
const ready = rowFeaturesMechanism({ name: "cosformer", summary: SUMMARY, features: (x) => x });

/**
 * out_t = Σ_s w_ts v_s / Σ_s w_ts with w_ts = relu(q_t)·relu(k_s) cos(π/2 · (t − s)/M).
 *
 * By cos(a − b) = cos a cos b + sin a sin b that is linear attention with the features [relu(x_i) cos(πi/2M), relu(x_i)
 * sin(πi/2M)] of the token at position i. Angles are below π/2, so no feature is negative. A query all of whose
 * products are 0 gets 0. In cross attention queries and keys both count from 0.
 *
 * Source: equations 10 to 12, arXiv:2202.08791.
 */
export const cosformer = configurable("cosformer", options, ({ maxLength }) => {
  const mechanism: AttentionMechanism & { readonly recurrent: RecurrentForm } = {
    name: "cosformer",
    summary: SUMMARY,
    complexity: "O(L)",
    wholeBlocks: { least: 1 },
    initialise: () => undefined,
    refuse: ({ maxSeqLen }) =>
      maxSeqLen <= maxLength
        ? undefined
        : {
            rule: `maxLength must be at least the longest sequence, ${maxSeqLen}`,
            got: String(maxLength),
            fix: `give mechanism { name: 'cosformer', maxLength: ${maxSeqLen} }`,
          },
    apply: (q, k, v, given) => {
      const [queries, keys] = [q, k].map((x) => reweighted(x, knownAngles(x.shape[2] ?? 0, maxLength)));
      return ready.apply(queries as Tensor, keys as Tensor, v, given); // two went in
    },
    // Its position tells a token's features, so no window of decoding serves, whose queries and keys come without one.
    recurrent: {
      initialState: withPosition(ready.recurrent.initialState),
      differentiable: ready.recurrent.differentiable,
      step: advance(ready.recurrent.step, maxLength),
      extend: advance(ready.recurrent.extend, maxLength),
      anyLength: {
        initialState: withPosition(ready.recurrent.anyLength.initialState),
        extend: advance(ready.recurrent.anyLength.extend, maxLength),
      },
    },
  };
  return mechanism;
});

interface Angles {
  readonly cos: Tensor;
  readonly sin: Tensor;
}

/** `[B, H, L, D]` → `[B, H, L, 2D]`. */
function reweighted(x: Tensor, angles: Angles): Tensor {
  const features = relu(x);
  return concat([mul(features, angles.cos), mul(features, angles.sin)], -1);
}

/** Angles of the positions 0 … length − 1, `[length, 1]`. */
function knownAngles(length: number, maxLength: number): Angles {
  if (length > maxLength) {
    throw new GraphError(
      problem`cosformer: a sequence must have at most maxLength ${maxLength} tokens, got ${length}; give a larger
      maxLength`,
    );
  }
  const along = (of: (angle: number) => number): NdArray =>
    lazyArray("float32", [length, 1], () =>
      Float32Array.from({ length }, (_, position) => of((Math.PI / 2 / maxLength) * position)),
    );
  return { cos: constant(along(Math.cos)), sin: constant(along(Math.sin)) };
}

/** The state of both halves of the features, and the position. */
function withPosition(initialState: RecurrentForm["initialState"]): RecurrentForm["initialState"] {
  return (sizes) => ({ ...initialState({ ...sizes, D: 2 * sizes.D }), position: zeros([sizes.B, 1, 1, 1]) });
}

/**
 * With the position in the state. From maxLength on all tokens stand at the last position, where weights are still
 * above 0.
 */
function advance(step: RecurrentStep, maxLength: number): RecurrentStep {
  return (q, k, v, { position, ...state }, given) => {
    if (position === undefined) {
      throw new GraphError(problem`cosformer: a step must have the state 'position', got none; use initialState`);
    }
    const length = q.shape[2] ?? 0;
    const positions = minimum(add(position, constant(countingUp("float32", [length, 1]))), maxLength - 1);
    const angle = mul(positions, Math.PI / 2 / maxLength);
    const angles = { cos: cos(angle), sin: sin(angle) };
    const { out, state: next } = step(reweighted(q, angles), reweighted(k, angles), v, state, given);
    const nextState: AttentionState = { ...next, position: add(position, length) };
    return { out, state: nextState };
  };
}
