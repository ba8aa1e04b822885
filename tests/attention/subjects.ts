/** What the conformance suite runs: every mechanism with its twin, and the cases that each must pass. */
import { describe, expect, it } from "vitest";
import { exact } from "../../src/attention/exact.ts";
import { favorMechanism } from "../../src/attention/favor/favor.ts";
import { featureMaps, type FeatureMapName } from "../../src/attention/favor/maps/index.ts";
import { naiveExact, naiveFavor, naiveMaps } from "./naive.ts";
import type { AttentionMechanism } from "../../src/attention/mechanism.ts";
import { createRandom, fillNormal } from "../../src/random/index.ts";
import {
  arrayOf,
  drawArrays,
  gradientBy,
  maxSeqLenOf,
  moved,
  naiveOutput,
  relativeError,
  runMechanism,
  withArray,
  type AttentionCase,
  type Arrays,
  type Differentiable,
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

/** Relative to the largest entry; a gradient below the floor is compared with the floor. */
export interface Tolerance {
  readonly output: number;
  readonly gradient: number;
  readonly gradientFloor: number;
}

export interface Subject {
  readonly mechanism: AttentionMechanism;
  readonly twin: NaiveTwin;
  /** Default: as float32 rounds; say why where it is another. */
  readonly tolerance?: Tolerance;
  /**
   * What a query gives that sees no real key: most give 0, as the twins do; the mean of the values is left out. Default
   * zero.
   */
  readonly withoutKeys?: "zero" | "mean";
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

export const exactSubject: Subject = { mechanism: exact, twin: naiveExact, withoutKeys: "mean" };

const base = { B: 2, H: 2, D: 5, E: 3, M: 7 } as const;

export type NamedCases = Readonly<Record<string, Omit<AttentionCase, "form">>>;

/**
 * The longest sequence that mechanisms are configured for: longer than those of the cases, so that short sequences are
 * tried under windows, landmarks and parameters that are meant for long ones.
 */
const MAX_SEQ_LEN = 311;

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
function casesFor(
  { mechanism, withoutKeys = "zero" }: Subject,
  all: NamedCases,
): readonly (readonly [string, AttentionCase])[] {
  const { map } = mechanism;
  const random = mechanism.initialise(createRandom(7, "attention"), { headDim: 2, numFeatures: 2 });
  return Object.entries(all).flatMap(([label, given]) => {
    const test = { maxSeqLen: MAX_SEQ_LEN, ...given };
    if (withoutKeys === "mean" && test.realKeys?.includes(0) === true) return [];
    if (random === undefined && test.projection) return [];
    if (isRefused(mechanism, test)) return [];
    if (map?.statistics !== undefined && test.causal) return [];
    if (map === undefined || map.positive) return [[label, test]];
    // Queries and keys on one side of the origin, short enough: there kernels of either sign stay away from 0.
    return test.scale === undefined
      ? [[label, { ...test, sizes: { ...test.sizes, M: 61 }, scale: 0.2, mean: 0.7 }]]
      : [];
  });
}

/** Whether a mechanism says that it cannot do what a case asks for. */
export function isRefused(mechanism: AttentionMechanism, test: AttentionCase): boolean {
  const { L, S, H, D } = test.sizes;
  const cross = L !== S;
  if (mechanism.sharesKeys === true && cross) return true;
  const use = { causal: test.causal, cross, maxSeqLen: maxSeqLenOf(test), numHeads: H, headDim: D };
  return mechanism.refuse?.(use) !== undefined;
}

/** Output and gradients of a mechanism against its twin, by q, k, v and the parameters of its own. */
export function describeConformance(subject: Subject, all: NamedCases): void {
  const { mechanism, twin } = subject;
  const { map } = mechanism;
  const usual = subject.tolerance ?? (map?.positive === false ? TOLERANCE.cancelling : TOLERANCE.float32);
  describe.each(casesFor(subject, all))("%s", (label, test) => {
    const tolerance = map?.statistics && test.scale ? TOLERANCE.measured : usual;
    const arrays = drawArrays(mechanism, test);
    const expected = naiveOutput(twin, test, arrays);
    const own = Object.keys(arrays.parameters ?? {}).map((name) => `parameters.${name}` as const);
    const ofKeys = mechanism.sharesKeys === true ? [] : (["k"] as const);
    const directions = (["q", ...ofKeys, "v", ...own] as const).map((name: Differentiable) => {
      const array = arrayOf(arrays, name);
      const direction = fillNormal(createRandom(11, label, name), new Float64Array(array.data.length));
      const { step } = TOLERANCE.finiteDifference;
      const at = (sign: number) => {
        const there = withArray(arrays, name, moved(array, direction, sign * step));
        return projectedOutput(twin, test, mechanism.sharesKeys === true ? { ...there, k: there.q } : there);
      };
      return { name, direction, slope: (at(1) - at(-1)) / (2 * step) };
    });

    it.each(["scan", "parallel"] as const)("equals its naive twin in %s form: output and gradients", async (form) => {
      const actual = await runMechanism(mechanism, { ...test, form }, arrays);
      expect(relativeError(actual.out.data, expected)).toBeLessThan(tolerance.output);
      for (const { name, direction, slope } of directions) {
        const gradient = gradientBy(actual, name).data;
        let along = 0;
        let scale = 0;
        direction.forEach((d, i) => {
          along += d * Number(gradient[i]);
          scale += Math.abs(d * Number(gradient[i]));
        });
        const bound = tolerance.gradient * Math.max(scale, tolerance.gradientFloor);
        expect(Math.abs(along - slope), `gradient by ${name}`).toBeLessThan(bound);
      }
    });
  });
}

/** Σ out·dOut of the twin. */
function projectedOutput(twin: NaiveTwin, test: AttentionCase, arrays: Arrays): number {
  const out = naiveOutput(twin, test, arrays);
  return out.reduce((total, value, i) => total + value * Number(arrays.dOut.data[i]), 0);
}
