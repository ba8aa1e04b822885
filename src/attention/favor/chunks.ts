/** Sequences as chunks along the leading axis: the layout that Scan walks over. */
import { sizeOf } from "../../graph/shape.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { mergeAxes, reshape, splitAxis, transpose } from "../../ops/layout.ts";
import { pad, slice } from "../../ops/slicing.ts";
import { constant } from "../../ops/source.ts";
import { ndarray } from "../../graph/ndarray.ts";
import { LOG_ZERO } from "./normalized.ts";

/** Positions after padding to whole chunks. */
export function paddedLength(length: number, chunk: number): number {
  return Math.ceil(length / chunk) * chunk;
}

/** `[B, H, L, D]` → `[N, B, H, C, D]`, with zeros behind the end when C does not divide L. */
export function toChunks(x: Tensor, chunk: number): Tensor {
  const length = x.shape[2] ?? 0;
  const padded = paddedLength(length, chunk);
  return transpose(splitAxis(pad(x, 2, 0, padded - length), 2, padded / chunk), [2, 0, 1, 3, 4]);
}

/** `[N, B, H, C, E]` → `[B, H, L, E]`. */
export function fromChunks(x: Tensor, length: number): Tensor {
  return slice(mergeAxes(transpose(x, [1, 2, 0, 3, 4]), 2), 2, 0, length);
}

/** A key mask `[B, S]` → `[N, B, 1, C, 1]`; padding behind the end does not count. */
export function maskToChunks(mask: Tensor, chunk: number): Tensor {
  const [batch = 0, length = 0] = mask.shape;
  const padded = paddedLength(length, chunk);
  const chunks = reshape(pad(mask, 1, 0, padded - length), [batch, padded / chunk, chunk]);
  return reshape(transpose(chunks, [1, 0, 2]), [padded / chunk, batch, 1, chunk, 1]);
}

/**
 * Logarithmic form of the causal mask `[C, C]`, added to logarithms of scales: 0 where key s ≤ query t, else LOG_ZERO.
 */
export function causalLog(chunk: number): Tensor {
  const values = new Float32Array(sizeOf([chunk, chunk]));
  for (let t = 0; t < chunk; t++) values.fill(LOG_ZERO, t * chunk + t + 1, (t + 1) * chunk);
  return constant(ndarray(values, [chunk, chunk]));
}
