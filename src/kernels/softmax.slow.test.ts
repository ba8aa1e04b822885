/** The softmax over items: its normalisers, scores and draws against exact sums and naive products, and its errors. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { relativeError } from "../../tests/model/harness.ts";
import { featureMaps, type FeatureMapName } from "../attention/favor/maps/index.ts";
import type { FeatureMap } from "../attention/feature-map.ts";
import { drawProjection } from "../attention/favor/projections.ts";
import { naiveMaps } from "../../tests/attention/naive.ts";
import { exp, sub } from "../ops/elementwise.ts";
import { createRandom, fillNormal } from "../random/index.ts";
import { createSoftmax, estimateKernel, KernelError, type SoftmaxOptions } from "./index.ts";

const TOLERANCE = {
  /** Float32 features against other float32 features or float64 twins. */
  float32: 5e-5,
  /** Logarithms of features of rows with ‖x‖² ≈ 900: float32 keeps them to 1e-4 or so. */
  longRows: 3e-3,
} as const;

/** Items fill two blocks of 128 and a part of a third. */
const [N, Q, D, M] = [307, 5, 7, 19];
const temperature = 0.5;

function rows(name: string, length: number, norm = 0.6) {
  return {
    data: fillNormal(createRandom(7, name), new Float32Array(length * D), norm / Math.sqrt(D)),
    dims: [length, D],
  };
}

type Given = ReturnType<typeof rows>;
const [items, queries] = [rows("items", N), rows("queries", Q)];

const list = ({ data }: Given) =>
  Array.from({ length: data.length / D }, (_, n) => Array.from(data.subarray(n * D, (n + 1) * D)));
const scaledBy = (given: Given, factor: number): Given => ({
  ...given,
  data: given.data.map((value) => value * factor),
});
const dot = (a: readonly number[], b: readonly number[]) =>
  a.reduce((total, value, i) => total + value * (b[i] ?? 0), 0);
const sum = (values: Iterable<number>) => Array.from(values).reduce((total, value) => total + value, 0);

/** φ(q)·φ(k_i) by the estimator that has tests of its own: `[Q][N]`. */
async function estimates(options: { readonly numFeatures: number; readonly seed: number }): Promise<number[][]> {
  const root = temperature ** -0.5;
  const arrays = { x: scaledBy(queries, root), y: scaledBy(items, root) };
  const { data } = await estimateKernel(arrays, { kernel: "softmax", ...options });
  return Array.from({ length: Q }, (_, query) => Array.from(data.subarray(query * N, (query + 1) * N)));
}

/**
 * Σ_ij exp(x·y_i + x·y_j) (exp((x + y_i)·(x + y_j)) − 1): the variance of Ẑ by one independent row of the projection.
 */
function rowVariance(query: readonly number[]): number {
  const x = query.map((value) => value / Math.sqrt(temperature));
  const sums = list(items).map((item) =>
    Float64Array.from(item, (value, i) => value / Math.sqrt(temperature) + (x[i] ?? 0)),
  );
  const kernels = sums.map((both) => Math.exp(dot(x, Array.from(both)) - dot(x, x)));
  let total = 0;
  sums.forEach((a, i) => {
    sums.forEach((b, j) => {
      let product = 0;
      for (let d = 0; d < D; d++) product += (a[d] ?? 0) * (b[d] ?? 0);
      total += (kernels[i] ?? 0) * (kernels[j] ?? 0) * Math.expm1(product);
    });
  });
  return total;
}

const rowVariances = list(queries).map(rowVariance);

