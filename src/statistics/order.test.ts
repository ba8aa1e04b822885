/** Ranks and their correlation, against counting and by hand. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { ranks, spearman } from "./order.ts";

describe("ranks", () => {
  it("count the values below, and half of the equal ones beside", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 23 }), (values) => {
        const counted = values.map(
          (value) =>
            values.filter((other) => other < value).length + (values.filter((other) => other === value).length - 1) / 2,
        );
        expect([...ranks(values)]).toEqual(counted);
      }),
    );
  });

  it("refuse NaN, which has none", () => {
    expect(() => ranks([1, Number.NaN])).toThrow(/the values must be numbers, got NaN at index 1/);
  });
});

describe("spearman", () => {
  it("is 1 in the same order, whatever the distances", () => {
    expect(spearman([1, 2, 3, 40], [-5, 0, 0.1, 7])).toBeCloseTo(1, 15);
    expect(spearman([1, 2, 3, 40], [7, 3, 2, 1])).toBeCloseTo(-1, 15);
    // Ranks 0.5, 0.5, 2, 3 beside 0, 1, 2, 3.
    expect(spearman([1, 2, 3, 4], [1.5, 1.5, 3, 5])).toBeCloseTo(4.5 / Math.sqrt(5 * 4.5), 12);
    expect(spearman([1, 2, 3], [7, 7, 7])).toBeNaN();
  });
});
