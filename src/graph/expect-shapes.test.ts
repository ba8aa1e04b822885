/** Shape strings: what they return and what they say. */

import { describe, expect, it } from "vitest";
import { input } from "../ops/source.ts";
import { ShapeError, problem } from "./errors.ts";
import { expectShapes } from "./expect-shapes.ts";
import { scope } from "./scope.ts";

const q = input("q", [2, 3, 5, 7]);
const k = input("k", [2, 3, 11, 7]);

describe("expectShapes", () => {
  it("returns the length behind each letter", () => {
    const lengths = expectShapes("attention", { q: [q, "B H L D"], k: [k, "B H S D"] });
    expect(lengths).toEqual({ B: 2, H: 3, L: 5, D: 7, S: 11 });
    expect(lengths.L + lengths.S).toBe(16);
  });

  it("takes numbers as fixed lengths", () => {
    expect(expectShapes("attention", { q: [q, "B 3 L 7"] })).toEqual({ B: 2, L: 5 });
    expect(() => expectShapes("attention", { q: [q, "B 4 L D"] })).toThrow(
      new ShapeError(problem`attention: q must have shape [B 4 L D], got [2, 3, 5, 7]`),
    );
  });

  it("takes an empty string for a scalar", () => {
    expect(expectShapes("loss", { x: [input("x", []), ""] })).toEqual({});
  });

  it("names the tensor, the rule and the shape when a letter has two lengths", () => {
    expect(() => expectShapes("attention", { q: [q, "B H L D"], k: [k, "B H L D"] })).toThrow(
      new ShapeError(problem`attention: k must have shape [B H L D] with L = 5, got [2, 3, 11, 7]`),
    );
  });

  it("holds a letter to one length inside one shape too", () => {
    expect(() => expectShapes("kernel", { w: [input("w", [3, 5]), "N N"] })).toThrow(
      "kernel: w must have shape [N N] with N = 3, got [3, 5]",
    );
  });

  it("says the shape alone when the number of axes is wrong", () => {
    expect(() => expectShapes("attention", { q: [q, "B L D"] })).toThrow(
      new ShapeError(problem`attention: q must have shape [B L D], got [2, 3, 5, 7]`),
    );
  });

  it("adds the path of the part being built", () => {
    expect(() =>
      scope("performer", () => scope("blocks.3", () => expectShapes("attention", { q: [q, "L D"] }))),
    ).toThrow("attention: q must have shape [L D], got [2, 3, 5, 7], at performer/blocks.3");
  });
});
