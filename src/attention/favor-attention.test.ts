/** FAVOR+ on arrays: every way to write them down gives the same, as the naive twin does, and errors help. */
import { createBackend } from "#engine";
import { Tensor as EngineTensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { createRandom, fillNormal, gaussianOrthogonalMatrix } from "../random/index.ts";
import { ndarray } from "../graph/ndarray.ts";
import { relativeError } from "../../tests/model/harness.ts";
import { favorAttention, type AttentionArray, type FavorAttentionOptions } from "./favor-attention.ts";
import { naiveExact, naiveFavor, type Matrix } from "./naive.ts";

const TOLERANCE = {
  /** Float32 against float64 twins. */
  naive: 2e-5,
  /**
   * 4,096 features at norms ‖x‖² of about D/4 · D^−½ = 0.56: the kernel's relative standard error is below
   * √(e^{4 · 0.56} / 4096) = 0.05 for most pairs, and a mean over 17 keys averages it; twice that is allowed.
   */
  softmax: 0.1,
} as const;

const [L, S, numHeads, headDim, valueDim, M] = [13, 17, 3, 5, 7, 11];

function normal(name: string, length: number, width: number): Float32Array {
  return fillNormal(createRandom(7, name), new Float32Array(length * width));
}

const q = normal("q", L, numHeads * headDim);
const k = normal("k", S, numHeads * headDim);
const v = normal("v", S, numHeads * valueDim);
const dims = {
  q: { data: q, dims: [L, numHeads * headDim] },
  k: { data: k, dims: [S, numHeads * headDim] },
  v: { data: v, dims: [S, numHeads * valueDim] },
};
const options = { numHeads, numFeatures: M, seed: 7 };

function rows(data: Float32Array, width: number): Float32Array[] {
  return Array.from({ length: data.length / width }, (_, row) => data.subarray(row * width, (row + 1) * width));
}

/** Columns of one head. */
function head(data: Float32Array, width: number, index: number): number[][] {
  return rows(data, numHeads * width).map((row) => Array.from(row.subarray(index * width, (index + 1) * width)));
}

function twin(attend: (q: Matrix, k: Matrix, v: Matrix) => number[][], keys = k, values = v): number[] {
  const heads = Array.from({ length: numHeads }, (_, h) =>
    attend(head(q, headDim, h), head(keys, headDim, h), head(values, valueDim, h)),
  );
  return Array.from({ length: L }, (_, t) => heads.flatMap((out) => out[t] ?? [])).flat();
}

describe("favorAttention", () => {
  const random = createRandom(7, "projection");
  const projection = rows(
    gaussianOrthogonalMatrix({ numFeatures: M, headDim, random, rowLengths: "chi" }),
    headDim,
  ).map((row) => Array.from(row));

  it("equals its naive twin, head by head", async () => {
    const out = await favorAttention(dims, options);
    const expected = twin((x, y, z) => naiveFavor(x, y, z, projection, { causal: false }));
    expect(out.dims).toEqual([L, numHeads * valueDim]);
    expect(out.type).toBe("float32");
    expect(relativeError(out.data, expected)).toBeLessThan(TOLERANCE.naive);
  });

  it("equals its causal naive twin", async () => {
    const keys = k.subarray(0, L * numHeads * headDim);
    const values = v.subarray(0, L * numHeads * valueDim);
    const given = {
      q: dims.q,
      k: { data: keys, dims: [L, numHeads * headDim] },
      v: { data: values, dims: [L, numHeads * valueDim] },
    };
    const out = await favorAttention(given, { ...options, causal: true });
    const expected = twin((x, y, z) => naiveFavor(x, y, z, projection, { causal: true }), keys, values);
    expect(relativeError(out.data, expected)).toBeLessThan(TOLERANCE.naive);
    // The first position sees itself alone.
    expect(
      relativeError(out.data.subarray(0, numHeads * valueDim), values.subarray(0, numHeads * valueDim)),
    ).toBeLessThan(TOLERANCE.naive);
  });

  it("gives exact attention from the same arrays, which it comes near to with many features", async () => {
    const exact = await favorAttention(dims, { numHeads, mechanism: "exact" });
    const expected = twin((x, y, z) => naiveExact(x, y, z, { causal: false }));
    expect(relativeError(exact.data, expected)).toBeLessThan(TOLERANCE.naive);
    const small = { ...dims, q: { ...dims.q, data: q.map((x) => x / 2) }, k: { ...dims.k, data: k.map((x) => x / 2) } };
    const many = await favorAttention(small, { ...options, numFeatures: 4096 });
    const target = await favorAttention(small, { numHeads, mechanism: "exact" });
    expect(relativeError(many.data, target.data)).toBeLessThan(TOLERANCE.softmax);
  });

  it("takes tensors with dims, NdArrays, rows, engine tensors, float64 and batches alike", async () => {
    const expected = await favorAttention(dims, options);
    const each = (make: (data: Float32Array, width: number) => AttentionArray) => ({
      q: make(q, numHeads * headDim),
      k: make(k, numHeads * headDim),
      v: make(v, numHeads * valueDim),
    });
    const ways = {
      ndarrays: each((data, width) => ndarray(data, [data.length / width, width])),
      rows: each(rows),
      "lists of numbers": each((data, width) => rows(data, width).map((row) => Array.from(row))),
      "engine tensors": each((data, width) => new EngineTensor("float32", data, [data.length / width, width])),
      float64: each((data, width) => ({ data: Float64Array.from(data), dims: [data.length / width, width] })),
    };
    for (const [way, arrays] of Object.entries(ways)) {
      expect(await favorAttention(arrays, options), way).toEqual(expected);
    }
    const batched = await favorAttention(
      each((data, width) => ({ data, dims: [1, data.length / width, width] })),
      options,
    );
    expect(batched.dims).toEqual([1, L, numHeads * valueDim]);
    expect(batched.data).toEqual(expected.data);
  });

  it("takes flat arrays with headDim", async () => {
    const values = k;
    const flat = await favorAttention({ q, k, v: values }, { ...options, headDim });
    const expected = await favorAttention({ q: dims.q, k: dims.k, v: dims.k }, options);
    expect(flat).toEqual(expected);
  });

  it("treats the sequences of a batch each by itself", async () => {
    const twice = (data: Float32Array, width: number) => {
      const both = new Float32Array(2 * data.length);
      both.set(data);
      both.set(
        data.map((x) => -x),
        data.length,
      );
      return { data: both, dims: [2, data.length / width, width] };
    };
    const both = await favorAttention(
      { q: twice(q, numHeads * headDim), k: twice(k, numHeads * headDim), v: twice(v, numHeads * valueDim) },
      options,
    );
    const single = await favorAttention(dims, options);
    const half = L * numHeads * valueDim;
    expect(relativeError(both.data.subarray(0, half), single.data)).toBeLessThan(TOLERANCE.naive);
    expect(relativeError(both.data.subarray(half), single.data)).toBeGreaterThan(0.1);
  });

  it("is decided by the seed, and leaves the given arrays as they are", async () => {
    const before = q.slice();
    const first = await favorAttention(dims, options);
    expect(await favorAttention(dims, { ...options, seed: 7 })).toEqual(first);
    expect(await favorAttention(dims, { ...options, seed: 8 })).not.toEqual(first);
    expect(q).toEqual(before);
  });

  it("runs on a backend of one's choice", async () => {
    const reference = await favorAttention(dims, { ...options, backend: createBackend({ device: "reference" }) });
    expect(reference.data).toBeInstanceOf(Float32Array);
    expect(relativeError((await favorAttention(dims, options)).data, reference.data)).toBeLessThan(TOLERANCE.naive);
  });

  const wide = { data: new Float32Array(26), dims: [13, 2] };
  const refused: readonly (readonly [string, Record<string, unknown>, Record<string, unknown>, RegExp])[] = [
    [
      "no heads",
      {},
      { numHeads: 0 },
      /^favorAttention: numHeads must be a positive integer, got 0; omit it for one head$/,
    ],
    [
      "heads that do not divide the width",
      {},
      { numHeads: 4 },
      /the width of q must be a multiple of numHeads 4, got 15/,
    ],
    ["no features", {}, { numFeatures: 0 }, /numFeatures must be a positive integer, got 0; omit it to use .* = 8$/],
    ["half a feature", {}, { numFeatures: 2.5 }, /numFeatures must be a positive integer, got 2\.5/],
    [
      "one axis",
      { q: { data: q, dims: [L * numHeads * headDim] } },
      {},
      /q must have sizes \[length, width\] or .* got \[195\]/,
    ],
    ["an empty array", { q: { data: new Float32Array(0), dims: [0, 15] } }, {}, /q must have sizes .* got \[0, 15\]/],
    [
      "dims that do not fit the data",
      { k: { data: k, dims: [S, 12] } },
      {},
      /k must hold as many elements .* \[17, 12\] say, got 255/,
    ],
    [
      "rows of different lengths",
      {
        v: [
          [1, 2, 3],
          [1, 2],
        ],
      },
      {},
      /all rows of v must have the same length, got 3 and others/,
    ],
    [
      "a flat array without headDim",
      { q },
      {},
      /a flat array must come with the option headDim, got none for q; or give/,
    ],
    [
      "a flat array that is no multiple of the width",
      { q },
      { headDim: 7 },
      /q must hold a multiple of numHeads · headDim = 21 elements, got 195/,
    ],
    ["a headDim of nothing", { q }, { headDim: 0 }, /headDim must be a positive integer, got 0/],
    [
      "a list of numbers",
      { q: Array.from(q) },
      {},
      /q must be an array of rows, .* got an array of 195 elements that are not all rows/,
    ],
    [
      "a typed array of another kind",
      { q: Float64Array.from(q) },
      {},
      /q must be an array of rows, .* got a Float64Array/,
    ],
    ["nothing", { q: undefined }, {}, /q must be an array of rows, .* got undefined/],
    ["keys of another width", { k: wide }, { numHeads: 1 }, /^favorAttention: .*k.*/],
    ["more queries than keys when causal", {}, { causal: true }, /^favorAttention: .*k.*13.*17/],
    [
      "an unknown option, with the nearest name",
      {},
      { heads: 3 },
      /^favorAttention: 'heads' is not an option; did you mean 'numHeads'\?$/,
    ],
    [
      "an unknown mechanism, with the ones there are",
      {},
      { mechanism: "flash" },
      /mechanism must be among favor, favor-relu, exact, got 'flash'/,
    ],
  ];

  it.each(refused)("refuses %s", async (_name, arrays, changes, message) => {
    // As untyped callers would.
    const given = { ...dims, ...arrays };
    const changed = { ...options, ...changes } as FavorAttentionOptions;
    await expect(favorAttention(given, changed)).rejects.toThrow(message);
    await expect(favorAttention(given, changed)).rejects.toThrow(
      expect.objectContaining({ name: expect.stringMatching(/^(Graph|Shape)Error$/) as string }),
    );
  });
});
