/** Reformer: attention among positions that random rotations hash into one bucket. */
import * as z from "zod";
import { expectShapes } from "../../graph/expect-shapes.ts";
import { GraphError, problem } from "../../graph/errors.ts";
import { ndarray } from "../../graph/ndarray.ts";
import { sizeOf, type Shape } from "../../graph/shape.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { argmax } from "../../ops/argmax.ts";
import { add, exp, mul, neg, reciprocal, sqrt, sub } from "../../ops/elementwise.ts";
import { reshape, transpose } from "../../ops/layout.ts";
import { matmul } from "../../ops/matmul.ts";
import { max } from "../../ops/maximum-along.ts";
import { expand, sum } from "../../ops/reduce.ts";
import { concat } from "../../ops/slicing.ts";
import { stopGradient } from "../../ops/source.ts";
import { sumSquares } from "../../ops/sum-squares.ts";
import { fillNormal } from "../../random/index.ts";
import { configurable } from "../configurable.ts";
import type { ProjectionChoice, ProjectionSizes } from "../mechanism.ts";
import { bucketAttention, quotient, type BucketSums } from "./banded.ts";
import { refuseContent } from "./uses.ts";

const options = z.strictObject({
  /**
   * Buckets of a round, an even number: the two ends of each rotation. Default 32: half a window a bucket at L = 1024,
   * the size that Hugging Face's num_buckets aims at; of longer buckets the nearest members are read. Hashing costs O(L
   * · numBuckets).
   */
  numBuckets: z.int().min(2).multipleOf(2).default(32),
  /**
   * Hashes with rotations of their own; what one misses, another may find. Default 2: each costs as much again, one
   * alone (Hugging Face's default of num_hashes) separates many neighbours, and 4 to 8 come near to exact attention
   * (figure 4 of the paper).
   */
  numRounds: z.int().positive().default(2),
  /**
   * Members of the own bucket that a position sees in a round: causal itself and the last window − 1; bidirectional as
   * many behind it too. Default 64, Hugging Face's lsh_attn_chunk_length.
   */
  window: z.int().positive().default(64),
});

/** Added to the mean square of a query before its root is taken, as the authors do. */
const NORM_EPSILON = 1e-6;

/**
 * LSH attention: keys are the queries at length 1, and a position attends to those that fall into its bucket.
 *
 * h(x) = argmax [xR; −xR] with R `[D, numBuckets / 2]` ~ N(0, 1), in numRounds rounds r; out_i = Σ_r Σ_{j ∈ P_i^r}
 * exp(q_i·k_j) v_j / Σ_r Σ_{j ∈ P_i^r} exp(q_i·k_j), k_j = q_j / ‖q_j‖, that is the outputs of the rounds weighted by
 * the softmax of their log-sum-exps. A position attends to itself only if it sees nothing else in any round. There is
 * no further 1/√D: the authors' code divides keys of length √D by √D, and so do we.
 *
 * The published P_i^r is the chunk, cut from the sorted sequence, and the chunk before. Where those cuts fall depends
 * on every later token, so that a causal model's past would change with its future. Here P_i^r holds the members of the
 * bucket less than `window` places away in sorted order, causal those before i: the nearest earlier ones, whatever
 * follows. A key met in several rounds counts in each, as in the authors' code; the 1/N_ij of the paper's appendix A
 * would undo that.
 *
 * `k` is only checked for its shape: the queries are the keys. The rotations are shared by all heads, or drawn for each
 * with `perHead`; the projection's other options and numFeatures mean nothing here.
 *
 * Source: section 2 and appendix A, arXiv:2001.04451.
 */
export const reformer = configurable("reformer", options, ({ numBuckets, numRounds, window }) => ({
  name: "reformer",
  summary: "attention among positions that random rotations hash into one bucket (LSH)",
  complexity: "O(r·L·(log L + w))",
  sharesKeys: true,
  refuse: (use) => refuseContent(use, { numBuckets, window }),
  initialise: (random, sizes) => {
    const shape = rotationsShape((numRounds * numBuckets) / 2, sizes);
    return { projection: ndarray(fillNormal(random, new Float32Array(sizeOf(shape))), shape) };
  },
  projectionShape: (sizes) => rotationsShape((numRounds * numBuckets) / 2, sizes),
  apply: (q, k, v, { causal, keyMask, projection, form = "fastest" }) => {
    if (projection === undefined) {
      throw new GraphError(
        problem`reformerAttention: projection must be given, got nothing; draw one with initialise()`,
      );
    }
    const { B, H, L, D } = expectShapes("reformerAttention", {
      q: [q, "B H L D"],
      k: [k, "B H L D"],
      v: [v, "B H L E"],
      projection: [projection, `${projection.shape.length === 3 ? "H " : ""}${(numRounds * numBuckets) / 2} D`],
      ...(keyMask && { keyMask: [keyMask, "B L"] as const }),
    });
    const eachRound = (x: Tensor) => {
      const width = x.shape.at(-1) ?? 0;
      return reshape(expand(reshape(x, [B, H, 1, L, width]), [B, H, numRounds, L, width]), [
        B,
        H * numRounds,
        L,
        width,
      ]);
    };
    const rounds = bucketAttention({
      x: eachRound(q),
      keyOf: (x) => {
        const meanSquare = mul(sumSquares(x, { axes: [-1], keepDims: true }), 1 / D);
        return mul(x, mul(reciprocal(sqrt(add(meanSquare, NORM_EPSILON))), D ** -0.5));
      },
      v: eachRound(v),
      buckets: reshape(hashes(stopGradient(q), projection, numRounds), [B, H * numRounds, L]),
      numBuckets,
      window,
      causal,
      keyMask,
      form,
      selfLast: true,
    });
    return quotient(combined(rounds, numRounds));
  },
}));

/** The shape of rotations for all heads, or for each. */
function rotationsShape(
  rows: number,
  {
    headDim,
    numHeads = 1,
    projection,
  }: Pick<ProjectionSizes, "headDim" | "numHeads"> & { projection?: ProjectionChoice },
): Shape {
  return projection?.perHead === true ? [numHeads, rows, headDim] : [rows, headDim];
}

/** Buckets of every round: x `[B, H, L, D]` → int32 `[B, H, R, L]`. */
function hashes(x: Tensor, rotations: Tensor, numRounds: number): Tensor {
  const rotated = matmul(x, rotations, { transposeB: true });
  const byRound = reshape(rotated, [...x.shape.slice(0, 3), numRounds, -1]);
  return transpose(argmax(concat([byRound, neg(byRound)], -1)), [0, 1, 3, 2]);
}

/** Sums of all rounds under their common maximum: `[B, H·R, L, E + 1]` → `[B, H, L, E + 1]`. */
function combined({ sums, maximum }: BucketSums, numRounds: number): Tensor {
  const [B = 0, heads = 0, L = 0, width = 0] = sums.shape;
  const byRound = (x: Tensor) => reshape(x, [B, heads / numRounds, numRounds, L, -1]);
  const tops = byRound(maximum);
  const weights = stopGradient(exp(sub(tops, max(tops, { axes: [2], keepDims: true }))));
  return numRounds === 1 ? sums : reshape(sum(mul(byRound(sums), weights), { axes: [2] }), [B, -1, L, width]);
}
