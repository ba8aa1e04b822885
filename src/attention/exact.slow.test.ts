/** Exact attention of sequences whose scores do not fit into memory at once. */
import { describe, expect, it } from "vitest";
import { createRandom, fillNormal } from "../random/index.ts";
import { favorAttention } from "./favor-attention.ts";

/** 2.7 · 10⁸ scores, more than are kept; no multiple of the queries of a block. */
const [length, numHeads, headDim, valueDim] = [11_587, 2, 3, 5];
const real = length - 1_009;

const draw = (name: string, width: number) =>
  fillNormal(createRandom(7, name), new Float32Array(length * numHeads * width));
const arrays = { q: draw("q", headDim), k: draw("k", headDim), v: draw("v", valueDim) };
const rows = (data: Float32Array, width: number) => ({ data, dims: [length, numHeads * width] });

/** softmax(q kᵀ / √D) v of one query in float64. */
function outputAt(query: number, head: number): readonly number[] {
  const at = (data: Float32Array, row: number, width: number, d: number) =>
    data[(row * numHeads + head) * width + d] ?? Number.NaN;
  const weights = Array.from({ length: real }, (_, key) => {
    let score = 0;
    for (let d = 0; d < headDim; d++) score += at(arrays.q, query, headDim, d) * at(arrays.k, key, headDim, d);
    return Math.exp(score / Math.sqrt(headDim));
  });
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return Array.from(
    { length: valueDim },
    (_, d) => weights.reduce((sum, weight, key) => sum + weight * at(arrays.v, key, valueDim, d), 0) / total,
  );
}

describe("exact attention of a long sequence", () => {
  it("is block by block what it is as a whole, padding left out", async () => {
    const { data } = await favorAttention(
      { q: rows(arrays.q, headDim), k: rows(arrays.k, headDim), v: rows(arrays.v, valueDim) },
      { numHeads, mechanism: "exact", keyMask: Array.from({ length }, (_, position) => position < real) },
    );
    expect(data).toHaveLength(length * numHeads * valueDim);
    for (const query of [0, 255, 256, 6_007, real, length - 1]) {
      for (const head of [0, 1]) {
        const first = (query * numHeads + head) * valueDim;
        outputAt(query, head).forEach((value, d) => expect(data[first + d]).toBeCloseTo(value, 5));
      }
    }
  });
});
