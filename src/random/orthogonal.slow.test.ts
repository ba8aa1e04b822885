/** Orthogonality, and the two faces of the Haar correction: unbiased with it, biased without. */
import { describe, expect, test } from "vitest";
import { createRandom, fillNormal, type Random } from "./generator.ts";
import { haarOrthogonal } from "./orthogonal.ts";

/** Statistical bounds are this many standard errors wide; seeds are fixed, so that a pass stays a pass. */
const STANDARD_ERRORS = 4;
const TOLERANCE = { float64: 1e-12 };

function rowOf(matrix: Float64Array, row: number, width: number): number[] {
  return Array.from(matrix.subarray(row * width, (row + 1) * width));
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}

/** Qᵀ of a textbook Householder QR of a Gaussian matrix, without the sign correction. */
function uncorrectedOrthogonal(size: number, random: Random): Float64Array {
  const gaussian = fillNormal(random, new Float64Array(size * size));
  let columns = Array.from({ length: size }, (_, j) => rowOf(gaussian, j, size));
  let rows: number[][] = columns.map((_, j) => columns.map((_, i) => (i === j ? 1 : 0)));
  const reflections: number[][] = [];
  const reflected = (x: readonly number[], v: readonly number[]) => {
    const factor = (2 * dot(v, x)) / dot(v, v);
    return x.map((value, i) => value - factor * (v[i] ?? 0));
  };
  for (let k = 0; k < size; k++) {
    const v = (columns[k] ?? []).map((value, i) => (i < k ? 0 : value));
    v[k] = (v[k] ?? 0) + Math.sign(v[k] ?? 0) * Math.sqrt(dot(v, v));
    columns = columns.map((column) => reflected(column, v));
    reflections.push(v);
  }
  for (const v of reflections.toReversed()) rows = rows.map((row) => reflected(row, v));
  return Float64Array.from(rows.flat());
}

/**
 * For every row ω of a size × size block scaled to χ lengths, the mean over draws of the positive features' estimate
 * divided by the truth: exp(ω·x − ‖x‖²/2)·exp(ω·y − ‖y‖²/2) / exp(x·y).
 */
function estimateOverTruth(
  draw: (size: number, random: Random) => Float64Array,
  { x, y, numDraws, random }: { x: readonly number[]; y: readonly number[]; numDraws: number; random: Random },
): number[] {
  const size = x.length;
  const sums = Array.from({ length: size }, () => 0);
  for (let n = 0; n < numDraws; n++) {
    const block = draw(size, random);
    for (let row = 0; row < size; row++) {
      const length = Math.hypot(...fillNormal(random, new Float64Array(size)));
      const w = rowOf(block, row, size).map((value) => value * length);
      const estimate = Math.exp(dot(w, x) - dot(x, x) / 2) * Math.exp(dot(w, y) - dot(y, y) / 2);
      sums[row] = (sums[row] ?? 0) + estimate / Math.exp(dot(x, y)) / numDraws;
    }
  }
  return sums;
}

describe("haarOrthogonal", () => {
  test.each([1, 2, 3, 16, 61])("has orthonormal rows and columns at size %d", (size) => {
    const rows = haarOrthogonal(size, createRandom(3, size));
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        const identity = i === j ? 1 : 0;
        expect(Math.abs(dot(rowOf(rows, i, size), rowOf(rows, j, size)) - identity)).toBeLessThan(TOLERANCE.float64);
        let columnDot = 0;
        for (let k = 0; k < size; k++) columnDot += (rows[k * size + i] ?? 0) * (rows[k * size + j] ?? 0);
        expect(Math.abs(columnDot - identity)).toBeLessThan(TOLERANCE.float64);
      }
    }
  });

  test("is the uncorrected factor up to the signs of its rows", () => {
    const size = 7;
    const corrected = haarOrthogonal(size, createRandom(5));
    const uncorrected = uncorrectedOrthogonal(size, createRandom(5));
    for (let row = 0; row < size; row++) {
      const product = dot(rowOf(corrected, row, size), rowOf(uncorrected, row, size));
      expect(Math.abs(Math.abs(product) - 1)).toBeLessThan(TOLERANCE.float64);
    }
  });

  test("has diagonal entries of mean 0 and variance 1/size, where the uncorrected factor's first is always negative", () => {
    const size = 5;
    const numDraws = 4000;
    const random = createRandom(7, "diagonal");
    const means = Array.from({ length: size }, () => 0);
    let square = 0;
    for (let n = 0; n < numDraws; n++) {
      const rows = haarOrthogonal(size, random);
      for (let i = 0; i < size; i++) means[i] = (means[i] ?? 0) + (rows[i * size + i] ?? 0) / numDraws;
      square += (rows[0] ?? 0) ** 2 / numDraws;
    }
    // A coordinate of a random unit vector: E u² = 1/n, E u⁴ = 3/(n(n + 2)).
    for (const value of means) expect(Math.abs(value)).toBeLessThan(STANDARD_ERRORS * Math.sqrt(1 / size / numDraws));
    const fourth = 3 / (size * (size + 2));
    expect(Math.abs(square - 1 / size)).toBeLessThan(STANDARD_ERRORS * Math.sqrt((fourth - 1 / size ** 2) / numDraws));
    for (let n = 0; n < 50; n++) expect(uncorrectedOrthogonal(size, random)[0]).toBeLessThan(0);
  });

  describe("as the source of positive features at headDim = 16, ‖x + y‖ = 1.5", () => {
    const headDim = 16;
    const numDraws = 2000;
    // The estimate over the truth is exp(ω·(x + y) − ‖x + y‖²/2), of mean 1 and variance exp(‖x + y‖²) − 1.
    const bound = STANDARD_ERRORS * Math.sqrt((Math.exp(1.5 ** 2) - 1) / numDraws);
    const alongFirstAxis = Array.from({ length: headDim }, (_, i) => (i === 0 ? 0.75 : 0));
    const alongDiagonal = Array.from({ length: headDim }, () => 0.75 / 4);

    test.each([
      { direction: "the first axis", x: alongFirstAxis, y: alongFirstAxis },
      { direction: "the diagonal", x: alongDiagonal, y: alongDiagonal },
    ])("every row estimates the kernel without bias along $direction", ({ x, y }) => {
      const ratios = estimateOverTruth(haarOrthogonal, { x, y, numDraws, random: createRandom(11, "haar") });
      expect(ratios).toHaveLength(headDim);
      for (const ratio of ratios) expect(Math.abs(ratio - 1)).toBeLessThan(bound);
    });

    test("the first row of an uncorrected factor is biased", () => {
      const options = { x: alongFirstAxis, y: alongFirstAxis, numDraws: 400, random: createRandom(13, "biased") };
      const [first = 1] = estimateOverTruth(uncorrectedOrthogonal, options);
      expect(first).toBeLessThan(1 - STANDARD_ERRORS * Math.sqrt((Math.exp(1.5 ** 2) - 1) / options.numDraws));
      expect(first).toBeLessThan(0.3);
    });
  });

  test.each([0, -1, 2.5])("refuses the size %d", (size) => {
    expect(() => haarOrthogonal(size, createRandom(1))).toThrow(/haarOrthogonal: size must be a positive integer/);
  });
});
