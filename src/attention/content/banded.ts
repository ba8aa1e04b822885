/**
 * Softmax attention among the nearest members of one's own bucket: what attention by hashing and by clustering share.
 */
import { ndarray } from "../../graph/ndarray.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { withOnes } from "../../ops/composed.ts";
import { cast, equal, where } from "../../ops/compare.ts";
import { add, exp, maximum, mul, reciprocal, sub } from "../../ops/elementwise.ts";
import { gather } from "../../ops/gather.ts";
import { reshape } from "../../ops/layout.ts";
import { matmul } from "../../ops/matmul.ts";
import { max } from "../../ops/maximum-along.ts";
import { moveRows } from "../../ops/move-rows.ts";
import { concat, pad, slice, split } from "../../ops/slicing.ts";
import { constant, stopGradient } from "../../ops/source.ts";
import type { ExecutionForm } from "../mechanism.ts";
import { blockLength, blocksBefore } from "../sparse/window.ts";
import { bucketLayout } from "./layout.ts";

/** Added to the score of a pair that must not attend: e to this is 0, and a row of nothing else stays finite. */
const HIDDEN = -1e30;

/** Added to the score of a position with itself where it is the last resort: below any score, above HIDDEN. */
const LAST_RESORT = -1e9;

export interface BucketAttention {
  /** `[B, H, L, D]`: the queries, which the keys are made of. */
  readonly x: Tensor;
  /** Keys of rows `[…, D]`, scaled so that x·key is the score; finite for a row of zeros. */
  readonly keyOf: (x: Tensor) => Tensor;
  /** `[B, H, L, E]`. */
  readonly v: Tensor;
  /** `[B, H, L]` int32 in 0 … numBuckets − 1. */
  readonly buckets: Tensor;
  readonly numBuckets: number;
  /**
   * A position sees members less than so many places away: itself and the window − 1 before it; not causal, as many
   * behind it too.
   */
  readonly window: number;
  readonly causal: boolean;
  /** `[B, L]`: 1 for real positions. Others attend to nothing, and nothing to them. */
  readonly keyMask: Tensor | undefined;
  readonly form: ExecutionForm;
  /** Whether a position attends to itself only where it sees no other. */
  readonly selfLast: boolean;
}

export interface BucketSums {
  /** `[B, H, L, E + 1]`: Σ exp(score − maximum) [v, 1]; zeros for padding. */
  readonly sums: Tensor;
  /** `[B, H, L, 1]`: the largest score of each position, without a gradient, since it cancels. */
  readonly maximum: Tensor;
}

/**
 * Sorted by (bucket, position), each position attends to the members of its own bucket less than `window` places away,
 * causal to itself and those before. In blocks: a chunk of slots against itself and its neighbours, O(L·w) beside the
 * sort.
 */
export function bucketAttention(options: BucketAttention): BucketSums {
  const { x, keyOf, v, causal, keyMask } = options;
  const [B = 0, H = 0, L = 0] = x.shape;
  const rows = B * H;
  const reach = options.window - 1;
  const chunk = Math.min(blockLength(reach), L);
  const before = blocksBefore(reach, chunk, L);
  const span = { chunk, before, behind: causal ? 0 : before };
  const { buckets, numBuckets } = withPadding(options);
  const layout = bucketLayout(reshape(buckets, [rows, L]), { numBuckets, chunk, form: options.form });
  const { numChunks, slots, occupants } = layout;
  const toChunks = (tensor: Tensor) => {
    const width = tensor.shape.at(-1) ?? 0;
    const moved = moveRows(reshape(tensor, [rows * L, width]), occupants, slots, "from");
    return reshape(moved, [rows, numChunks, chunk, width]);
  };
  const queries = toChunks(x);
  const ones = withOnes(v);
  const values = toChunks(keyMask ? mul(ones, reshape(keyMask, [B, 1, L, 1])) : ones);
  const scores = matmul(queries, neighbours(keyOf(queries), span), { transposeB: true });
  const reached = add(scores, band(span, options));
  const seen = add(reached, stopGradient(otherBuckets(layout.buckets, span)));
  const top = stopGradient(max(seen, { axes: [-1], keepDims: true }));
  const sums = matmul(exp(sub(seen, top)), neighbours(values, span));
  const width = sums.shape.at(-1) ?? 0;
  const numSlots = rows * numChunks * chunk;
  const back = moveRows(reshape(sums, [numSlots, width]), slots, occupants, "to");
  return {
    sums: reshape(back, [B, H, L, width]),
    maximum: stopGradient(reshape(gather(reshape(top, [numSlots, 1]), slots), [B, H, L, 1])),
  };
}

