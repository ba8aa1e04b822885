/** Schedules and AdamW, by formulas written out a second time. */
import { describe, expect, it } from "vitest";
import { ndarray, type NdArray } from "../graph/ndarray.ts";
import { createRandom, fillNormal } from "../random/index.ts";
import { present, relativeError } from "../../tests/model/harness.ts";
import { trainingConfig, type TrainingOptions } from "./config.ts";
import { adamW, globalNorm, initialMoments } from "./optimizer.ts";
import { learningRateAt } from "./schedule.ts";

const TOLERANCE = {
  /** Float32 weights and moments against float64 over a few updates, relative to the largest entry. */
  adamW: 1e-6,
} as const;

describe("the learning rate", () => {
  const config = trainingConfig({ learningRate: 0.01, warmupSteps: 4, steps: 24, finalLearningRateShare: 0.2 });

  it("rises linearly and reaches the peak with the last step of the warm-up", () => {
    expect([0, 1, 2, 3].map((step) => learningRateAt(step, config))).toEqual([0.0025, 0.005, 0.0075, 0.01]);
  });

  it("falls along a cosine to the final share", () => {
    expect(learningRateAt(4, config)).toBeCloseTo(0.01, 12);
    expect(learningRateAt(14, config)).toBeCloseTo((0.01 + 0.002) / 2, 12); // half of the way: half of the height
    expect(learningRateAt(9, config)).toBeCloseTo(0.002 + 0.008 * ((1 + Math.SQRT1_2) / 2), 12);
    expect(learningRateAt(24, config)).toBeCloseTo(0.002, 12);
    expect(learningRateAt(1000, config)).toBeCloseTo(0.002, 12);
  });

  it("stays at the peak with a constant schedule", () => {
    const constant = trainingConfig({ learningRate: 0.01, warmupSteps: 2, steps: 24, schedule: "constant" });
    expect([0, 1, 2, 23].map((step) => learningRateAt(step, constant))).toEqual([0.005, 0.01, 0.01, 0.01]);
  });

  it("is at the peak from the start without a warm-up", () => {
    expect(learningRateAt(0, trainingConfig({ learningRate: 0.01, warmupSteps: 0, steps: 24 }))).toBeCloseTo(0.01, 12);
  });

  it("must have steps left after its warm-up", () => {
    expect(() => trainingConfig({ steps: 10, warmupSteps: 10 })).toThrow(
      /^training: warmupSteps must be less than steps \(10\), got 10; a tenth of the steps is usual$/,
    );
  });
});

describe("training options", () => {
  it.each([
    [{ steps: 0 }, /^training: steps must be above 0, got 0; leave/],
    [{ clipNorm: -1 }, /^training: clipNorm must be at least 0, got -1; leave/],
    [{ beta1: 1 }, /^training: beta1 must be below 1, got 1; leave/],
    [{ learning_rate: 1 }, /^training: 'learning_rate' is not a key; did you mean 'learningRate'\?$/],
  ])("%j are refused", (options, message) => {
    expect(() => trainingConfig(options as TrainingOptions)).toThrow(message); // as untyped callers would
  });
});

type Arrays = Record<string, NdArray>;

function normal(name: string, shape: readonly number[]): NdArray {
  const size = shape.reduce((product, length) => product * length, 1);
  return ndarray(fillNormal(createRandom(7, name), new Float32Array(size)), shape);
}

const settings = { learningRate: 0.01, beta1: 0.9, beta2: 0.98, epsilon: 1e-9, weightDecay: 0.1 };

/** AdamW as its paper writes it, with numbers in lists. */
function naiveAdamW(start: ArrayLike<number | bigint>, gradients: readonly number[][], decay: number): number[] {
  let p = Array.from(start, Number);
  let m = p.map(() => 0);
  let v = p.map(() => 0);
  gradients.forEach((g, index) => {
    const t = index + 1;
    m = m.map((value, i) => 0.9 * value + 0.1 * present(g[i]));
    v = v.map((value, i) => 0.98 * value + 0.02 * present(g[i]) ** 2);
    p = p.map((value, i) => {
      const mHat = present(m[i]) / (1 - 0.9 ** t);
      const vHat = present(v[i]) / (1 - 0.98 ** t);
      return value - 0.01 * (mHat / (Math.sqrt(vHat) + 1e-9) + decay * value);
    });
  });
  return p;
}

describe("adamW", () => {
  it("equals its naive twin over seven updates, and decays matrices only", () => {
    const parameters: Arrays = { weight: normal("weight", [3, 5]), bias: normal("bias", [5]) };
    const start = Object.fromEntries(Object.entries(parameters).map(([name, { data }]) => [name, data.slice()]));
    const moments = initialMoments(parameters);
    const history: Record<string, number[][]> = { weight: [], bias: [] };
    const gradientScale = 0.37;
    for (let update = 1; update <= 7; update++) {
      const gradients: Arrays = {
        weight: normal(`weight ${update}`, [3, 5]),
        bias: normal(`bias ${update}`, [5]),
      };
      for (const [name, { data }] of Object.entries(gradients)) {
        // normal() makes float32.
        history[name]?.push(Array.from(data as Float32Array, (g) => gradientScale * g));
      }
      adamW(parameters, gradients, moments, update, gradientScale, settings);
    }
    const expected = (name: string, decay: number) => naiveAdamW(present(start[name]), present(history[name]), decay);
    expect(relativeError(parameters["weight"]?.data, expected("weight", 0.1))).toBeLessThan(TOLERANCE.adamW);
    expect(relativeError(parameters["bias"]?.data, expected("bias", 0))).toBeLessThan(TOLERANCE.adamW);
    expect(relativeError(parameters["bias"]?.data, expected("bias", 0.1))).toBeGreaterThan(1e-3);
  });

  it("moves every weight by the learning rate in the first update, whatever the gradient's size", () => {
    const parameters = { bias: ndarray(Float32Array.of(1, 2, 3), [3]) };
    const gradients = { bias: ndarray(Float32Array.of(1e-4, -5, 300), [3]) };
    adamW(parameters, gradients, initialMoments(parameters), 1, 1, settings);
    expect(relativeError(parameters.bias.data, [0.99, 2.01, 2.99])).toBeLessThan(TOLERANCE.adamW);
  });
});

describe("globalNorm", () => {
  it("is Euclid's over all gradients together", () => {
    expect(globalNorm({ a: ndarray(Float32Array.of(1, -2), [2]), b: ndarray(Float32Array.of(2, 4), [1, 2]) })).toBe(5);
  });
});
