/** What the claims of theory stand on: pairs as asked for, and terms that are those of the formula. */
import { featureMaps } from "performer-ts/attention";
import { createRandom, gaussianMatrix } from "performer-ts/random";
import { describe, expect, test } from "vitest";

import { drawTerms, forEachEstimate, type Terms } from "./kernel-terms.ts";
import { drawPair, innerProduct, squaredDifference, squaredSum, type PairShape } from "./vector-pairs.ts";

/** Vectors are rounded to float32, and terms computed in it. */
const FLOAT32_DIGITS = 5;

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}

describe("pairs of vectors", () => {
  test.each([0, 37, 90, 180])("have the norms and the angle that were asked for: %d°", (angleDegrees) => {
    const shape: PairShape = { normX: 1.3, normY: 0.7, angleDegrees };
    const { x, y } = drawPair(shape, 11, createRandom(3));
    expect(dot(x, x)).toBeCloseTo(1.3 ** 2, FLOAT32_DIGITS);
    expect(dot(y, y)).toBeCloseTo(0.7 ** 2, FLOAT32_DIGITS);
    expect(dot(x, y)).toBeCloseTo(innerProduct(shape), FLOAT32_DIGITS);
    const [sum, difference] = [x.map((value, i) => value + (y[i] ?? 0)), x.map((value, i) => value - (y[i] ?? 0))];
    expect(dot(sum, sum)).toBeCloseTo(squaredSum(shape), FLOAT32_DIGITS);
    expect(dot(difference, difference)).toBeCloseTo(squaredDifference(shape), FLOAT32_DIGITS);
  });

  test("are exactly opposite at 180°", () => {
    const { x, y } = drawPair({ normX: 0.9, normY: 0.9, angleDegrees: 180 }, 13, createRandom(5));
    expect([...y]).toEqual(Array.from(x, (value) => -value));
  });
});

describe("terms", () => {
  test("are exp(ω·(x + y) − (‖x‖² + ‖y‖²)/2) for positive features, for every pair and row", async () => {
    const headDim = 7;
    const pairs = [40, 110].map((angleDegrees) =>
      drawPair({ normX: 0.5, normY: 1.1, angleDegrees }, headDim, createRandom(angleDegrees)),
    );
    const numBlocks = 3;
    const { positive } = featureMaps;
    const options = { maps: { positive }, pairs, projection: "iid", numBlocks, random: createRandom(17) } as const;
    const batches: Terms<"positive">[] = [];
    for await (const terms of drawTerms(options)) batches.push(terms);
    const rows = gaussianMatrix({ numFeatures: numBlocks * headDim, headDim, random: createRandom(17) });
    expect(batches).toHaveLength(1);
    pairs.forEach(({ x, y }, index) => {
      const terms = batches[0]?.positive[index] ?? [];
      expect(terms).toHaveLength(numBlocks * headDim);
      for (const [row, term] of terms.entries()) {
        const omega = rows.subarray(row * headDim, (row + 1) * headDim);
        const exponent = dot(omega, x) + dot(omega, y) - (dot(x, x) + dot(y, y)) / 2;
        expect(term / Math.exp(exponent)).toBeCloseTo(1, FLOAT32_DIGITS);
      }
    });
  });

  test("come for as many blocks as were asked for, when these are no whole number of batches", async () => {
    const headDim = 64;
    const pairs = [drawPair({ normX: 0.5, normY: 0.5, angleDegrees: 90 }, headDim, createRandom(1))];
    const numBlocks = 19;
    const { positive } = featureMaps;
    const told: number[] = [];
    const onBlocks = (done: number) => told.push(done);
    const options = { maps: { positive }, pairs, projection: "orthogonal", numBlocks, onBlocks } as const;
    const counts: number[] = [];
    for await (const terms of drawTerms({ ...options, random: createRandom(2) })) {
      counts.push(terms.positive[0]?.length ?? 0);
    }
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(numBlocks * headDim);
    expect(counts.length).toBeGreaterThan(1);
    expect(told.at(-1)).toBe(numBlocks);
  });

  test("are averaged over neighbours, an incomplete rest left out", () => {
    const means: number[] = [];
    forEachEstimate(Float32Array.of(1, 2, 3, 5, 8, 13, 21), 3, (mean) => means.push(mean));
    expect(means).toEqual([2, 26 / 3]);
  });
});
