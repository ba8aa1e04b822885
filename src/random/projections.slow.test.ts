/** One suite for all kinds of projections: shapes, row lengths, block structure, and unbiased kernel estimates. */
import { ArgumentError } from "../graph/errors.ts";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRandom } from "./generator.ts";
import { gaussianMatrix, gaussianOrthogonalMatrix, projectionKinds, type ProjectionName } from "./projections.ts";

/** Statistical bounds are this many standard errors wide; seeds are fixed, so that a pass stays a pass. */
const STANDARD_ERRORS = 4;
/** Relative to products of rows whose squared length is headDim, a rounding of 2⁻²⁴ in each of headDim entries. */
const TOLERANCE = { float32: 1e-5 };

const kinds = Object.values(projectionKinds);
const kindNames = Object.keys(projectionKinds).filter((name): name is ProjectionName => name in projectionKinds);

function rowOf(matrix: Float32Array, row: number, width: number): number[] {
  return Array.from(matrix.subarray(row * width, (row + 1) * width));
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}

/** The cosine of the angle between every two rows, by their indices; row i in the list of its own earlier rows. */
function cosines(matrix: Float32Array, width: number): { i: number; j: number; cosine: number }[] {
  const rows = Array.from({ length: matrix.length / width }, (_, i) => rowOf(matrix, i, width));
  return rows.flatMap((a, i) =>
    rows.slice(0, i).map((b, j) => ({ i, j, cosine: dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)) })),
  );
}

describe.each(kinds)("the $name projection", ({ name, draw }) => {
  test("has rows of length √headDim under “sqrt”", () => {
    const [numFeatures, headDim] = [29, 7];
    const matrix = draw({ numFeatures, headDim, random: createRandom(2, name), rowLengths: "sqrt" });
    for (let i = 0; i < numFeatures; i++) {
      const row = rowOf(matrix, i, headDim);
      expect(Math.abs(dot(row, row) / headDim - 1)).toBeLessThan(TOLERANCE.float32);
    }
  });

  test("has χ distributed row lengths under “chi”", () => {
    const [numFeatures, headDim] = [5003, 5];
    const matrix = draw({ numFeatures, headDim, random: createRandom(19, name), rowLengths: "chi" });
    const squares = Array.from({ length: numFeatures }, (_, i) => {
      const row = rowOf(matrix, i, headDim);
      return dot(row, row);
    });
    const mean = squares.reduce((sum, value) => sum + value, 0) / numFeatures;
    const variance = squares.reduce((sum, value) => sum + (value - headDim) ** 2, 0) / numFeatures;
    // χ² with d degrees of freedom: mean d, variance 2d, fourth central moment 12d(d + 4).
    expect(Math.abs(mean - headDim)).toBeLessThan(STANDARD_ERRORS * Math.sqrt((2 * headDim) / numFeatures));
    const varianceOfSquare = 12 * headDim * (headDim + 4) - (2 * headDim) ** 2;
    expect(Math.abs(variance - 2 * headDim)).toBeLessThan(STANDARD_ERRORS * Math.sqrt(varianceOfSquare / numFeatures));
  });

  test.each(["chi", "sqrt"] as const)(
    "is the same from the same stream, and moves the stream on (%s)",
    (rowLengths) => {
      const random = createRandom(23, name);
      const options = { numFeatures: 11, headDim: 5, rowLengths };
      const matrix = draw({ ...options, random });
      expect(draw({ ...options, random: createRandom(23, name) })).toEqual(matrix);
      expect(draw({ ...options, random })).not.toEqual(matrix);
    },
  );

  test("begins with the same full blocks whatever the number of rows", () => {
    const headDim = 8;
    const options = { headDim, rowLengths: "sqrt" } as const;
    const whole = draw({ ...options, numFeatures: 24, random: createRandom(37, name) });
    const cutShort = draw({ ...options, numFeatures: 19, random: createRandom(37, name) });
    expect(cutShort).toEqual(whole.subarray(0, 19 * headDim));
  });

  test("gives each entry variance 1 and no mean, in the first row and in the last of a part block", () => {
    const [numFeatures, headDim, numDraws] = [7, 5, 2003];
    const random = createRandom(41, name);
    const moments = new Map([0, 4, 6].map((row) => [row, { sums: [0, 0, 0, 0, 0], squares: [0, 0, 0, 0, 0] }]));
    for (let n = 0; n < numDraws; n++) {
      const matrix = draw({ numFeatures, headDim, random, rowLengths: "sqrt" });
      for (const [row, { sums, squares }] of moments) {
        for (const [i, entry] of rowOf(matrix, row, headDim).entries()) {
          sums[i] = (sums[i] ?? 0) + entry;
          squares[i] = (squares[i] ?? 0) + entry ** 2;
        }
      }
    }
    // An entry of a row of length √d lies in [−√d, √d]: its square has variance at most d − 1, for an axis.
    for (const { sums, squares } of moments.values()) {
      for (const sum of sums) expect(Math.abs(sum / numDraws)).toBeLessThan(STANDARD_ERRORS / Math.sqrt(numDraws));
      for (const square of squares) {
        expect(Math.abs(square / numDraws - 1)).toBeLessThan(STANDARD_ERRORS * Math.sqrt((headDim - 1) / numDraws));
      }
    }
  });

  test("refuses sizes that are not positive integers", () => {
    const options = { numFeatures: 3, headDim: 4, random: createRandom(1), rowLengths: "chi" } as const;
    for (const numFeatures of [0, -1, 2.5, Number.NaN]) {
      const message = `: numFeatures must be a positive integer, got ${numFeatures}; pass a size such as 64.`;
      expect(() => draw({ ...options, numFeatures })).toThrow(ArgumentError);
      expect(() => draw({ ...options, numFeatures })).toThrow(message);
    }
    for (const headDim of [0, 1.5]) {
      expect(() => draw({ ...options, headDim })).toThrow(`: headDim must be a positive integer, got ${headDim}`);
    }
  });
});

