/** The series of the regularized kernel against its closed form on the sphere in three dimensions. */
import { expect, test } from "vitest";

import { regularizedOverSoftmax, shortfallAtMost } from "./series.ts";

test.each([0.3, 1, 2.5, 6])("is exp(−z²/2) sinh(√3 z)/(√3 z) in three dimensions, at z = %d", (z) => {
  // The height of a uniform point of the sphere is uniform on [−1, 1].
  const closed = (Math.exp(-(z ** 2) / 2) * Math.sinh(Math.sqrt(3) * z)) / (Math.sqrt(3) * z);
  expect(regularizedOverSoftmax(z, 3) / closed).toBeCloseTo(1, 12);
});

test("lies between 1 − z⁴/(4d) and 1", () => {
  for (const z of [0.1, 1, 3]) {
    for (const headDim of [2, 17, 1009]) {
      const ratio = regularizedOverSoftmax(z, headDim);
      expect(ratio).toBeLessThan(1);
      expect(1 - ratio).toBeLessThanOrEqual(shortfallAtMost(z, headDim));
    }
  }
});