describe("createSoftmax: normalisers", () => {
  it("are sums of the kernel's estimates", async () => {
    const options = { numFeatures: M, seed: 3 };
    await using softmax = await createSoftmax(items, { ...options, temperature });
    const { data, dims } = await softmax.logNormalizers(queries);
    expect(dims).toEqual([Q]);
    expect(relativeError(data.map(Math.exp), (await estimates(options)).map(sum))).toBeLessThan(TOLERANCE.float32);
  });

  it("are within 4 standard errors of the exact ones, as the formula for their variance predicts them", async () => {
    const numFeatures = 2003;
    await using softmax = await createSoftmax(items, { numFeatures, temperature, projection: "iid", seed: 5 });
    const { data, relativeErrors } = await softmax.logNormalizers(queries);
    softmax.exactLogNormalizers(queries).forEach((exact, query) => {
      const predicted = Math.sqrt((rowVariances[query] ?? 0) / numFeatures) / Math.exp(exact);
      expect(Math.abs(Math.exp((data[query] ?? 0) - exact) - 1), `query ${query}`).toBeLessThan(4 * predicted);
      // Fourth moments of exponentials are large: the error of the error is some 10 %.
      expect(Math.abs((relativeErrors[query] ?? 0) / predicted - 1), `query ${query}`).toBeLessThan(0.5);
    });
  });

  it("are unbiased over seeds", async () => {
    const seeds = 13;
    const each: Float64Array[] = [];
    for (let seed = 0; seed < seeds; seed++) {
      await using softmax = await createSoftmax(items, { numFeatures: M, temperature, projection: "iid", seed });
      each.push((await softmax.logNormalizers(queries)).data.map(Math.exp));
      if (seed > 0) continue;
      const naive = list(queries).map((query) =>
        sum(list(items).map((item) => Math.exp(dot(query, item) / temperature))),
      );
      expect(relativeError(softmax.exactLogNormalizers(queries).map(Math.exp), naive)).toBeLessThan(1e-6);
    }
    list(queries).forEach((query, index) => {
      const mean = sum(each.map((estimated) => estimated[index] ?? 0)) / seeds;
      const exact = sum(list(items).map((item) => Math.exp(dot(query, item) / temperature)));
      const standardError = Math.sqrt((rowVariances[index] ?? 0) / (M * seeds));
      expect(Math.abs(mean - exact), `query ${index}`).toBeLessThan(4 * standardError);
    });
  });

  it.each<FeatureMapName>(["hyperbolic", "simplex", "optimal", "rescaled", "saderf"])(
    "come near with '%s' features too",
    async (featureMap) => {
      const measures = featureMaps[featureMap].statistics !== undefined;
      const options = {
        featureMap,
        numFeatures: 1009,
        temperature,
        ...(measures && { sampleQueries: rows("samples", 41) }),
      };
      await using softmax = await createSoftmax(items, options);
      const { data, relativeErrors } = await softmax.logNormalizers(queries);
      softmax.exactLogNormalizers(queries).forEach((exact, query) => {
        expect(Math.abs(Math.exp((data[query] ?? 0) - exact) - 1)).toBeLessThan(4 * (relativeErrors[query] ?? 0));
      });
    },
  );

  it("do not depend on which other queries are asked for", async () => {
    await using softmax = await createSoftmax(items, { numFeatures: M });
    const many = rows("many", 1_031); // more than are held at once
    const { data } = await softmax.logNormalizers(many);
    for (const query of [0, 127, 128, 1_023, 1_024, 1_030]) {
      const alone = await softmax.logNormalizers([many.data.subarray(query * D, (query + 1) * D)]);
      expect(alone.data[0]).toBeCloseTo(data[query] ?? Number.NaN, 5);
    }
  });

  it("are logarithms of naive sums for long rows, whose features no float could hold", async () => {
    const [longItems, longQueries] = [scaledBy(items, 50), scaledBy(queries, 50)];
    await using softmax = await createSoftmax(longItems, { numFeatures: M, seed: 3 });
    const { data } = await softmax.logNormalizers(longQueries);
    const drawn = drawProjection(featureMaps.positive, createRandom(3, "projection"), { headDim: D, numFeatures: M });
    const projection = list({ data: Float32Array.from(drawn.data as Float32Array), dims: [M, D] });
    const logs = naiveMaps.positive(list(longQueries), list(longItems), projection, {});
    logs.queries.forEach((query, index) => {
      const terms = logs.keys.flatMap((key) => key.map(({ log }, m) => log + (query[m]?.log ?? 0)));
      const top = Math.max(...terms);
      const expected = top + Math.log(sum(terms.map((term) => Math.exp(term - top))) / M);
      expect(expected).toBeLessThan(-100);
      expect(Math.abs((data[index] ?? 0) - expected)).toBeLessThan(TOLERANCE.longRows);
    });
  });

  it("take positive maps of your own, in any form of features", async () => {
    const plain: FeatureMap = {
      ...featureMaps.positive,
      name: "plain-positive",
      kind: "plain",
      features: (x, projection) => {
        const features = featureMaps.positive.features(x, projection);
        if (features.kind !== "exponential") throw new TypeError("positive features are exponential");
        return { kind: "plain", features: exp(sub(features.logits, features.shift)) };
      },
    };
    await using own = await createSoftmax(items, { featureMap: plain, numFeatures: M });
    await using table = await createSoftmax(items, { numFeatures: M });
    const [a, b] = [await own.logNormalizers(queries), await table.logNormalizers(queries)];
    expect(relativeError(a.data, b.data)).toBeLessThan(TOLERANCE.float32);
    expect((await own.sample(queries, 11)).indices).toEqual((await table.sample(queries, 11)).indices);
  });
});

