/**
 * Linear attention without a loop, for devices that have none (WebGPU): all chunks in one tensor.
 *
 * The prefix over chunks is a CumSum where features carry no log scale. Where they do, every chunk's state has its own
 * maximum, and states must be rescaled as they are added: that prefix is a product with the triangular matrix
 * exp(M_j − C_n) of chunk maxima, N² small numbers beside N states. Gradients come from the walk through the ops.
 */
import { ndarray } from "../../graph/ndarray.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { withOnes } from "../../ops/composed.ts";
import { add, exp, maximum, mul, sub } from "../../ops/elementwise.ts";
import { cumsum } from "../../ops/cumsum.ts";
import { mergeAxes, reshape, splitAxis, swapLastAxes } from "../../ops/layout.ts";
import { matmul } from "../../ops/matmul.ts";
import { max } from "../../ops/maximum-along.ts";
import { expand } from "../../ops/reduce.ts";
import { pad, slice } from "../../ops/slicing.ts";
import { constant, stopGradient } from "../../ops/source.ts";
import { chunkScales, chunkSums, type LinearAttentionSpec } from "./causal-scan.ts";
import { paddedLength } from "./chunks.ts";
import { queryFeatures, type SplitFeatures } from "./maps/features.ts";
import { maskColumn } from "./maps/real.ts";
import { LOG_ZERO, normalized, scaledKeys } from "./normalized.ts";

/** Positions a chunk; the prefix over chunks costs (L / chunk)², so it is larger than in the Scan. */
const PARALLEL_CHUNK = 128;

/** q `[B, H, L, D]`, k `[B, H, S, D]`, v `[B, H, S, E]` → `[B, H, L, E]`. */
export function bidirectionalParallel(q: Tensor, k: Tensor, v: Tensor, spec: LinearAttentionSpec): Tensor {
  return readKeySums(q, keySumsParallel(k, v, spec), spec);
}

/**
 * What keys leave behind: Σ_s exp(c_s − C) v′_s φ̂_sᵀ of every head, `[B, H, E + 1, M]`, with C the largest scale of
 * the head.
 */
export function keySumsParallel(k: Tensor, v: Tensor, { map, projection, keyMask }: LinearAttentionSpec): Tensor {
  const { features, logScale } = scaledKeys(map, k, projection, keyMask && maskColumn(keyMask));
  const values = withOnes(v);
  const scaled = logScale
    ? mul(values, exp(sub(logScale, stopGradient(max(logScale, { axes: [-2], keepDims: true })))))
    : values;
  return matmul(scaled, features, { transposeA: true });
}

/** The result for queries, in which the scale cancels. */
export function readKeySums(
  q: Tensor,
  sums: Tensor,
  { map, projection }: Pick<LinearAttentionSpec, "map" | "projection">,
): Tensor {
  return normalized(matmul(queryFeatures(map, q, projection), sums, { transposeB: true })).out;
}

/** q, k `[B, H, L, D]`, v `[B, H, L, E]` → `[B, H, L, E]`. */
export function causalParallel(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  spec: LinearAttentionSpec,
  chunk = PARALLEL_CHUNK,
): Tensor {
  const { map } = spec;
  const length = q.shape[2] ?? 0;
  const padded = paddedLength(length, chunk);
  // Heads become part of the batch: `[B·H, N, C, …]`, which the pieces shared with the Scan read as `[B, H, C, …]`.
  const chunks = (x: Tensor) => mergeAxes(splitAxis(pad(x, 2, 0, padded - length), 2, padded / chunk), 0);
  const heads = q.shape[1] ?? 1;
  const column = spec.keyMask && maskColumn(spec.keyMask);
  const mask = column && chunks(repeatHeads(column, heads));
  const projection = projectionOfChunks(spec.projection, q.shape[0] ?? 1);
  const keys = scaledKeys(map, chunks(k), projection, mask);
  const values = withOnes(chunks(v));
  const { state, before } = prefixStates(keys, values);
  const scales = chunkScales(keys, before, { finite: true });
  const { out } = normalized(
    chunkSums(queryFeatures(map, chunks(q), projection), keys.features, values, state, scales),
  );
  const joined = reshape(out, [q.shape[0] ?? 0, heads, padded, v.shape.at(-1) ?? 0]);
  return slice(joined, 2, 0, length);
}

/** `[H, M, D]` → `[B·H, 1, M, D]`, to fit `[B·H, N, C, D]`. */
function projectionOfChunks(projection: Tensor, batch: number): Tensor {
  if (projection.shape.length === 2) return projection;
  const heads = mergeAxes(expand(projection, [batch, ...projection.shape]), 0);
  return splitAxis(heads, 0, heads.shape[0] ?? 1);
}

/** `[B, 1, S, 1]` → `[B, H, S, 1]`. */
function repeatHeads(column: Tensor, heads: number): Tensor {
  return mul(column, constant(ndarray(new Float32Array(heads).fill(1), [heads, 1, 1])));
}

/** The state before every chunk, `[BH, N, E + 1, M]`, and its maximum `[BH, N, 1, 1]`. */
function prefixStates(
  { features, logScale }: SplitFeatures,
  values: Tensor,
): { state: Tensor; before: Tensor | undefined } {
  if (logScale === undefined) {
    return { state: cumsum(matmul(values, features, { transposeA: true }), 1, { exclusive: true }), before: undefined };
  }
  const [rows = 0, numChunks = 0] = values.shape;
  const own = stopGradient(max(logScale, { axes: [-2], keepDims: true }));
  const states = matmul(mul(values, exp(sub(logScale, own))), features, { transposeA: true });
  const earlier = new Float32Array(numChunks * numChunks);
  for (let n = 0; n < numChunks; n++) for (let j = n; j < numChunks; j++) earlier[n * numChunks + j] = LOG_ZERO;
  const seen = add(
    swapLastAxes(reshape(own, [rows, numChunks, 1])),
    constant(ndarray(earlier, [numChunks, numChunks])),
  );
  // The first chunk sees nothing: its maximum is LOG_ZERO, which later multiplies whatever stands here by exactly 0.
  const top = maximum(max(seen, { axes: [-1], keepDims: true }), LOG_ZERO);
  const flat = reshape(states, [rows, numChunks, -1]);
  const prefix = matmul(exp(sub(seen, top)), flat);
  return { state: reshape(prefix, states.shape), before: reshape(top, [rows, numChunks, 1, 1]) };
}
