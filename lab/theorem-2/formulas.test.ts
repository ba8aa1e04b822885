/** The exact saving of orthogonal rows against its closed form in two dimensions. */
import { expect, test } from "vitest";

import { exactGap, leastGap } from "./formulas.ts";

test.each([0.2, 0.8, 1.5])(
  "is ½ SM² (1 − (1 + z²/2) exp(−z²/2)) for two rows in two dimensions, at norms %d",
  (norm) => {
    // ₁F₁(2; 1; w) = (1 + w) exp(w).
    const pair = { normX: norm, normY: norm, angleDegrees: 90 };
    const w = norm ** 2;
    expect(exactGap(pair, { headDim: 2, numFeatures: 2 }) / (0.5 * (1 - (1 + w) * Math.exp(-w)))).toBeCloseTo(1, 9);
  },
);

test("is at least the bound, and tends to it for short vectors", () => {
  const sizes = { headDim: 13, numFeatures: 7 };
  const over = (norm: number) => {
    const pair = { normX: norm, normY: norm / 2, angleDegrees: 70 };
    return exactGap(pair, sizes) / leastGap(pair, sizes);
  };
  for (const norm of [0.1, 0.5, 1, 2]) expect(over(norm)).toBeGreaterThan(1);
  // The next term is of the order of ‖x + y‖², 2e-4 here.
  expect(over(0.01)).toBeCloseTo(1, 3);
});
