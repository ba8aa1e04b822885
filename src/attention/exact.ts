/** Exact softmax attention: quadratic in the length, and what FAVOR+ approximates. */
import { expectShapes } from "../graph/expect-shapes.ts";
import { lazyArray, type NdArray } from "../graph/ndarray.ts";
import { add, mul, sub } from "../ops/elementwise.ts";
import { reshape } from "../ops/layout.ts";
import { matmul } from "../ops/matmul.ts";
import { softmax } from "../ops/normalize.ts";
import { constant } from "../ops/source.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { AttentionMechanism } from "./mechanism.ts";

/** Added to the score of a pair that must not attend: e to this is 0, and a row of nothing else stays finite. */
const HIDDEN = -1e30;

/**
 * softmax(q kᵀ / √D) v.
 *
 * A query none of whose keys is real gets the mean of what it may see by position.
 */
export const exact: AttentionMechanism = {
  name: "exact",
  summary: "exact softmax attention, quadratic in the length",
  complexity: "O(L²)",
  basisFree: true,
  initialise: () => undefined,
  apply: (q, k, v, { causal, keyMask }) => {
    const S = causal ? "L" : "S";
    const shapes = { q: [q, "B H L D"], k: [k, `B H ${S} D`], v: [v, `B H ${S} E`] } as const;
    const { L, D } = expectShapes("exactAttention", keyMask ? { ...shapes, keyMask: [keyMask, `B ${S}`] } : shapes);
    let scores = mul(matmul(q, k, { transposeB: true }), 1 / Math.sqrt(D ?? 1));
    if (keyMask) {
      const [batch = 0, keys = 0] = keyMask.shape;
      scores = add(scores, reshape(mul(sub(1, keyMask), HIDDEN), [batch, 1, 1, keys]));
    }
    if (causal) scores = add(scores, futureHidden(L ?? 0));
    return matmul(softmax(scores), v);
  },
};

/** The last mask that was made: all layers of a model share one array, which the file of its graph then holds once. */
let lastHidden: NdArray | undefined;

/** `[L, L]`: 0 for keys up to the query, far below any score for later ones. */
function futureHidden(length: number): Tensor {
  if (lastHidden?.shape[0] !== length) {
    lastHidden = lazyArray("float32", [length, length], () => {
      const values = new Float32Array(length * length);
      for (let t = 0; t < length; t++) values.fill(2 * HIDDEN, t * length + t + 1, (t + 1) * length);
      return values;
    });
  }
  return constant(lastHidden);
}
