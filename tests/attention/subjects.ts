/** What the conformance suite runs: every mechanism with its twin, and the cases that each must pass. */
import { describe, expect, it } from "vitest";
import { exact } from "../../src/attention/exact.ts";
import { favorMechanism } from "../../src/attention/favor/favor.ts";
import { featureMaps, type FeatureMapName } from "../../src/attention/favor/maps/index.ts";
import { naiveExact, naiveFavor, naiveMaps } from "../../src/attention/naive.ts";
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
  /** Features of either sign cancel in denominators: what is left has lost a digit and a half. */
  cancelling: { output: 5e-4, gradient: 2e-3, gradientFloor: 0.1 },
  /** A float32 statistic is good to 1e-6, and A‖ω‖² makes some 100 times that of it in the exponents at large norms. */
  measured: { output: 1e-3, gradient: 5e-3, gradientFloor: 0.1 },
  /** Central differences of the float64 twin: their own error is about step² + 1e-16 / step. */
  finiteDifference: { step: 1e-5 },
} as const;

export interface Subject {
  readonly mechanism: AttentionMechanism;
  readonly twin: NaiveTwin;
}

export const mapSubjects = Object.fromEntries(
  (Object.keys(featureMaps) as FeatureMapName[]).map((name) => [
    name,
    {
      mechanism: favorMechanism(featureMaps[name]),
      twin: (q, k, v, { projection, ...options }) => naiveFavor(naiveMaps[name], q, k, v, projection, options),
    },
  ]),
) as Record<FeatureMapName, Subject>; // the keys that were mapped

export const exactSubject: Subject = { mechanism: exact, twin: naiveExact };

const base = { B: 2, H: 2, D: 5, E: 3, M: 7 } as const;

type NamedCases = Readonly<Record<string, Omit<AttentionCase, "form">>>;

export const cases: NamedCases = {
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

/** A projection of its own for every head. */
const perHeadCases: NamedCases = {
  "causal, a projection a head": { sizes: { ...base, L: 71, S: 71 }, causal: true, projection: { perHead: true } },
  "bidirectional, a projection a head": {
    sizes: { ...base, L: 61, S: 61 },
    causal: false,
    realKeys: [31, 59],
    projection: { perHead: true },
  },
};

/** What tells most about a feature map, at lengths that the float64 twins of all maps get through. */
export const mapCases: NamedCases = {
  ...perHeadCases,
  "causal, padded keys": { sizes: { ...base, L: 71, S: 71 }, causal: true, realKeys: [41, 71] },
  "cross attention": { sizes: { ...base, L: 37, S: 61 }, causal: false, realKeys: [61, 17] },
  "without a projection": {
    sizes: { ...base, L: 31, S: 31 },
    causal: false,
    realKeys: [31, 17],
    projection: { kind: "none" },
  },
  "causal, large norms": { sizes: { ...base, L: 71, S: 71 }, causal: true, scale: 6 },
  "bidirectional, large norms": { sizes: { ...base, L: 61, S: 61 }, causal: false, scale: 6, realKeys: [31, 59] },
};

/** The cases that are defined for a mechanism. */
function casesFor({ name, map }: AttentionMechanism, all: NamedCases): readonly (readonly [string, AttentionCase])[] {
  return Object.entries(all).flatMap(([label, test]) => {
    // Exact attention gives a query without any real key the mean of what it may see; the twins give 0.
    if (name === "exact" && (test.realKeys?.includes(0) === true || test.projection)) return [];
    if (map?.statistics !== undefined && test.causal) return [];
    if (map === undefined || map.positive) return [[label, test]];
    // Queries and keys on one side of the origin, short enough: there kernels of either sign stay away from 0.
    return test.scale === undefined
      ? [[label, { ...test, sizes: { ...test.sizes, M: 61 }, scale: 0.2, mean: 0.7 }]]
      : [];
  });
}

/** Output and gradients of a mechanism against its twin. */
export function describeConformance({ mechanism, twin }: Subject, all: NamedCases): void {
  const { map } = mechanism;
  const usual = map?.positive === false ? TOLERANCE.cancelling : TOLERANCE.float32;
  describe.each(casesFor(mechanism, all))("%s", (label, test) => {
    const tolerance = map?.statistics && test.scale ? TOLERANCE.measured : usual;
    const arrays = drawArrays(mechanism, test);
    const expected = naiveOutput(twin, test, arrays);
    const directions = (["q", "k", "v"] as const).map((name) => {
      const direction = fillNormal(createRandom(11, label, name), new Float64Array(arrays[name].data.length));
      const { step } = TOLERANCE.finiteDifference;
      const at = (sign: number) => projectedOutput(twin, test, arrays, name, direction, sign * step);
      return { name, direction, slope: (at(1) - at(-1)) / (2 * step) };
    });

    it.each(["scan", "parallel"] as const)("equals its naive twin in %s form: output, dq, dk, dv", async (form) => {
      const actual = await runMechanism(mechanism, { ...test, form }, arrays);
      expect(relativeError(actual.out.data, expected)).toBeLessThan(tolerance.output);
      for (const { name, direction, slope } of directions) {
        const gradient = actual[`d${name}`].data;
        let along = 0;
        let scale = 0;
        direction.forEach((d, i) => {
          along += d * Number(gradient[i]);
          scale += Math.abs(d * Number(gradient[i]));
        });
        const bound = tolerance.gradient * Math.max(scale, tolerance.gradientFloor);
        expect(Math.abs(along - slope), `d${name}`).toBeLessThan(bound);
      }
    });
  });
}

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
