/** Rotary positions: relative, and precise far out. */
import { describe, expect, it } from "vitest";
import { input } from "../ops/source.ts";
import { ndarray } from "../graph/ndarray.ts";
import { createRandom, fillNormal } from "../random/index.ts";
import { evaluateInFloat64, relativeError } from "../../tests/model/harness.ts";
import { rotaryAngles, rotate } from "./layers.ts";

const headDim = 10;

const TOLERANCE = {
  /** Tables of cos and sin are rounded to float32: 6e-8 each, over the terms of a dot product. */
  dot: 1e-6,
  /** Half a unit in the last place of a float32 below 1, and the rounding of float64 angles near 1e6. */
  angle: 6e-8 + 2e-10,
} as const;

/** The vector turned to a position, in float64 but for the tables. */
function turned(vector: Float32Array, position: number): Float64Array {
  const { cos, sin } = rotaryAngles([position], headDim);
  const x = input("x", [1, 1, 1, headDim]);
  const y = rotate(x, { cos: input("cos", cos.shape), sin: input("sin", sin.shape) });
  return evaluateInFloat64({ y }, { x: ndarray(vector, x.shape), cos, sin })["y"]?.data ?? new Float64Array(0);
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((total, value, i) => total + value * (b[i] ?? Number.NaN), 0);
}

describe("rotary positions", () => {
  const random = createRandom(7, "rotary");
  const q = fillNormal(random, new Float32Array(headDim));
  const k = fillNormal(random, new Float32Array(headDim));

  it.each([
    [0, 3],
    [5, 101],
    [11, 4096],
  ])("make q·k depend on the distance %i alone, also when both move on by %i", (distance, shift) => {
    const near = dot(turned(q, distance), turned(k, 0));
    const far = dot(turned(q, distance + shift), turned(k, shift));
    expect(Math.abs(far - near)).toBeLessThan(TOLERANCE.dot * Math.sqrt(dot(q, q) * dot(k, k)));
  });

  it("do tell distances apart", () => {
    expect(Math.abs(dot(turned(q, 5), turned(k, 0)) - dot(turned(q, 6), turned(k, 0)))).toBeGreaterThan(0.01);
  });

  it("leave position 0 as it is, and every norm", () => {
    expect(relativeError(turned(q, 0), q)).toBe(0);
    expect(Math.abs(dot(turned(q, 977), turned(q, 977)) / dot(q, q) - 1)).toBeLessThan(TOLERANCE.dot);
  });

  it("have angles that are precise at position 1,000,000", () => {
    const position = 1_000_000;
    const { cos, sin } = rotaryAngles([position], headDim);
    for (let i = 0; i < headDim / 2; i++) {
      // In float32 alone the angle would be wrong by up to 0.03.
      const angle = position * 10000 ** (-i / (headDim / 2));
      for (const at of [i, i + headDim / 2]) {
        expect(Math.abs(Number(cos.data[at]) - Math.cos(angle))).toBeLessThan(TOLERANCE.angle);
        expect(Math.abs(Number(sin.data[at]) - Math.sin(angle))).toBeLessThan(TOLERANCE.angle);
      }
    }
    // From a table of high precision: cos and sin of 1,000,000 radians.
    expect(Number(cos.data[0])).toBeCloseTo(0.9367521275331447, 7);
    expect(Number(sin.data[0])).toBeCloseTo(-0.34999350217129294, 7);
  });
});
