/** The conformance suite: every mechanism, every form, both directions, odd lengths, masks. */
import { describe, expect, it } from "vitest";
import { exact } from "../../src/attention/exact.ts";
import { favor, favorRelu } from "../../src/attention/favor/favor.ts";
import { naiveExact, naiveFavor, naiveRelu } from "../../src/attention/naive.ts";
import type { AttentionMechanism } from "../../src/attention/mechanism.ts";
import { createRandom, fillNormal } from "../../src/random/index.ts";
import {
  drawArrays,
  moved,
  naiveOutput,
  relativeError,
  runMechanism,
  type AttentionCase,
  type Arrays,
  type NaiveTwin,
} from "./conformance.ts";

/** Relative to the largest entry. */
const TOLERANCE = {
  // A gradient that is exactly 0 (one key: the output is its value) leaves rounding of about 1e-6, hence the floor.
  float32: { output: 2e-5, gradient: 1e-4, gradientFloor: 0.1 },
  /** Central differences of the float64 twin: their own error is about step² + 1e-16 / step. */
  finiteDifference: { step: 1e-5 },
} as const;

const subjects: Record<string, { mechanism: AttentionMechanism; twin: NaiveTwin }> = {
  favor: { mechanism: favor, twin: (q, k, v, { projection, ...options }) => naiveFavor(q, k, v, projection, options) },
  "favor-relu": {
    mechanism: favorRelu,
    twin: (q, k, v, { projection, ...options }) => naiveRelu(q, k, v, projection, { ...options, kernelEpsilon: 1e-3 }),
  },
  exact: { mechanism: exact, twin: naiveExact },
};

const base = { B: 2, H: 2, D: 5, E: 3, M: 7 } as const;
const cases: Record<string, Omit<AttentionCase, "form">> = {
  "causal, one token": { sizes: { ...base, L: 1, S: 1 }, causal: true },
  "causal, shorter than a chunk": { sizes: { ...base, L: 13, S: 13 }, causal: true },
  "causal, odd length over several chunks": { sizes: { ...base, L: 139, S: 139 }, causal: true },
  "causal, padded keys": { sizes: { ...base, L: 139, S: 139 }, causal: true, realKeys: [71, 139] },
  "causal, a sequence of nothing but padding": { sizes: { ...base, L: 67, S: 67 }, causal: true, realKeys: [0, 67] },
  "bidirectional, one token": { sizes: { ...base, L: 1, S: 1 }, causal: false },
  "bidirectional, odd length over several chunks": { sizes: { ...base, L: 277, S: 277 }, causal: false },
  "bidirectional, padded keys": { sizes: { ...base, L: 277, S: 277 }, causal: false, realKeys: [31, 263] },
  "cross attention": { sizes: { ...base, L: 37, S: 89 }, causal: false, realKeys: [89, 17] },
  "causal, large norms": { sizes: { ...base, L: 139, S: 139 }, causal: true, scale: 6 },
  "bidirectional, large norms": { sizes: { ...base, L: 139, S: 139 }, causal: false, scale: 6 },
};

describe.each(Object.entries(subjects))("%s", (_name, { mechanism, twin }) => {
  // Exact attention gives a query without any real key the mean of what it may see; the twins give 0.
  const defined = Object.entries(cases).filter(([, { realKeys }]) => mechanism !== exact || !realKeys?.includes(0));
  describe.each(defined)("%s", (label, sizes) => {
    const arrays = drawArrays(mechanism, sizes);
    const expected = naiveOutput(twin, sizes, arrays);
    const directions = (["q", "k", "v"] as const).map((name) => {
      const direction = fillNormal(createRandom(11, label, name), new Float64Array(arrays[name].data.length));
      const { step } = TOLERANCE.finiteDifference;
      const at = (sign: number) => projectedOutput(twin, sizes, arrays, name, direction, sign * step);
      return { name, direction, slope: (at(1) - at(-1)) / (2 * step) };
    });

    it.each(["scan", "parallel"] as const)("equals its naive twin in %s form: output, dq, dk, dv", async (form) => {
      const actual = await runMechanism(mechanism, { ...sizes, form }, arrays);
      expect(relativeError(actual.out.data, expected)).toBeLessThan(TOLERANCE.float32.output);
      for (const { name, direction, slope } of directions) {
        const gradient = actual[`d${name}`].data;
        let along = 0;
        let scale = 0;
        direction.forEach((d, i) => {
          along += d * Number(gradient[i]);
          scale += Math.abs(d * Number(gradient[i]));
        });
        const bound = TOLERANCE.float32.gradient * Math.max(scale, TOLERANCE.float32.gradientFloor);
        expect(Math.abs(along - slope), `d${name}`).toBeLessThan(bound);
      }
    });
  });
});

/** Σ out·dOut of the twin with one input moved along a direction. */
function projectedOutput(
  twin: NaiveTwin,
  test: AttentionCase,
  arrays: Arrays,
  name: "q" | "k" | "v",
  direction: Float64Array,
  step: number,
): number {
  const out = naiveOutput(twin, test, { ...arrays, [name]: moved(arrays[name], direction, step) });
  return out.reduce((total, value, i) => total + value * Number(arrays.dOut.data[i]), 0);
}
