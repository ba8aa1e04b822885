/** Polynomials of lengths: found again from their values, and refused where there is none. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { constantValue, fitPolynomial, formatPolynomial, lengthsOf, valueAt, type Polynomial } from "./polynomial.ts";

const names = ["batch", "length"];
const points = [
  { batch: 3, length: 7 },
  { batch: 5, length: 7 },
  { batch: 3, length: 11 },
  { batch: 5, length: 11 },
  { batch: 13, length: 2 },
  { batch: 2, length: 509 },
];
const at = (value: (point: { readonly batch: number; readonly length: number }) => number) =>
  points.map((lengths) => ({ lengths, value: value(lengths) }));

const whole = fc.integer({ min: -100_000, max: 100_000 });

describe("fitPolynomial", () => {
  it("finds every polynomial of degree one in each length", () => {
    fc.assert(
      fc.property(whole, whole, whole, whole, (a, b, c, d) => {
        const wanted: Polynomial = [
          { coefficient: a, of: names },
          { coefficient: b, of: ["batch"] },
          { coefficient: c, of: ["length"] },
          { coefficient: d, of: [] },
        ];
        const found = fitPolynomial(
          names,
          at((lengths) => valueAt(wanted, lengths)),
        );
        expect(found).toEqual(wanted.filter(({ coefficient }) => coefficient !== 0));
      }),
    );
  });

  it.each<[string, (point: { readonly batch: number; readonly length: number }) => number]>([
    ["a square", ({ length }) => length * length],
    ["half a length", ({ length }) => length / 2],
    ["a length rounded up to a block", ({ length }) => Math.ceil(length / 16) * 16],
    ["a length that ends somewhere", ({ length }) => Math.min(length, 128)],
    ["no number", () => Number.NaN],
  ])("refuses %s", (_case, value) => {
    expect(fitPolynomial(names, at(value))).toBeUndefined();
  });

  it("needs no length, and one", () => {
    expect(fitPolynomial([], [{ lengths: {}, value: 17 }])).toEqual([{ coefficient: 17, of: [] }]);
    const one = [2, 5, 11].map((batch) => ({ lengths: { batch }, value: 3 * batch - 1 }));
    expect(formatPolynomial(fitPolynomial(["batch"], one) ?? [])).toBe("3·batch + -1");
  });
});

describe("a polynomial", () => {
  it("knows what it depends on", () => {
    const polynomial: Polynomial = [
      { coefficient: 2, of: names },
      { coefficient: 1, of: [] },
    ];
    expect(lengthsOf(polynomial)).toEqual(names);
    expect(constantValue(polynomial)).toBeUndefined();
    expect(constantValue(polynomial.slice(1))).toBe(1);
    expect(constantValue([])).toBe(0);
    expect(formatPolynomial(polynomial)).toBe("2·batch·length + 1");
    expect(formatPolynomial([])).toBe("0");
  });
});
