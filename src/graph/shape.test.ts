/** Broadcasting and the sizes that follow from it. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scope } from "./scope.ts";
import { broadcastShapes, normalizeAxis, reducedShape, sizeOf, stridesOf } from "./shape.ts";

const shapes = fc.array(fc.constantFrom(1, 2, 3, 5), { maxLength: 4 });
const seed = { seed: 7, numRuns: 300 };

describe("broadcastShapes", () => {
  it("gives the same shape in either order", () => {
    fc.assert(
      fc.property(shapes, shapes, (a, b) => {
        expect(broadcastShapes(a, b)).toEqual(broadcastShapes(b, a));
      }),
      seed,
    );
  });

  it("gives the same shape however three operands are grouped", () => {
    const two = (a: readonly number[] | undefined, b: readonly number[] | undefined) => a && b && broadcastShapes(a, b);
    fc.assert(
      fc.property(shapes, shapes, shapes, (a, b, c) => {
        const left = two(broadcastShapes(a, b), c);
        const right = two(a, broadcastShapes(b, c));
        if (left !== undefined && right !== undefined) expect(left).toEqual(right);
      }),
      seed,
    );
  });

  it("takes each axis from the operand that is longer there, and refuses two different lengths above 1", () => {
    fc.assert(
      fc.property(shapes, shapes, (a, b) => {
        const rank = Math.max(a.length, b.length);
        const full = (shape: readonly number[]) => [...Array.from({ length: rank - shape.length }, () => 1), ...shape];
        const pairs = full(a).map((x, axis): [number, number] => [x, full(b)[axis] ?? 1]);
        const fits = pairs.every(([x, y]) => x === y || x === 1 || y === 1);
        expect(broadcastShapes(a, b)).toEqual(fits ? pairs.map(([x, y]) => Math.max(x, y)) : undefined);
      }),
      seed,
    );
  });

  it("leaves a shape as it is beside itself, a scalar, or ones", () => {
    fc.assert(
      fc.property(shapes, (a) => {
        expect(broadcastShapes(a, a)).toEqual(a);
        expect(broadcastShapes(a, [])).toEqual(a);
        expect(
          broadcastShapes(
            a.map(() => 1),
            a,
          ),
        ).toEqual(a);
      }),
      seed,
    );
  });
});

describe("sizes and axes", () => {
  it("walks every element once by its strides", () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const strides = stridesOf(shape);
        const last = shape.reduce((flat, length, axis) => flat + (length - 1) * (strides[axis] ?? 0), 0);
        expect(last).toBe(sizeOf(shape) - 1);
      }),
      seed,
    );
  });

  it("counts negative axes from the end", () => {
    const x = { shape: [2, 3, 5] };
    expect(normalizeAxis("sum", -1, x)).toBe(2);
    expect(() => normalizeAxis("sum", 0.5, x)).toThrow("sum: axis must be an integer from -3 to 2, got 0.5");
    expect(() => scope("block3", () => normalizeAxis("sum", 3, x))).toThrow(
      "sum: axis must be an integer from -3 to 2, got 3, at block3; the shape is [2, 3, 5], and negative axes count",
    );
  });

  it("drops reduced axes or keeps them as 1", () => {
    expect(reducedShape([2, 3, 5], [0, -1], false)).toEqual([3]);
    expect(reducedShape([2, 3, 5], [0, -1], true)).toEqual([1, 3, 1]);
    expect(reducedShape([2, 3, 5], [], false)).toEqual([2, 3, 5]);
  });
});