/**
 * The first E columns over the last one; 0 where that is 0. Real positions have a sum of at least 1: their largest
 * score's.
 */
export function quotient(sums: Tensor): Tensor {
  const width = (sums.shape.at(-1) ?? 1) - 1;
  const [numerator, denominator] = split(sums, -1, [width, 1]) as readonly [Tensor, Tensor]; // two lengths, two parts
  return mul(numerator, reciprocal(maximum(denominator, 0.5)));
}

/** Padding gets a bucket of its own behind the others. */
function withPadding({ buckets, numBuckets, keyMask }: BucketAttention) {
  if (keyMask === undefined) return { buckets, numBuckets };
  const [B = 0, , L = 0] = buckets.shape;
  const real = cast(reshape(keyMask, [B, 1, L]), "bool");
  const padding = constant(ndarray(Int32Array.of(numBuckets), []));
  return { buckets: where(real, buckets, padding), numBuckets: numBuckets + 1 };
}

/** Which chunks a chunk reads: W = (before + 1 + behind) · C slots. */
interface Span {
  readonly chunk: number;
  readonly before: number;
  readonly behind: number;
}

/**
 * Each chunk between those before and behind it, of which there are fewer than N, and zeros beyond the ends: `[G, N, C,
 * D]` → `[G, N, W, D]`.
 */
function neighbours(x: Tensor, { before, behind }: Span): Tensor {
  const N = x.shape[1] ?? 1;
  const shifted = Array.from({ length: before + 1 + behind }, (_, i) => {
    const later = Math.max(0, before - i);
    const earlier = Math.max(0, i - before);
    return pad(slice(x, 1, earlier, N - later), 1, later, earlier);
  });
  return shifted.length === 1 ? x : concat(shifted, 2);
}

/**
 * `[G, N, 1, W]`: 0 for slots whose occupants are of the chunk's bucket, else HIDDEN.
 *
 * @param buckets `[G, N, C]`
 */
function otherBuckets(buckets: Tensor, span: Span): Tensor {
  const [G = 0, N = 0, C = 0] = buckets.shape;
  // From 1 on, because there are zeros beyond the ends. The engine slices floats alone on WebGPU, and compares
  // integers.
  const ids = reshape(add(cast(buckets, "float32"), 1), [G, N, C, 1]);
  // Buckets are filled from the front: the first slot of a chunk says whose it is.
  const own = cast(slice(ids, 2, 0, 1), "int32");
  const same = cast(equal(cast(neighbours(ids, span), "int32"), own), "float32");
  return reshape(mul(sub(same, 1), -HIDDEN), [G, N, 1, -1]);
}

/** `[C, W]`: 0 for keys within reach of a query, else HIDDEN; a query's own key may be the last resort. */
function band(
  { chunk, before, behind }: Span,
  { window, causal, selfLast }: Pick<BucketAttention, "window" | "causal" | "selfLast">,
): Tensor {
  const width = (before + 1 + behind) * chunk;
  const values = new Float32Array(chunk * width);
  for (let t = 0; t < chunk; t++) {
    for (let s = 0; s < width; s++) {
      const distance = t + before * chunk - s;
      if (Math.abs(distance) >= window || (causal && distance < 0)) values[t * width + s] = HIDDEN;
      else if (distance === 0 && selfLast) values[t * width + s] = LAST_RESORT;
    }
  }
  return constant(ndarray(values, [chunk, width]));
}
