/** Estimates of kernels: unbiased against the closed forms, equal to naive products, and clear about bad input. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createBackend } from "#engine";
import { relativeError } from "../../tests/model/harness.ts";
import { arcCosineFeatures } from "../attention/favor/maps/generalized.ts";
import { featureMaps } from "../attention/favor/maps/index.ts";
import type { FeatureMap } from "../attention/feature-map.ts";
import { drawProjection } from "../attention/favor/projections.ts";
import { dot, naiveMaps, type NaiveMap } from "../../tests/attention/naive.ts";
import { GraphError } from "../graph/errors.ts";
import { createRandom, fillNormal, gaussianMatrix } from "../random/index.ts";
import { compile } from "../runtime/compile.ts";
import {
  estimateKernel,
  exactKernel,
  KernelError,
  kernelTerms,
  type ArcCosineOrder,
  type EstimateKernelOptions,
  type KernelName,
} from "./index.ts";

const TOLERANCE = {
  /** Float32 features and products against float64 twins. */
  naive: 2e-5,
} as const;

const [N, S, D, M] = [7, 5, 3, 11];

function rows(name: string, length: number, width = D, norm = 0.7) {
  return {
    data: fillNormal(createRandom(7, name), new Float32Array(length * width), norm / Math.sqrt(width)),
    dims: [length, width],
  };
}

const list = ({ data, dims }: { readonly data: Float32Array; readonly dims: readonly number[] }) =>
  Array.from({ length: dims[0] ?? 0 }, (_, n) =>
    Array.from(data.subarray(n * (dims[1] ?? 0), (n + 1) * (dims[1] ?? 0))),
  );

const [x, y] = [rows("x", N), rows("y", S)];

interface Case {
  readonly title: string;
  readonly map: FeatureMap;
  readonly kernel: KernelName;
  readonly order?: ArcCosineOrder;
}

const cases: readonly Case[] = [
  { title: "softmax, positive", map: featureMaps.positive, kernel: "softmax" },
  { title: "softmax, hyperbolic", map: featureMaps.hyperbolic, kernel: "softmax" },
  { title: "softmax, trigonometric", map: featureMaps.trigonometric, kernel: "softmax" },
  { title: "softmax, optimal", map: featureMaps.optimal, kernel: "softmax" },
  { title: "softmax, saderf", map: featureMaps.saderf, kernel: "softmax" },
  { title: "gaussian", map: featureMaps.gaussian, kernel: "gaussian" },
  { title: "gaussian, trigonometric", map: featureMaps["gaussian-trigonometric"], kernel: "gaussian" },
  { title: "arc-cosine 0", map: arcCosineFeatures(0), kernel: "arc-cosine", order: 0 },
  { title: "arc-cosine 1", map: arcCosineFeatures(1), kernel: "arc-cosine", order: 1 },
  { title: "arc-cosine 2", map: arcCosineFeatures(2), kernel: "arc-cosine", order: 2 },
];

describe("kernel terms", () => {
  it.each(cases)("of $title are unbiased: their mean is within 4 standard errors of the closed form", async (given) => {
    const { map, kernel, order } = given;
    const [pairs, draws] = [3, 20_011];
    const [left, right] = [rows("left", pairs), rows("right", pairs)];
    // Independent rows, so that the standard error of a mean is that of independent terms.
    const projection = gaussianMatrix({ numFeatures: draws, headDim: D, random: createRandom(5, "draws") });
    const f = await compile((tensors) => ({ terms: kernelTerms(map, tensors.x, tensors.y, tensors.projection) }), {
      x: [pairs, D],
      y: [pairs, D],
      projection: [draws, D],
    });
    const terms = (await f.run({ x: left.data, y: right.data, projection }))["terms"]?.data ?? new Float32Array();
    await f.dispose();
    const exact = exactKernel({ x: left, y: right }, { kernel, ...(order !== undefined && { order }) });
    for (let pair = 0; pair < pairs; pair++) {
      const each = Array.from({ length: draws }, (_, m) => Number(terms[pair * draws + m]));
      const mean = each.reduce((total, term) => total + term, 0) / draws;
      const variance = each.reduce((total, term) => total + (term - mean) ** 2, 0) / (draws - 1);
      const truth = exact.data[pair * pairs + pair] ?? Number.NaN;
      expect(Math.abs(mean - truth), `pair ${pair}`).toBeLessThan(4 * Math.sqrt(variance / draws));
    }
  });
});

