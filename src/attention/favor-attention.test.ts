/** FAVOR+ on arrays: every way to write them down gives the same, as the naive twin does, and errors help. */
import { createBackend } from "#engine";
import { Tensor as EngineTensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { createRandom, fillNormal, gaussianOrthogonalMatrix } from "../random/index.ts";
import { ndarray } from "../graph/ndarray.ts";
import { relativeError } from "../../tests/model/harness.ts";
import { favorAttention, type AttentionArray, type ArrayAttentionOptions } from "./favor-attention.ts";
import { featureMaps } from "./favor/maps/index.ts";
import { naiveExact, naiveFavor, naiveMaps, type Matrix } from "../../tests/attention/naive.ts";

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
    const expected = twin((x, y, z) => naiveFavor(naiveMaps.positive, x, y, z, projection, { causal: false }));
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
    const expected = twin(
      (x, y, z) => naiveFavor(naiveMaps.positive, x, y, z, projection, { causal: true }),
      keys,
      values,
    );
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

  it("leaves padded keys out, whatever stands there", async () => {
    const real = 11;
    const part = (data: Float32Array, width: number) => ({ data: data.subarray(0, real * width), dims: [real, width] });
    const expected = await favorAttention(
      { q: dims.q, k: part(k, numHeads * headDim), v: part(v, numHeads * valueDim) },
      options,
    );
    const wild = k.map((value, i) => (i < real * numHeads * headDim ? value : 1e3 * value));
    const keyMask = Array.from({ length: S }, (_, s) => s < real);
    const masked = await favorAttention({ ...dims, k: { ...dims.k, data: wild } }, { ...options, keyMask });
    expect(relativeError(masked.data, expected.data)).toBeLessThan(TOLERANCE.naive);
    const nothing = await favorAttention(dims, { ...options, keyMask: new Uint8Array(S) });
    expect(nothing.data.every((value) => value === 0)).toBe(true);
  });

  it("draws every kind of projection, for all heads or for each", async () => {
    const outputs = [];
    for (const kind of ["orthogonal", "iid", "hadamard", "givens", "simplex", "none"] as const) {
      for (const projectionPerHead of [false, true]) {
        outputs.push((await favorAttention(dims, { ...options, projection: kind, projectionPerHead })).data);
      }
    }
    outputs.push((await favorAttention(dims, { ...options, projectionLengths: "sqrt" })).data);
    // Without a projection there is nothing to draw for each head; all others differ.
    expect(new Set(outputs.map((data) => data.join())).size).toBe(outputs.length - 1);
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
      "NaN, with its place",
      { k: { ...dims.k, data: k.map((value, i) => (i === 31 ? Number.NaN : value)) } },
      {},
      /^favorAttention: k must hold finite numbers, got NaN at position 2, column 1; find where it comes from$/,
    ],
    [
      "infinity",
      { v: { ...dims.v, data: v.map((value, i) => (i === 0 ? Number.NEGATIVE_INFINITY : value)) } },
      {},
      /v must hold finite numbers, got -Infinity at position 0, column 0/,
    ],
    [
      "values that float32 cannot add up",
      { v: { ...dims.v, data: v.map(() => 3e38) } },
      {},
      /the output of 'favor' must be finite, got .*; queries, keys or values are too large for float32/,
    ],
    [
      "more features than the state has room for",
      {},
      { numFeatures: 50_000_000 },
      /the state of all heads must fit an array of 2\.0 GiB, got 4\.5 GiB with numFeatures 50000000; use at most 22369621/,
    ],
    [
      "a causal map that must see the whole sequence",
      { q: { data: k, dims: dims.k.dims } },
      { mechanism: "favor-optimal", causal: true },
      /'favor-optimal' must know statistics of the whole sequence and so cannot be causal, .*measureStatistics/,
    ],
    [
      "statistics of other heads",
      {},
      { mechanism: "favor-optimal", statistics: { meanSquaredSum: ndarray(Float32Array.of(1), [1, 1, 1, 1]) } },
      /statistics of 'favor-optimal' must hold 'meanSquaredSum' of sizes \[1 3 1 1\], .* got \[1 1 1 1\] with 1 numbers; measure/,
    ],
    [
      "a mask of another length",
      {},
      { keyMask: [1, 1] },
      /keyMask must have one entry for each of the 17 keys, .* lengths 2/,
    ],
    [
      "a mask of other numbers",
      {},
      { keyMask: Array.from({ length: S }, () => 0.5) },
      /keyMask must hold 0, 1, true or false, got 0\.5 at 0; it says which keys are real/,
    ],
    [
      "statistics that nothing reads",
      {},
      { statistics: { meanSquaredSum: ndarray(Float32Array.of(1), [1]) } },
      /statistics of 'favor' must hold what it reads, got 'meanSquaredSum'; it needs none: leave statistics out/,
    ],
    [
      "a feature map in the place of a mechanism",
      {},
      { mechanism: featureMaps.hyperbolic },
      /mechanism must be a name or a mechanism, got a feature map; give favorMechanism\(map\)/,
    ],
    ["true as a word", {}, { causal: "false" }, /causal must be true or false, got 'false'; omit it for false/],
    ["heads as a word", {}, { numHeads: "3" }, /numHeads must be a positive integer, got '3'/],
    ["features as a word", {}, { numFeatures: "7" }, /numFeatures must be a positive integer, got '7'; omit/],
    ["features that are no number", {}, { numFeatures: Number.NaN }, /numFeatures must be a positive integer, got NaN/],
    [
      "unknown lengths of the projection's rows",
      {},
      { projectionLengths: "chi2" },
      /projectionLengths must be one of chi, sqrt, got 'chi2'; did you mean 'chi'\?/,
    ],
    [
      "an unknown projection, with the nearest name",
      {},
      { projection: "given" },
      /projection must be one of orthogonal, .*, none, got 'given'; did you mean 'givens'\?/,
    ],
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
      /mechanism must be one of the table, got 'flash'; the mechanisms are favor, .*, exact, auto, /,
    ],
  ];

  it.each(refused)("refuses %s", async (_name, arrays, changes, message) => {
    // As untyped callers would.
    const given = { ...dims, ...arrays };
    const changed = { ...options, ...changes } as ArrayAttentionOptions;
    await expect(favorAttention(given, changed)).rejects.toThrow(message);
    await expect(favorAttention(given, changed)).rejects.toThrow(
      expect.objectContaining({ name: expect.stringMatching(/^(Graph|Shape|Config)Error$/) as string }),
    );
  });
});
