/** Masks of sequences as statistics need them. */
import type { Tensor } from "../../../graph/tensor.ts";
import { maximum } from "../../../ops/elementwise.ts";
import { reshape } from "../../../ops/layout.ts";
import { sum } from "../../../ops/reduce.ts";
import { full } from "../../../ops/source.ts";

/** `[B, L]` → `[B, 1, L, 1]`. */
export function maskColumn(mask: Tensor): Tensor {
  const [batch = 0, length = 0] = mask.shape;
  return reshape(mask, [batch, 1, length, 1]);
}

/**
 * Real positions of x `[B, H, L, D]`, at least 1 so that a mean over none is 0: `[B, 1, 1, 1]` or a scalar of the same
 * rank.
 */
export function realCount(x: Tensor, mask: Tensor | undefined): Tensor {
  if (mask === undefined) return full([1, 1, 1, 1], x.shape[2] ?? 1);
  return maximum(sum(maskColumn(mask), { axes: [-2], keepDims: true }), 1);
}