describe("createSoftmax: draws", () => {
  it("follow the approximated softmax, and say their probabilities in it", async () => {
    const options = { numFeatures: M, seed: 3 };
    await using softmax = await createSoftmax(items, { ...options, temperature });
    const draws = 20_011;
    const { indices, probabilities, dims } = await softmax.sample(
      { data: queries.data.subarray(0, 2 * D), dims: [2, D] },
      draws,
    );
    expect(dims).toEqual([2, draws]);
    const kernels = await estimates(options);
    for (const query of [0, 1]) {
      const kernel = kernels[query] ?? [];
      const normaliser = sum(kernel);
      const expected = kernel.map((value) => value / normaliser);
      const counts = new Float64Array(N);
      for (let draw = query * draws; draw < (query + 1) * draws; draw++) {
        const item = indices[draw] ?? -1;
        counts[item] = (counts[item] ?? 0) + 1;
        if (draw % 97 === 0) {
          expect(Math.abs((probabilities[draw] ?? 0) / (expected[item] ?? 0) - 1)).toBeLessThan(TOLERANCE.float32);
        }
      }
      const chiSquare = sum(
        expected.map((share, item) => ((counts[item] ?? 0) - draws * share) ** 2 / (draws * share)),
      );
      // χ² with N − 1 degrees of freedom has mean N − 1 and variance 2(N − 1).
      expect(Math.abs(chiSquare - (N - 1)), `query ${query}`).toBeLessThan(4 * Math.sqrt(2 * (N - 1)));
    }
  });

  it("give unbiased exact normalisers when weighted by their probabilities", async () => {
    await using softmax = await createSoftmax(items, { numFeatures: M, temperature });
    const draws = 2_003;
    const [itemRows, queryRows] = [list(items), list(queries)];
    const { indices, probabilities } = await softmax.sample(queries, draws);
    softmax.exactLogNormalizers(queries).forEach((exact, query) => {
      const weights = Array.from({ length: draws }, (_, draw) => {
        const item = itemRows[indices[query * draws + draw] ?? 0] ?? [];
        return (
          Math.exp(dot(queryRows[query] ?? [], item) / temperature - exact) / (probabilities[query * draws + draw] ?? 0)
        );
      });
      const mean = sum(weights) / draws;
      const variance = sum(weights.map((weight) => (weight - mean) ** 2)) / (draws - 1);
      expect(Math.abs(mean - 1)).toBeLessThan(4 * Math.sqrt(variance / draws));
    });
  });

  it("are the same for the same seed, and others for another", async () => {
    await using softmax = await createSoftmax(items, { numFeatures: M, seed: 3 });
    const first = await softmax.sample(queries, 13);
    expect(await softmax.sample(queries, 13, 3)).toEqual(first);
    expect((await softmax.sample(queries, 13, 4)).indices).not.toEqual(first.indices);
  });
});

describe("createSoftmax: scores and rows", () => {
  it("are exact numerators over the normaliser that was asked for", async () => {
    await using softmax = await createSoftmax(items, { numFeatures: M, temperature });
    const chosen = [306, 0, 131];
    const { data, dims } = await softmax.scores(queries, chosen);
    const { data: logNormalizers } = await softmax.logNormalizers(queries);
    const expected = list(queries).flatMap((query, index) =>
      chosen.map((item) => Math.exp(dot(query, list(items)[item] ?? []) / temperature - (logNormalizers[index] ?? 0))),
    );
    expect(dims).toEqual([Q, 3]);
    expect(relativeError(data, expected)).toBeLessThan(TOLERANCE.float32);
    const estimated = await softmax.row(queries.data.subarray(0, D));
    expect(estimated.dims).toEqual([N]);
    expect(chosen.map((item) => estimated.data[item])).toEqual(Array.from(data.subarray(0, 3)));
    const exact = await softmax.row(queries.data.subarray(0, D), "exact");
    expect(sum(exact.data)).toBeCloseTo(1, 6);
    const ratio = (estimated.data[0] ?? 0) / (exact.data[0] ?? 1);
    expect(
      relativeError(
        estimated.data,
        exact.data.map((value) => value * ratio),
      ),
    ).toBeLessThan(TOLERANCE.float32);
  });
});

