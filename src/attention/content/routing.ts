/** Routing Transformer: attention among positions that are nearest to one centroid. */
import * as z from "zod";
import { customGradient } from "../../autodiff/custom-gradient.ts";
import { expectShapes } from "../../graph/expect-shapes.ts";
import { GraphError, problem } from "../../graph/errors.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { argmax } from "../../ops/argmax.ts";
import { mul, sub } from "../../ops/elementwise.ts";
import { oneHot } from "../../ops/composed.ts";
import { reshape } from "../../ops/layout.ts";
import { matmul } from "../../ops/matmul.ts";
import { layerNorm } from "../../ops/normalize.ts";
import { sum } from "../../ops/reduce.ts";
import { full, stopGradient } from "../../ops/source.ts";
import { sumSquares } from "../../ops/sum-squares.ts";
import { configurable } from "../configurable.ts";
import { bucketAttention, quotient } from "./banded.ts";
import { refuseContent } from "./uses.ts";

const options = z.strictObject({
  /** Centroids of a head. Default 16, the paper's for PG-19; its rule is √L. */
  numClusters: z.int().positive().default(16),
  /**
   * Members of the own cluster that a position sees: causal itself and the last window − 1; bidirectional as many
   * behind it too. Default 128: all of a cluster of usual size, L / 16, up to L = 2048.
   */
  window: z.int().positive().default(128),
});

/**
 * Attention within clusters: x = layerNorm(q) without gain or bias, keys are the queries, and each position belongs to
 * the nearest of numClusters trained centroids μ:
 *
 * a(i) = argmin_c ‖x_i − μ_c‖², out_i = softmax over j ∈ P_i of (x_i·x_j / √D) v_j.
 *
 * The published P_i is the same number of positions for every cluster, those nearest to its centroid in the whole
 * sequence: which they are depends on later tokens, and a position may be in several clusters or in none. Here a
 * position is in one, and P_i holds its members less than `window` places away, causal those up to i: nothing leaks,
 * and each output is one softmax.
 *
 * Centroids get the gradient of ½ mean ‖x − μ_a‖² / D (mean over positions and numbers of each head), in addition to
 * whatever loss is trained, instead of a moving average beside the graph: a gradient step is one of online k-means, its
 * rate in proportion to the members that a cluster got. Nothing else reaches the centroids, because a choice has no
 * gradient, and this one does not reach x. It is as it is, whatever the loss is multiplied by.
 *
 * `k` is only checked for its shape: the queries are the keys.
 *
 * Source: section 4, arXiv:2003.05997.
 */
export const routing = configurable("routing", options, ({ numClusters, window }) => ({
  name: "routing",
  summary: "attention among positions nearest to one of a head's trained centroids",
  complexity: "O(L·(log L + w + c))",
  sharesKeys: true,
  refuse: (use) => refuseContent(use, { numClusters, window }),
  // Layer-normalised rows have numbers of mean square 1, as normal ones.
  parameters: ({ numHeads, headDim }) => ({
    centroids: { shape: [numHeads, numClusters, headDim], init: { std: 1 } },
  }),
  initialise: () => undefined,
  apply: (q, k, v, { causal, keyMask, parameters, form = "fastest" }) => {
    const centroids = parameters?.["centroids"];
    if (centroids === undefined) {
      throw new GraphError(
        problem`routingAttention: parameters.centroids must be given, got nothing; see parameters()`,
      );
    }
    const { D } = expectShapes("routingAttention", {
      q: [q, "B H L D"],
      k: [k, "B H L D"],
      v: [v, "B H L E"],
      centroids: [centroids, `H ${numClusters} D`],
      ...(keyMask && { keyMask: [keyMask, "B L"] as const }),
    });
    const x = layerNorm(q, full([D], 1), full([D], 0));
    const buckets = nearest(stopGradient(x), stopGradient(centroids));
    const { sums } = bucketAttention({
      x,
      keyOf: (rows) => mul(rows, D ** -0.5),
      v,
      buckets,
      numBuckets: numClusters,
      window,
      causal,
      keyMask,
      form,
      selfLast: false,
    });
    return withKMeans(quotient(sums), centroids, { x: stopGradient(x), buckets, keyMask });
  },
}));

/** The nearest centroid, argmax x·μ − ‖μ‖²/2: x `[B, H, L, D]`, μ `[H, K, D]` → int32 `[B, H, L]`. */
function nearest(x: Tensor, centroids: Tensor): Tensor {
  const [H = 0, K = 0] = centroids.shape;
  const half = mul(reshape(sumSquares(centroids, { axes: [-1] }), [H, 1, K]), 0.5);
  return argmax(sub(matmul(x, centroids, { transposeB: true }), half));
}

interface Assignment {
  readonly x: Tensor;
  readonly buckets: Tensor;
  readonly keyMask: Tensor | undefined;
}

/**
 * The same output; where a gradient comes back to it, centroids get that of ½ mean ‖x − μ‖² / D: Σ (μ − x) / (B·L·D).
 */
function withKMeans(out: Tensor, centroids: Tensor, { x, buckets, keyMask }: Assignment): Tensor {
  return customGradient(
    { out, centroids },
    (given) => ({ out: given.out }),
    ({ out: dOut }) => {
      const [B = 0, H = 0, L = 0, D = 0] = x.shape;
      const K = centroids.shape[1] ?? 0;
      const belongs = oneHot(buckets, K);
      const members = keyMask ? mul(belongs, reshape(keyMask, [B, 1, L, 1])) : belongs;
      const total = sum(matmul(members, x, { transposeA: true }), { axes: [0] });
      const count = reshape(sum(members, { axes: [0, 2] }), [H, K, 1]);
      return { out: dOut, centroids: mul(sub(mul(centroids, count), total), 1 / (B * L * D)) };
    },
  ).out;
}
