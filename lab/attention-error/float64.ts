/** Exact attention in float64 for a few queries: what the engine's float32 is checked against. */

import type { Head, HeadSizes } from "../attention-outputs.ts";

/** softmax(q kᵀ / √headDim) v for the leading queries: `[numQueries, headDim]`. */
export function exactInFloat64({ q, k, v }: Head, { seqLen, headDim }: HeadSizes, numQueries: number): Float64Array {
  const out = new Float64Array(numQueries * headDim);
  const scores = new Float64Array(seqLen);
  for (let t = 0; t < numQueries; t++) {
    for (let s = 0; s < seqLen; s++) scores[s] = dot(q, t * headDim, k, s * headDim, headDim) / Math.sqrt(headDim);
    const largest = scores.reduce((most, score) => Math.max(most, score));
    const weights = scores.map((score) => Math.exp(score - largest));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    weights.forEach((weight, s) => {
      for (let i = 0; i < headDim; i++) {
        const at = t * headDim + i;
        out[at] = (out[at] ?? 0) + (weight / total) * (v[s * headDim + i] ?? 0);
      }
    });
  }
  return out;
}

function dot(a: Float32Array, startA: number, b: Float32Array, startB: number, length: number): number {
  let total = 0;
  for (let i = 0; i < length; i++) total += (a[startA + i] ?? 0) * (b[startB + i] ?? 0);
  return total;
}