test("every kind of projection stands under its own name", () => {
  for (const name of kindNames) expect(projectionKinds[name].name).toBe(name);
});

test("every kind draws a full matrix of finite entries at every size", () => {
  const sizes = {
    name: fc.constantFrom(...kindNames),
    numFeatures: fc.integer({ min: 1, max: 43 }),
    headDim: fc.integer({ min: 2, max: 19 }),
    rowLengths: fc.constantFrom("chi", "sqrt"),
    seed: fc.integer(),
  };
  const property = fc.property(fc.record(sizes), ({ name, numFeatures, headDim, rowLengths, seed }) => {
    const random = createRandom(seed, "property");
    const matrix = projectionKinds[name].draw({ numFeatures, headDim, random, rowLengths });
    expect(matrix).toHaveLength(numFeatures * headDim);
    expect(matrix.every(Number.isFinite)).toBe(true);
    for (let i = 0; i < numFeatures; i++) expect(rowOf(matrix, i, headDim).some((entry) => entry !== 0)).toBe(true);
  });
  fc.assert(property, { seed: 43, numRuns: 150 });
});

describe("the rows of a block", () => {
  test.each([
    { name: "orthogonal", headDim: 7 },
    { name: "givens", headDim: 7 },
    { name: "givens", headDim: 16 },
    { name: "hadamard", headDim: 16 },
  ] as const)("are orthogonal in $name blocks of $headDim, a last one cut short included", ({ name, headDim }) => {
    const numFeatures = 2 * headDim + 3;
    const random = createRandom(17, name);
    const matrix = projectionKinds[name].draw({ numFeatures, headDim, random, rowLengths: "chi" });
    let across = 0;
    for (const { i, j, cosine } of cosines(matrix, headDim)) {
      if (Math.floor(i / headDim) === Math.floor(j / headDim)) expect(Math.abs(cosine)).toBeLessThan(TOLERANCE.float32);
      else across = Math.max(across, Math.abs(cosine));
    }
    expect(across).toBeGreaterThan(0.1);
  });

  test.each([2, 3, 7, 16])("meet at a cosine of −1/(headDim − 1) in simplex blocks of %d", (headDim) => {
    const options = { headDim, random: createRandom(47, headDim), rowLengths: "chi" } as const;
    const matrix = projectionKinds.simplex.draw({ ...options, numFeatures: 2 * headDim + 1 });
    for (const { i, j, cosine } of cosines(matrix, headDim)) {
      if (Math.floor(i / headDim) !== Math.floor(j / headDim)) continue;
      expect(Math.abs(cosine + 1 / (headDim - 1))).toBeLessThan(TOLERANCE.float32);
    }
  });

  test("are independent in the iid projection, which under “sqrt” is the one under “chi”, scaled", () => {
    const options = { numFeatures: 13, headDim: 5 };
    const chi = projectionKinds.iid.draw({ ...options, random: createRandom(53), rowLengths: "chi" });
    const sqrt = projectionKinds.iid.draw({ ...options, random: createRandom(53), rowLengths: "sqrt" });
    expect(chi).toEqual(gaussianMatrix({ ...options, random: createRandom(53) }));
    for (let i = 0; i < options.numFeatures; i++) {
      const [a, b] = [rowOf(chi, i, options.headDim), rowOf(sqrt, i, options.headDim)];
      expect(Math.abs(dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)) - 1)).toBeLessThan(TOLERANCE.float32);
    }
  });
});

