/** Closed forms of kernels, against values known by heart and integrals over angles. */
import { describe, expect, it } from "vitest";
import { exactKernel, KernelError, type ArcCosineOrder } from "./index.ts";

/** Float64 throughout. */
const TOLERANCE = 1e-12;

const one = (values: readonly number[]) => [Float32Array.from(values)];
const entry = (x: readonly number[], y: readonly number[], options: Parameters<typeof exactKernel>[1]) =>
  exactKernel({ x: one(x), y: one(y) }, options).data[0] ?? Number.NaN;

/** E ‖ω‖²ⁿ in two dimensions. */
const MEAN_POWER = { 0: 1, 1: 2, 2: 8 } as const satisfies Record<ArcCosineOrder, number>;

/**
 * 2 E[Θ(ω·x) Θ(ω·y) (ω·x)ⁿ (ω·y)ⁿ] in two dimensions by the midpoint rule over the direction of ω.
 */
function overAngles(x: readonly [number, number], y: readonly [number, number], order: ArcCosineOrder): number {
  const steps = 50_000;
  let total = 0;
  for (let step = 0; step < steps; step++) {
    const angle = ((step + 0.5) / steps) * 2 * Math.PI;
    const [a, b] = [x, y].map(([first, second]) => Math.cos(angle) * first + Math.sin(angle) * second);
    if (a !== undefined && b !== undefined && a > 0 && b > 0) total += (a * b) ** order;
  }
  return (2 * MEAN_POWER[order] * total) / steps;
}

describe("exactKernel", () => {
  it("is exp(x·y) and exp(−‖x − y‖²/2)", () => {
    expect(entry([1, 2, 0.5], [0.5, -1, 4], { kernel: "softmax" })).toBeCloseTo(Math.exp(0.5), 12);
    expect(entry([1, 2, 0.5], [0.5, -1, 4], { kernel: "gaussian" })).toBeCloseTo(Math.exp(-(0.25 + 9 + 12.25) / 2), 12);
  });

  it.each([0, 1, 2] as const)("is the mean over directions for the arc-cosine kernel of order %i", (order) => {
    const [x, y] = [[0.75, -1.5] as const, [2, 0.25] as const];
    // The midpoint rule is off by one step at the two jumps of order 0.
    expect(Math.abs(entry(x, y, { kernel: "arc-cosine", order }) - overAngles(x, y, order))).toBeLessThan(8e-5);
  });

  it.each([
    [0, 1],
    [1, 25],
    [2, 3 * 25 ** 2],
  ] as const)("is ‖x‖²ⁿ (2n − 1)!! at x = y for order %i, and 0 at x = −y", (order, expected) => {
    const same = entry([3, 0, 4], [3, 0, 4], { kernel: "arc-cosine", order });
    expect(Math.abs(same / expected - 1)).toBeLessThan(TOLERANCE);
    expect(Math.abs(entry([3, 0, 4], [-3, 0, -4], { kernel: "arc-cosine", order }))).toBeLessThan(TOLERANCE * expected);
  });

  it("gives order 1 unless told, and rows of zeros a kernel of 0", () => {
    const given = { x: [[1, 2]], y: [[3, -1]] };
    expect(exactKernel(given, { kernel: "arc-cosine" })).toEqual(
      exactKernel(given, { kernel: "arc-cosine", order: 1 }),
    );
    for (const order of [0, 1, 2] as const) expect(entry([0, 0], [1, 2], { kernel: "arc-cosine", order })).toBe(0);
  });

  it("has one row a row of x, one column a row of y", () => {
    const { data, dims } = exactKernel({ x: [[0], [1], [2]], y: [[1], [3]] }, { kernel: "softmax" });
    expect(dims).toEqual([3, 2]);
    expect(Array.from(data, Math.log).map((value) => Math.round(value))).toEqual([0, 0, 1, 3, 2, 6]);
  });

  it("refuses what leaves float64", () => {
    expect(() => entry([30, 30], [30, 30], { kernel: "softmax" })).toThrow(KernelError);
    expect(() => entry([30, 30], [30, 30], { kernel: "softmax" })).toThrow(
      /within float64, got Infinity between row 0/,
    );
  });
});