describe("createSoftmax", () => {
  it("says what it holds, in bytes", async () => {
    await using softmax = await createSoftmax(items, { numFeatures: M });
    const blocks = 3;
    expect(softmax.bytesPerItem).toBe(4 * D + (8 * M) / 128);
    expect(softmax.sizeBytes).toBe(blocks * 128 * D * 4 + M * D * 4 + M * 8 + M * blocks * 8);
    expect([softmax.numItems, softmax.width]).toEqual([N, D]);
  });

  it("keeps the items as they were, and takes flat queries", async () => {
    const given = items.data.slice();
    await using softmax = await createSoftmax(given, { width: D, numFeatures: M });
    const before = await softmax.logNormalizers(queries);
    given.fill(Number.NaN);
    expect(await softmax.logNormalizers(queries.data)).toEqual(before);
  });

  it("cannot be asked after it was disposed of", async () => {
    const softmax = await createSoftmax(items, { numFeatures: M });
    await softmax.dispose();
    await expect(softmax.logNormalizers(queries)).rejects.toThrow(/disposed/);
  });

  it.each<[string, object, RegExp]>([
    ["a temperature of 0", { temperature: 0 }, /temperature must be a number above 0, got 0/],
    ["an infinite temperature", { temperature: Number.POSITIVE_INFINITY }, /temperature must be a number above 0/],
    ["no features", { numFeatures: 0 }, /numFeatures must be a positive integer, got 0/],
    ["too many features", { numFeatures: 1e8 }, /numFeatures must be at most 4194304/],
    [
      "a map that is not positive",
      { featureMap: "trigonometric" },
      /got 'trigonometric', whose features can be negative/,
    ],
    ["a map of another kernel", { featureMap: "relu" }, /got 'relu', which estimates another kernel/],
    ["a map that must measure queries", { featureMap: "optimal" }, /sampleQueries must be given for 'optimal'/],
    [
      "queries for a map that measures none",
      { sampleQueries: queries },
      /sampleQueries must be omitted for 'positive'/,
    ],
    ["an unknown map", { featureMap: "hyperbol" }, /did you mean 'hyperbolic'/],
    ["an unknown option", { temprature: 2 }, /'temprature' is not an option; did you mean 'temperature'/],
  ])("refuses %s", async (_, options, message) => {
    await expect(createSoftmax(items, options as SoftmaxOptions)).rejects.toThrow(message);
    await expect(createSoftmax(items, options as SoftmaxOptions)).rejects.toThrow(KernelError);
  });

  it("refuses items and queries that are none", async () => {
    await expect(createSoftmax([])).rejects.toThrow(/items must have sizes/);
    await expect(createSoftmax([[1, Number.NaN]])).rejects.toThrow(/items must hold .* got NaN in row 0, column 1/);
    await expect(createSoftmax([[1e25, 1e25]])).rejects.toThrow(/items must be short enough .* got 2.00e\+50 in row 0/);
    await using softmax = await createSoftmax(items, { numFeatures: M });
    await expect(softmax.logNormalizers([[1, 2]])).rejects.toThrow(
      /queries and the items must be equally wide, got 2 and 7/,
    );
    await expect(softmax.logNormalizers([Array.from({ length: D }, () => Number.NaN)])).rejects.toThrow(/got NaN/);
    await expect(softmax.logNormalizers([Array.from({ length: D }, () => 1e25)])).rejects.toThrow(
      /queries must be short enough/,
    );
    for (const item of [-1, N, 0.5]) {
      await expect(softmax.scores(queries, [0, item])).rejects.toThrow(
        /whole numbers from 0 to 306, at least one, got/,
      );
    }
    await expect(softmax.scores(queries, [])).rejects.toThrow(/at least one, got none/);
    await expect(softmax.sample(queries, 0)).rejects.toThrow(/count must be a positive integer, got 0/);
    const long = [Array.from(items.data.subarray(0, D), (value) => value * 1e4)];
    await expect(softmax.scores(long, [0])).rejects.toThrow(/the normaliser is underestimated by far/);
  });

  it("gives finite numbers or says what is wrong, for any sizes and norms", async () => {
    const number = fc.double({ min: -1, max: 1, noNaN: true });
    const side = (width: number, most: number) =>
      fc
        .tuple(
          fc.array(fc.array(number, { minLength: width, maxLength: width }), { minLength: 1, maxLength: most }),
          fc.integer({ min: -30, max: 12 }),
        )
        .map(([values, exponent]) => values.map((row) => row.map((value) => value * 10 ** exponent)));
    const given = fc.integer({ min: 1, max: 6 }).chain((width) => fc.tuple(side(width, 150), side(width, 5)));
    const property = fc.asyncProperty(
      given,
      fc.integer({ min: 1, max: 13 }),
      async ([someItems, someQueries], numFeatures) => {
        try {
          await using softmax = await createSoftmax(someItems, { numFeatures });
          const { data } = await softmax.logNormalizers(someQueries);
          const { indices, probabilities } = await softmax.sample(someQueries, 3);
          const { data: exact } = await softmax.row(someQueries[0] ?? [], "exact");
          expect([...data, ...exact].every(Number.isFinite)).toBe(true);
          expect(indices.every((item) => item >= 0 && item < someItems.length)).toBe(true);
          // Float32 logarithms of long rows are rounded differently in sums and in single terms.
          expect(probabilities.every((value) => value > 0 && value < 1.01)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(KernelError);
        }
      },
    );
    await fc.assert(property, { numRuns: 17, seed: 11 });
  });
});
