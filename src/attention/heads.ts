/** Heads side by side in one width, and as an axis of their own. */
import type { Tensor } from "../graph/tensor.ts";
import { mergeAxes, splitAxis, transpose } from "../ops/layout.ts";

/** `[B, L, H·D]` → `[B, H, L, D]`. */
export function splitHeads(x: Tensor, numHeads: number): Tensor {
  return transpose(splitAxis(x, 2, numHeads), [0, 2, 1, 3]);
}

/** `[B, H, L, D]` → `[B, L, H·D]`. */
export function joinHeads(x: Tensor): Tensor {
  return mergeAxes(transpose(x, [0, 2, 1, 3]), 2);
}
