/** Powers of symmetric matrices, by what defines them. */

import { expect, it } from "vitest";
import { createRandom, fillNormal } from "../random/index.ts";
import { dot, eigenvectors, multiply, powerOf, transpose, type Matrix } from "./matrices.ts";

const SIZE = 17;
/** Float64 sums of 17 products, over some hundred rotations. */
const TOLERANCE = 1e-12;

const normal = Array.from(fillNormal(createRandom(7, "matrix"), new Float64Array(SIZE * SIZE)));
const square = Array.from({ length: SIZE }, (_, i) => normal.slice(i * SIZE, (i + 1) * SIZE));
const positive = multiply(square, transpose(square));
const largest = (matrix: Matrix) => Math.max(...matrix.flat().map(Math.abs));
const minus = (a: Matrix, b: Matrix) => a.map((row, i) => row.map((each, j) => each - (b[i]?.[j] ?? Number.NaN)));
const identity = square.map((row, i) => row.map((_, j) => Number(i === j)));

it("finds orthonormal vectors that the matrix only stretches", () => {
  const { values, vectors } = eigenvectors(positive);
  expect(largest(minus(multiply(vectors, transpose(vectors)), identity))).toBeLessThan(TOLERANCE);
  const stretched = vectors.map((vector, i) => vector.map((each) => each * (values[i] ?? 0)));
  expect(largest(minus(multiply(vectors, positive), stretched))).toBeLessThan(TOLERANCE * largest(positive));
});

it("gives roots whose square is the matrix, and inverse roots that undo them", () => {
  const root = powerOf(positive, 1 / 2);
  expect(largest(minus(multiply(root, root), positive))).toBeLessThan(TOLERANCE * largest(positive));
  expect(largest(minus(multiply(root, powerOf(positive, -1 / 2)), identity))).toBeLessThan(1e-9); // condition of the root: some 10³
});

it("leaves diagonal matrices and zeros alone", () => {
  expect(
    powerOf(
      [
        [4, 0],
        [0, 9],
      ],
      1 / 2,
    ),
  ).toEqual([
    [2, 0],
    [0, 3],
  ]);
  expect(
    eigenvectors([
      [0, 0],
      [0, 0],
    ]).values,
  ).toEqual([0, 0]);
  expect(dot([2, 3], [5, 7])).toBe(31);
});
