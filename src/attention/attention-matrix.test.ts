/** Attention matrices: rows sum to 1, and are those of the naive twin and of favorAttention. */
import { describe, expect, it } from "vitest";
import { createRandom, fillNormal } from "../random/index.ts";
import { present, relativeError } from "../../tests/model/harness.ts";
import { attentionMatrix, type AttentionMatrix } from "./attention-matrix.ts";
import { favorAttention } from "./favor-attention.ts";
import { naiveExact } from "../../tests/attention/naive.ts";

/** Float32 sums of some ten weights. */
const TOLERANCE = 2e-5;

const [L, S, numHeads, headDim] = [7, 11, 2, 5];

function normal(name: string, length: number, scale = 1) {
  const data = fillNormal(createRandom(17, name), new Float32Array(length * numHeads * headDim), scale);
  return { data, dims: [length, numHeads * headDim] };
}

const [q, k, v] = [normal("q", L), normal("k", S), normal("v", S)];

function head({ data, dims }: { data: Float32Array; dims: readonly number[] }, h: number): number[][] {
  const [length = 0, width = 0] = dims;
  return Array.from({ length }, (_, t) => {
    const start = t * width + h * headDim;
    return Array.from(data.subarray(start, start + headDim));
  });
}

function rowsOf({ data, dims }: AttentionMatrix): Float32Array[] {
  const width = dims.at(-1) ?? 1;
  return Array.from({ length: data.length / width }, (_, row) => data.subarray(row * width, (row + 1) * width));
}

const sum = (row: Float32Array) => row.reduce((total, weight) => total + weight, 0);

describe("attentionMatrix", () => {
  it.each(["exact", "favor", "favor-relu", "favor-saderf", "favor-trigonometric"] as const)(
    "has rows that sum to 1 for %s",
    async (mechanism) => {
      const matrix = await attentionMatrix({ q, k }, { numHeads, mechanism, numFeatures: 13 });
      expect(matrix.dims).toEqual([numHeads, L, S]);
      for (const row of rowsOf(matrix)) expect(sum(row)).toBeCloseTo(1, 4);
    },
  );

  it("is softmax for exact attention, causal or masked", async () => {
    const mask = Array.from({ length: S }, (_, s) => s % 3 !== 1);
    const identity = (length: number) =>
      Array.from({ length }, (_, s) => Array.from({ length }, (_, e) => Number(e === s)));
    const masked = await attentionMatrix({ q, k }, { numHeads, mechanism: "exact", keyMask: mask });
    const expected = [0, 1].flatMap((h) =>
      naiveExact(head(q, h), head(k, h), identity(S), { causal: false, keyMask: mask }).flat(),
    );
    expect(relativeError(masked.data, expected)).toBeLessThan(TOLERANCE);
    const causal = await attentionMatrix({ q: k, k }, { numHeads, mechanism: "exact", causal: true });
    const past = [0, 1].flatMap((h) => naiveExact(head(k, h), head(k, h), identity(S), { causal: true }).flat());
    expect(relativeError(causal.data, past)).toBeLessThan(TOLERANCE);
  });

  it("holds the weights with which favorAttention of the same seed mixes the values", async () => {
    const options = { numHeads, numFeatures: 13, seed: 5 };
    const matrix = await attentionMatrix({ q, k }, options);
    const out = await favorAttention({ q, k, v }, options);
    const mixed = Array.from({ length: L }, (_, t) =>
      Array.from({ length: numHeads }, (_, h) => {
        const weights = present(rowsOf(matrix)[h * L + t]);
        return Array.from({ length: headDim }, (_, e) =>
          head(v, h).reduce((total, row, s) => total + (weights[s] ?? 0) * (row[e] ?? 0), 0),
        );
      }),
    ).flat(2);
    expect(relativeError(out.data, mixed)).toBeLessThan(TOLERANCE);
  });

  it("shows exact and approximate attention side by side, the nearer the more features", async () => {
    const short = { q: normal("q", S, 0.5), k: normal("k", S, 0.5) };
    const options = { numHeads, causal: true };
    const exact = await attentionMatrix(short, { ...options, mechanism: "exact" });
    const few = await attentionMatrix(short, { ...options, numFeatures: 5 });
    const many = await attentionMatrix(short, { ...options, numFeatures: 4096 });
    const distance = ({ data }: AttentionMatrix) =>
      Math.sqrt(data.reduce((total, weight, index) => total + (weight - (exact.data[index] ?? 0)) ** 2, 0));
    // 819 times the features: 28 times the accuracy by the law of independent estimates, a third of which must show.
    expect(distance(many)).toBeLessThan(distance(few) / 9);
    // The future has no weight at all.
    for (const { data } of [exact, many]) for (let t = 0; t < S - 1; t++) expect(data[t * S + t + 1]).toBe(0);
  });

  it("takes batches, and refuses what does not fit", async () => {
    const batch = { data: Float32Array.from([...q.data, ...q.data]), dims: [2, L, numHeads * headDim] };
    expect((await attentionMatrix({ q: batch, k: batch }, { numHeads })).dims).toEqual([2, numHeads, L, L]);
    await expect(attentionMatrix({ q, k }, { numHeads, keyMask: [1, 1] })).rejects.toThrow(
      /^attentionMatrix: keyMask must have one entry for each of the 11 keys, .* got lengths 2/,
    );
    await expect(attentionMatrix({ q, k }, { numHeads, causal: true })).rejects.toThrow(/same length, got 7 and 11/);
    await expect(attentionMatrix({ q, k }, { heads: 2 } as object)).rejects.toThrow(/did you mean 'numHeads'/);
    const long = { data: new Float32Array(30_000), dims: [30_000, 1] };
    await expect(attentionMatrix({ q: long, k: long })).rejects.toThrow(/must fit an array of 2 GiB, got 3\.4 GiB/);
  });
});
