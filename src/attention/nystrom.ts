/** Nyströmformer: softmax attention from the attention of and to a few landmarks. */
import * as z from "zod";
import { expectShapes } from "../graph/expect-shapes.ts";
import { ndarray } from "../graph/ndarray.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, div, maximum, minimum, mul, sub } from "../ops/elementwise.ts";
import { splitAxis, swapLastAxes } from "../ops/layout.ts";
import { matmul } from "../ops/matmul.ts";
import { max } from "../ops/maximum-along.ts";
import { softmax } from "../ops/normalize.ts";
import { sum } from "../ops/reduce.ts";
import { pad } from "../ops/slicing.ts";
import { constant, full } from "../ops/source.ts";
import { refuseCausal, requireBidirectional } from "./bidirectional-only.ts";
import { configurable } from "./configurable.ts";
import { paddedLength } from "./favor/chunks.ts";
import { maskColumn } from "./favor/maps/real.ts";
import { DENOMINATOR_GUARD, maskedScale } from "./favor/normalized.ts";
import type { AttentionMechanism } from "./mechanism.ts";

const SUMMARY = "Nyströmformer: softmax attention by way of segment means; bidirectional self-attention";

const options = z.strictObject({
  /** m, the number of segments. Default 64, as published: enough for sequences of 512 to 4096 tokens. */
  numLandmarks: z.int().min(1).default(64),
  /**
   * Steps towards the pseudo-inverse of the attention A between landmarks. Default 6, as published: about 5 % of A are
   * then still missing (‖AZA − A‖/‖A‖ for 64 landmarks of normal queries and keys of width 64), 0.5 % after 10, 1e-6
   * after 20.
   */
  inverseIterations: z.int().min(1).default(6),
});

/**
 * softmax(q K̃ᵀ/√D) · softmax(Q̃ K̃ᵀ/√D)⁺ · softmax(Q̃ kᵀ/√D) v, with landmarks Q̃, K̃ the means of ⌈L/m⌉ tokens that
 * stand together.
 *
 * The inverse ⁺ is the limit of products of third order. Padding counts in no mean, and a segment of nothing else is no
 * landmark. Where each token would be a landmark this is softmax attention itself, and computed so. A sequence without
 * any real key gives 0.
 *
 * The published model adds a depthwise convolution of the values to the output, as an option; it is not part of this.
 *
 * Source: equations 13 and 14 and algorithm 1, arXiv:2102.03902.
 */
export const nystrom = configurable("nystrom", options, ({ numLandmarks, inverseIterations }) => {
  const mechanism: AttentionMechanism = {
    name: "nystrom",
    summary: SUMMARY,
    complexity: "O(L·m)",
    basisFree: true,
    initialise: () => undefined,
    refuse: (use) => {
      if (use.cross) {
        return {
          rule: "queries and keys must be of one sequence, for landmarks pair their segments",
          got: "cross-attention",
          fix: "use 'favor', 'linear', 'efficient', 'linformer' or 'exact' there",
        };
      }
      if (numLandmarks <= use.maxSeqLen) return refuseCausal(use);
      return {
        rule: `numLandmarks must be at most the longest sequence, ${use.maxSeqLen}`,
        got: String(numLandmarks),
        fix: "make it smaller, or use 'exact', which is faster for sequences so short",
      };
    },
    apply: (q, k, v, { causal, keyMask, queryMask }) => {
      requireBidirectional("nystrom", causal);
      const shapes = {
        q: [q, "B H L D"],
        k: [k, "B H L D"],
        v: [v, "B H L E"],
        ...(keyMask && { keyMask: [keyMask, "B L"] }),
        ...(queryMask && { queryMask: [queryMask, "B L"] }),
      } satisfies Record<string, readonly [Tensor, string]>;
      const { L = 0, D = 1 }: Record<string, number> = expectShapes("nystrom", shapes);
      const queries = mul(q, D ** -0.5);
      const mask = keyMask && maskColumn(keyMask);
      const segment = Math.ceil(L / numLandmarks);
      if (segment === 1) return matmul(maskedSoftmax(queries, k, mask), v);
      const ofQueries = landmarks(queries, queryMask ? maskColumn(queryMask) : mask, segment);
      const ofKeys = landmarks(k, mask, segment);
      const between = mul(maskedSoftmax(ofQueries.means, ofKeys.means, ofKeys.real), ofQueries.real);
      const inverse = pseudoInverse(between, inverseIterations);
      const summary = matmul(inverse, matmul(maskedSoftmax(ofQueries.means, k, mask), v));
      return matmul(maskedSoftmax(queries, ofKeys.means, ofKeys.real), summary);
    },
  };
  return mechanism;
});

/** softmax(q kᵀ) over the real keys; 0 where there is none. @param mask `[B, 1, S, 1]`, 1 for a real key */
function maskedSoftmax(q: Tensor, k: Tensor, mask: Tensor | undefined): Tensor {
  const scores = matmul(q, k, { transposeB: true });
  if (mask === undefined) return softmax(scores);
  const row = swapLastAxes(mask);
  return mul(softmax(maskedScale(scores, row)), row);
}

interface Landmarks {
  /** The mean of the real tokens of each segment, `[B, H, m, D]`. */
  readonly means: Tensor;
  /** 1 where there are any, else 0: `[B, 1, m, 1]`. */
  readonly real: Tensor;
}

/** @param x `[B, H, L, D]` @param mask `[B, 1, L, 1]` */
function landmarks(x: Tensor, mask: Tensor | undefined, segment: number): Landmarks {
  const length = x.shape[2] ?? 0;
  const padded = paddedLength(length, segment);
  const sums = (tokens: Tensor) =>
    sum(splitAxis(pad(tokens, 2, 0, padded - length), 2, padded / segment), { axes: [3] });
  const counts = sums(mask ?? full([1, 1, length, 1], 1));
  const means = div(sums(mask ? mul(x, mask) : x), maximum(counts, 1));
  return { means, real: minimum(counts, 1) };
}

/**
 * Z ← ¼ Z (13 − AZ (15 − AZ (7 − AZ))) from Z = Aᵀ / ‖A‖₁, for matrices A whose rows sum to 1 or are 0. Rows and
 * columns of zeros stay so.
 *
 * @param A `[B, H, m, m]`
 */
function pseudoInverse(A: Tensor, iterations: number): Tensor {
  const size = A.shape.at(-1) ?? 0;
  const identity = Float32Array.from({ length: size * size }, (_, index) => Number(index % (size + 1) === 0));
  const times = (factor: number) =>
    constant(
      ndarray(
        identity.map((value) => factor * value),
        [size, size],
      ),
    );
  const columns = sum(A, { axes: [-2], keepDims: true });
  const norm = max(columns, { axes: [-1], keepDims: true });
  let Z = div(swapLastAxes(A), add(norm, DENOMINATOR_GUARD));
  for (let iteration = 0; iteration < iterations; iteration++) {
    const AZ = matmul(A, Z);
    const inner = sub(times(15), matmul(AZ, sub(times(7), AZ)));
    Z = mul(matmul(Z, sub(times(13), matmul(AZ, inner))), 0.25);
  }
  return Z;
}