/** √2 Θ(u) uⁿ. */
const naiveArcCosine =
  (order: number): NaiveMap =>
  (left, right, projection) => {
    const features = (row: readonly number[]) =>
      projection.map((omega) => {
        const u = dot(omega, row);
        return u > 0
          ? { log: order * Math.log(u) + Math.LN2 / 2, sign: 1 }
          : { log: Number.NEGATIVE_INFINITY, sign: 0 };
      });
    return { queries: left.map(features), keys: right.map(features) };
  };

const twins: Readonly<Record<string, NaiveMap>> = {
  ...naiveMaps,
  "arc-cosine-0": naiveArcCosine(0),
  "arc-cosine-1": naiveArcCosine(1),
  "arc-cosine-2": naiveArcCosine(2),
};

/** D^(D/4)-type constants that cancel in attention, and so are missing from the twins of the optimal maps. */
const cancelling: readonly string[] = ["optimal", "saderf"];

describe("estimateKernel", () => {
  it.each(cases.filter(({ map }) => !cancelling.includes(map.name)))(
    "equals naive products of features in float64: $title",
    async ({ map, kernel, order }) => {
      const options = { kernel, featureMap: map, numFeatures: M, seed: 3, ...(order !== undefined && { order }) };
      const estimate = await estimateKernel({ x, y }, options);
      const drawn = drawProjection(map, createRandom(3, "projection"), { headDim: D, numFeatures: M });
      const projection = list({ data: Float32Array.from(drawn.data as Float32Array), dims: drawn.shape });
      const { queries = [], keys = [] } = twins[map.name]?.(list(x), list(y), projection, {}) ?? {};
      const expected = queries.flatMap((a) =>
        keys.map((b) =>
          a.reduce((total, { log, sign }, m) => total + sign * (b[m]?.sign ?? 0) * Math.exp(log + (b[m]?.log ?? 0)), 0),
        ),
      );
      const rowsOfMean = map.name.includes("hyperbolic") ? 2 * M : M;
      expect(estimate.dims).toEqual([N, S]);
      expect(
        relativeError(
          estimate.data,
          expected.map((value) => value / rowsOfMean),
        ),
      ).toBeLessThan(TOLERANCE.naive);
    },
  );

  it("comes near to the closed form with many features, by the kernel's own map", async () => {
    const numFeatures = 4099;
    for (const options of [
      { kernel: "softmax" },
      { kernel: "gaussian" },
      { kernel: "arc-cosine", order: 2 },
    ] as const) {
      const estimate = await estimateKernel({ x, y }, { ...options, numFeatures });
      const exact = exactKernel({ x, y }, options);
      // Relative standard errors are below √(e^{2²}/4099) = 0.12 for ‖x + y‖ ≤ 2, and those of most entries far below.
      expect(relativeError(estimate.data, exact.data), options.kernel).toBeLessThan(0.12);
    }
  });

  it("gives the same for a seed on every backend and in every form of the rows, and other numbers for another seed", async () => {
    const options = { kernel: "softmax", numFeatures: M, seed: 3 } as const;
    const expected = await estimateKernel({ x, y }, options);
    const flat = await estimateKernel({ x: x.data, y: y.data }, { ...options, width: D });
    expect(flat).toEqual(expected);
    expect(await estimateKernel({ x: list(x), y: list(y) }, options)).toEqual(expected);
    const reference = await estimateKernel({ x, y }, { ...options, backend: createBackend({ device: "reference" }) });
    expect(relativeError(reference.data, expected.data)).toBeLessThan(TOLERANCE.naive);
    expect((await estimateKernel({ x, y }, { ...options, seed: 4 })).data).not.toEqual(expected.data);
  });

  it("takes projections by name and maps by name", async () => {
    for (const projection of ["iid", "simplex", "hadamard", "givens"] as const) {
      const { data } = await estimateKernel({ x, y }, { kernel: "softmax", featureMap: "hyperbolic", projection });
      expect(data.every(Number.isFinite), projection).toBe(true);
    }
  });

  it("tells of calls without options or arrays what there is to give", async () => {
    const untyped = estimateKernel as (...args: unknown[]) => Promise<unknown>;
    await expect(untyped({ x, y })).rejects.toThrow(
      /estimateKernel: the options must be an object, got undefined; .*kernel/,
    );
    await expect(untyped(undefined, { kernel: "softmax" })).rejects.toThrow(
      /estimateKernel: x must be an array of rows/,
    );
  });

  it.each<[string, object, object, RegExp]>([
    ["NaN", { x: [[0, Number.NaN, 0]] }, {}, /x must hold numbers that float32 can hold, got NaN in row 0, column 1/],
    ["infinity", { y: [[0, 0, 1e39]] }, {}, /y must hold .* got Infinity in row 0, column 2/],
    ["widths that differ", { y: [[1, 2]] }, {}, /rows of x and y must be equally wide, got 3 and 2/],
    ["ragged rows", { y: [[1, 2], [1]] }, {}, /all rows of y must have the same length/],
    ["no rows", { x: [] }, {}, /x must have sizes \[length, width\], both at least 1, got \[0, 0\]/],
    ["batches", { x: { data: x.data, dims: [1, N, D] } }, {}, /x must have sizes .* got \[1, 7, 3\]/],
    [
      "sizes that do not fit",
      { x: { data: x.data, dims: [N, 4] } },
      {},
      /as many elements as its sizes \[7, 4\] say, got 21/,
    ],
    ["flat arrays without a width", { x: x.data }, {}, /a flat array must come with the option width/],
    ["no features", {}, { numFeatures: 0 }, /numFeatures must be a positive integer, got 0/],
    ["parts of features", {}, { numFeatures: 1.5 }, /numFeatures must be a positive integer, got 1.5/],
    ["too many features", {}, { numFeatures: 1e9 }, /numFeatures must be at most 76695844 .* got 1000000000/],
    ["an unknown kernel", {}, { kernel: "gausian" }, /kernel must be one of .* did you mean 'gaussian'/],
    ["an order where there is none", {}, { order: 1 }, /order must be omitted for the softmax kernel/],
    ["an order that is none", {}, { kernel: "arc-cosine", order: 3 }, /order must be 0, 1 or 2, got 3/],
    ["an unknown map", {}, { featureMap: "positiv" }, /featureMap must be one of .* did you mean 'positive'/],
    [
      "a map of another kernel",
      {},
      { featureMap: "gaussian" },
      /must estimate the softmax kernel, got 'gaussian', which estimates the gaussian/,
    ],
    [
      "a map that bounds the kernel",
      {},
      { featureMap: "regularized" },
      /got 'regularized', which estimates a kernel of its own/,
    ],
    ["a map of another order", {}, { kernel: "arc-cosine", featureMap: arcCosineFeatures(0) }, /got 'arc-cosine-0'/],
    [
      "an unknown projection",
      {},
      { projection: "ortogonal" },
      /projection must be one of .* did you mean 'orthogonal'/,
    ],
    ["an unknown option", {}, { features: 5 }, /'features' is not an option; did you mean/],
    [
      "estimates beyond float32",
      { x: [[1e10, 0, 0]], y: [[1e10, 0, 0]] },
      { kernel: "arc-cosine", order: 2 },
      /must stay within float32, got Infinity between row 0/,
    ],
  ])("refuses %s", async (_, arrays, changes, message) => {
    const options = { kernel: "softmax", ...changes } as EstimateKernelOptions; // what JavaScript would let through
    await expect(estimateKernel({ x, y, ...arrays }, options)).rejects.toThrow(message);
    await expect(estimateKernel({ x, y, ...arrays }, options)).rejects.toThrow(GraphError);
  });

  it("gives finite numbers or says what is wrong, for any sizes and norms", async () => {
    const number = fc.double({ min: -1e30, max: 1e30, noNaN: true });
    const side = (width: number) =>
      fc
        .tuple(
          fc.array(fc.array(number, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 5 }),
          fc.integer({ min: -30, max: 9 }),
        )
        .map(([values, exponent]) => values.map((row) => row.map((value) => (value / 1e30) * 10 ** exponent)));
    const kernels = fc.constantFrom(
      ...cases.map(({ kernel, map, order }) => ({ kernel, featureMap: map, ...(order !== undefined && { order }) })),
    );
    const given = fc.integer({ min: 2, max: 6 }).chain((width) => fc.tuple(side(width), side(width), kernels));
    const property = fc.asyncProperty(
      given,
      fc.integer({ min: 1, max: 13 }),
      async ([left, right, options], numFeatures) => {
        try {
          const { data } = await estimateKernel({ x: left, y: right }, { ...options, numFeatures });
          expect(data.every(Number.isFinite)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(KernelError);
        }
      },
    );
    await fc.assert(property, { numRuns: 17, seed: 11 });
  });
});
