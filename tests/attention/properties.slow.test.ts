/**
 * What holds for any sizes, norms and masks: every mechanism gives finite numbers or a named error, never silent NaN.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { favorAttention } from "../../src/attention/favor-attention.ts";
import { measureStatistics } from "../../src/attention/measure-statistics.ts";
import { projectionNames } from "../../src/attention/favor/projections.ts";
import type { AttentionMechanism } from "../../src/attention/mechanism.ts";
import { mechanisms, type MechanismName } from "../../src/attention/mechanisms.ts";
import { GraphError } from "../../src/graph/errors.ts";
import { createRandom, fillNormal } from "../../src/random/index.ts";

/** Runs of each property; every one compiles a graph or two. */
const NUM_RUNS = 60;

/** A mean of values lies between the least and the largest of them, up to rounding. */
const ROUNDING = 1e-5;

/** Those without weights of their own, which favorAttention has not. */
const names = (Object.keys(mechanisms) as MechanismName[]) // the table's own keys
  .filter((name) => mechanismOf(name).parameters === undefined);

/** Mechanisms whose weights may be negative, or do not sum to 1: their outputs may lie beyond the values. */
const NO_MEAN: readonly MechanismName[] = ["nystrom"];

function mechanismOf(name: MechanismName): AttentionMechanism {
  return mechanisms[name];
}

const problem = fc
  .record({
    name: fc.constantFrom(...names),
    projection: fc.constantFrom(undefined, ...projectionNames),
    perHead: fc.boolean(),
    causal: fc.boolean(),
    batch: fc.integer({ min: 1, max: 2 }),
    numHeads: fc.integer({ min: 1, max: 3 }),
    headDim: fc.integer({ min: 2, max: 7 }),
    valueDim: fc.integer({ min: 1, max: 5 }),
    numFeatures: fc.integer({ min: 1, max: 13 }),
    numQueries: fc.integer({ min: 1, max: 71 }),
    numKeys: fc.integer({ min: 1, max: 71 }),
    /** Powers of ten of the norms of queries and of keys. */
    exponents: fc.tuple(fc.double({ min: -4, max: 3, noNaN: true }), fc.double({ min: -4, max: 3, noNaN: true })),
    hidden: fc.constantFrom("none", "some", "all"),
    seed: fc.integer({ min: 0, max: 1e6 }),
  })
  .map((drawn) => {
    // What a mechanism refuses becomes the nearest that it does.
    const allowed = (causal: boolean, cross: boolean) => {
      const { numHeads, headDim } = drawn;
      return mechanismOf(drawn.name).refuse?.({ causal, cross, maxSeqLen: 128, numHeads, headDim }) === undefined;
    };
    const causal = drawn.causal === allowed(drawn.causal, false);
    const alike = causal || !allowed(causal, true);
    return { ...drawn, causal, numKeys: alike ? drawn.numQueries : drawn.numKeys };
  });

type Problem = typeof problem extends fc.Arbitrary<infer Drawn> ? Drawn : never;

/** Rows of the given norm. */
function rows(name: string, { seed, batch }: Problem, length: number, width: number, norm: number) {
  const data = fillNormal(createRandom(seed, name), new Float32Array(batch * length * width), norm / Math.sqrt(width));
  return { data, dims: [batch, length, width] };
}

async function attend(drawn: Problem) {
  const { name, batch, numHeads, headDim, valueDim, numQueries, numKeys, exponents, seed, causal } = drawn;
  const [queryNorm, keyNorm] = exponents.map((exponent) => 10 ** exponent) as [number, number]; // two went in
  const q = rows("q", drawn, numQueries, numHeads * headDim, queryNorm * Math.sqrt(numHeads));
  const k = rows("k", drawn, numKeys, numHeads * headDim, keyNorm * Math.sqrt(numHeads));
  const v = rows("v", drawn, numKeys, numHeads * valueDim, 1);
  const random = createRandom(seed, "mask");
  const keyMask = Array.from({ length: batch }, () =>
    Array.from(
      { length: numKeys },
      () => drawn.hidden !== "all" && (drawn.hidden === "none" || random.uniform() < 0.5),
    ),
  );
  const statistics = causal ? await measureStatistics({ q, k }, { mechanism: name, numHeads }) : {};
  const out = await favorAttention(
    { q, k, v },
    {
      mechanism: name,
      numHeads,
      causal,
      keyMask,
      seed,
      numFeatures: drawn.numFeatures,
      projectionPerHead: drawn.perHead,
      ...(drawn.projection && { projection: drawn.projection }),
      ...(Object.keys(statistics).length > 0 && { statistics }),
    },
  );
  return { out, v, keyMask };
}

describe("favorAttention, whatever the mechanism, sizes, norms up to 1e3 and masks", () => {
  it("gives finite numbers of the right sizes, no farther from 0 than the values it may see, and 0 where it sees none", async () => {
    await fc.assert(
      fc.asyncProperty(problem, async (drawn) => {
        const { map } = mechanismOf(drawn.name);
        const { out, v, keyMask } = await attend(drawn).catch((error: unknown) => {
          // Features of either sign may cancel in a denominator: then, and only then, an error that says so.
          expect(error).toBeInstanceOf(GraphError);
          expect(map?.positive).toBe(false);
          expect(String(error)).toMatch(/the output of 'favor-.*' must be finite, .* denominators vanish/);
          return { out: undefined, v: undefined, keyMask: [] };
        });
        if (out === undefined) return;
        const { batch, numHeads, valueDim, numQueries, numKeys } = drawn;
        const width = numHeads * valueDim;
        expect(out.dims).toEqual([batch, numQueries, width]);
        expect(out.data.every(Number.isFinite)).toBe(true);
        if (map?.positive === false || NO_MEAN.includes(drawn.name)) return;
        for (let b = 0; b < batch; b++) {
          for (let t = 0; t < numQueries; t++) {
            const seen = Array.from({ length: drawn.causal ? t + 1 : numKeys }, (_, s) => s).filter(
              (s) => keyMask[b]?.[s] === true,
            );
            for (let e = 0; e < width; e++) {
              const value = out.data[(b * numQueries + t) * width + e] ?? Number.NaN;
              if (seen.length === 0) {
                if (out.mechanism !== "exact") expect(Math.abs(value)).toBe(0); // 0 or −0
                continue;
              }
              // With few features and long vectors no feature may be large for both the query and a key; then the guard
              // of the denominator, 1e-30, is no longer small beside it, and pulls the mean towards 0.
              const values = [0, ...seen.map((s) => v.data[(b * numKeys + s) * width + e] ?? Number.NaN)];
              expect(value).toBeGreaterThan(Math.min(...values) - ROUNDING);
              expect(value).toBeLessThan(Math.max(...values) + ROUNDING);
            }
          }
        }
      }),
      { numRuns: NUM_RUNS, seed: 17 },
    );
  }, 60_000);
});