test("simplex refuses headDim 1 and names the way out", () => {
  const options = { numFeatures: 3, headDim: 1, random: createRandom(1), rowLengths: "chi" } as const;
  expect(() => projectionKinds.simplex.draw(options)).toThrow(ArgumentError);
  expect(() => projectionKinds.simplex.draw(options)).toThrow(
    "projectionKinds.simplex: headDim must be at least 2, got 1; " +
      "a simplex of one vertex has no direction, use projectionKinds.orthogonal.",
  );
});

describe("with headDim = 16 and ‖z‖ = 1.5, E exp(ω·z − ‖z‖²/2)", () => {
  const [headDim, norm, numDraws] = [16, 1.5, 1499];
  // The estimate is log-normal, its tail heavier than a normal's, and 32 rows of each kind are looked at.
  const ROW_STANDARD_ERRORS = 6;
  const standardError = (numRows: number) => Math.sqrt((Math.exp(norm ** 2) - 1) / numRows);

  // Of the other kinds, givens comes nearer to unbiased than any number of draws here could tell.
  const checked = kinds.filter(({ name, unbiased }) => unbiased || name === "givens");
  test.each(checked)("is 1 for every row of $name, along the first axis and along the diagonal", ({ name, draw }) => {
    const random = createRandom(11, name);
    const matrix = draw({ numFeatures: numDraws * headDim, headDim, random, rowLengths: "chi" });
    const means = { firstAxis: new Float64Array(headDim), diagonal: new Float64Array(headDim) };
    for (let start = 0; start < matrix.length; start += headDim) {
      const row = (start / headDim) % headDim;
      const sum = matrix.subarray(start, start + headDim).reduce((total, entry) => total + entry, 0);
      const products = { firstAxis: (matrix[start] ?? 0) * norm, diagonal: (sum / Math.sqrt(headDim)) * norm };
      for (const direction of ["firstAxis", "diagonal"] as const) {
        const estimate = Math.exp(products[direction] - norm ** 2 / 2);
        means[direction][row] = (means[direction][row] ?? 0) + estimate / numDraws;
      }
    }
    for (const ofRows of Object.values(means)) {
      for (const mean of ofRows) expect(Math.abs(mean - 1)).toBeLessThan(ROW_STANDARD_ERRORS * standardError(numDraws));
      // Coupled rows do not add to each other's error, so that the mean over rows is as sharp as over independent ones.
      const mean = ofRows.reduce((sum, value) => sum + value, 0) / headDim;
      expect(Math.abs(mean - 1)).toBeLessThan(STANDARD_ERRORS * standardError(numDraws * headDim));
    }
  });
});

describe("gaussianOrthogonalMatrix", () => {
  test("draws the matrices that saved models were made with", () => {
    const options = { numFeatures: 4, headDim: 3, random: createRandom(31, "golden"), rowLengths: "chi" } as const;
    // Drawn by this package's first version; the last row opens the second block.
    const golden = [
      -0.6461477279663086, 1.1337798833847046, 0.6840139031410217, 0.37571096420288086, 0.5016453862190247,
      -0.47658485174179077, 1.1537576913833618, 0.06654074788093567, 0.9795931577682495, -0.08379114419221878,
      1.8989322185516357, -0.6481966376304626,
    ];
    expect(Array.from(gaussianOrthogonalMatrix(options))).toEqual(golden);
    expect(projectionKinds.orthogonal.draw({ ...options, random: createRandom(31, "golden") })).toEqual(
      Float32Array.from(golden),
    );
  });

  test("names itself when it refuses a size", () => {
    const random = createRandom(1);
    expect(() => gaussianOrthogonalMatrix({ numFeatures: 0, headDim: 4, random, rowLengths: "chi" })).toThrow(
      "gaussianOrthogonalMatrix: numFeatures must be a positive integer, got 0",
    );
    expect(() => gaussianMatrix({ numFeatures: 3, headDim: 1.5, random })).toThrow(
      "gaussianMatrix: headDim must be a positive integer, got 1.5",
    );
  });
});

test("gaussianMatrix holds independent standard normal entries", () => {
  const [numFeatures, headDim] = [2003, 7];
  const matrix = gaussianMatrix({ numFeatures, headDim, random: createRandom(29) });
  const count = numFeatures * headDim;
  expect(matrix).toHaveLength(count);
  expect(Math.abs(matrix.reduce((sum, value) => sum + value, 0) / count)).toBeLessThan(
    STANDARD_ERRORS / Math.sqrt(count),
  );
  const square = matrix.reduce((sum, value) => sum + value * value, 0) / count;
  expect(Math.abs(square - 1)).toBeLessThan(STANDARD_ERRORS * Math.sqrt(2 / count));
});
