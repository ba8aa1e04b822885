/** Exact softmax attention: quadratic in the length, and what FAVOR+ approximates. */
import { expectShapes } from "../graph/expect-shapes.ts";
import { lazyArray, type NdArray } from "../graph/ndarray.ts";
import { add, mul, sub } from "../ops/elementwise.ts";
import { reshape, splitAxis, transpose } from "../ops/layout.ts";
import { matmul } from "../ops/matmul.ts";
import { softmax } from "../ops/normalize.ts";
import { scan } from "../ops/scan.ts";
import { pad, slice } from "../ops/slicing.ts";
import { constant } from "../ops/source.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { AttentionMechanism } from "./mechanism.ts";

/** Added to the score of a pair that must not attend: e to this is 0, and a row of nothing else stays finite. */
const HIDDEN = -1e30;

/** More scores than this, 1 GiB of them, are not there all at once. */
const MOST_SCORES = 2 ** 28;
/** Queries of a block then: fewer are slower, and with 12 heads and 32,768 keys these have scores of 0.4 GB. */
const QUERY_BLOCK = 256;

/**
 * softmax(q kᵀ / √D) v.
 *
 * Without causality, and where there are loops, long sequences go by blocks of queries: as many operations, in memory
 * that grows with the length instead of its square. A query none of whose keys is real gets the mean of what it may see
 * by position.
 */
export const exact: AttentionMechanism = {
  name: "exact",
  summary: "exact softmax attention, quadratic in the length",
  complexity: "O(L²)",
  basisFree: true,
  wholeBlocks: { least: 1 },
  initialise: () => undefined,
  apply: (q, k, v, { causal, keyMask, form }) => {
    const S = causal ? "L" : "S";
    const shapes = { q: [q, "B H L D"], k: [k, `B H ${S} D`], v: [v, `B H ${S} E`] } as const;
    const { L, D } = expectShapes("exactAttention", keyMask ? { ...shapes, keyMask: [keyMask, `B ${S}`] } : shapes);
    const scale = 1 / Math.sqrt(D ?? 1);
    const hidden = keyMask && hiddenKeys(keyMask);
    const scores = (queries: Tensor) => {
      const all = mul(matmul(queries, k, { transposeB: true }), scale);
      return hidden ? add(all, hidden) : all;
    };
    if (causal) return matmul(softmax(add(scores(q), futureHidden(L ?? 0))), v);
    const attend = (queries: Tensor) => matmul(softmax(scores(queries)), v);
    const [batch = 0, heads = 0, length = 0] = q.shape;
    const isLong = batch * heads * length * (k.shape[2] ?? 0) > MOST_SCORES;
    return form !== "parallel" && isLong ? inBlocks(q, attend) : attend(q);
  },
};

/** `[B, S]` of ones and zeros → `[B, 1, 1, S]`, what is added to scores. */
function hiddenKeys(keyMask: Tensor): Tensor {
  const [batch = 0, keys = 0] = keyMask.shape;
  return reshape(mul(sub(1, keyMask), HIDDEN), [batch, 1, 1, keys]);
}

/** A function of queries `[B, H, C, D]` for those of `[B, H, L, D]`, one block after the other. */
function inBlocks(q: Tensor, attend: (queries: Tensor) => Tensor): Tensor {
  const [, , length = 0] = q.shape;
  const count = Math.ceil(length / QUERY_BLOCK);
  const padded = splitAxis(pad(q, 2, 0, count * QUERY_BLOCK - length), 2, count);
  const { outputs } = scan({
    carry: {},
    // The axis that a loop goes along is the first.
    sequences: { queries: transpose(padded, [2, 0, 1, 3, 4]) },
    body: (_, { queries }) => ({ carry: {}, outputs: { out: attend(queries) } }),
  });
  const out = transpose(outputs.out, [1, 2, 0, 3, 4]);
  const [batch = 0, heads = 0, , , width = 0] = out.shape;
  return slice(reshape(out, [batch, heads, count * QUERY_BLOCK, width]), 2, 0, length);
}

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
