/** How far one map is from another. */

import fc from "fast-check";
import { expect, it } from "vitest";

import { differenceOf } from "./beside.ts";

const length = 5;
const row = fc
  .array(fc.integer({ min: 0, max: 9 }), { minLength: length, maxLength: length })
  .filter((counts) => counts.some((count) => count > 0))
  .map((counts) => counts.map((count) => count / counts.reduce((sum, each) => sum + each, 0)));
const map = fc.array(row, { minLength: length, maxLength: length }).map((rows) => Float32Array.from(rows.flat()));

it("is a share: 0 for equal maps, at most 1, the same both ways, and never longer by a way round", () => {
  fc.assert(
    fc.property(map, map, map, (a, b, c) => {
      expect(differenceOf(a, a, length)).toBe(0);
      expect(differenceOf(a, b, length)).toBe(differenceOf(b, a, length));
      expect(differenceOf(a, b, length)).toBeLessThanOrEqual(1 + 1e-6);
      expect(differenceOf(a, c, length)).toBeLessThanOrEqual(
        differenceOf(a, b, length) + differenceOf(b, c, length) + 1e-6,
      );
    }),
  );
});

it("is 1 where every query looks elsewhere, and the share of the queries where some do", () => {
  const a = Float32Array.of(1, 0, 1, 0);
  expect(differenceOf(a, Float32Array.of(0, 1, 0, 1), 2)).toBe(1);
  expect(differenceOf(a, Float32Array.of(0, 1, 1, 0), 2)).toBe(0.5);
});
