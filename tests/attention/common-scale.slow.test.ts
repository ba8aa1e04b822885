/** One constant for all keys: the bound it rests on, when it is taken, and that both ways give the same. */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { commonScale, isOutOfReach } from "../../src/attention/favor/common-scale.ts";
import { featureMaps } from "../../src/attention/favor/maps/index.ts";
import type { ExponentialFeatures, FeatureMap } from "../../src/attention/feature-map.ts";
import { ndarray, toFloat64, type NdArray } from "../../src/graph/ndarray.ts";
import { sub } from "../../src/ops/elementwise.ts";
import { max } from "../../src/ops/maximum-along.ts";
import { compile } from "../../src/runtime/compile.ts";
import {
  drawArrays,
  naiveOutput,
  relativeError,
  runMechanism,
  type AttentionCase,
  type Arrays,
} from "./conformance.ts";
import { mapSubjects } from "./subjects.ts";

const backend = createBackend({ threads: 1 });
const bounded = Object.values(featureMaps).filter(({ logBound }) => logBound !== undefined);
const sizes = { B: 2, H: 2, L: 131, S: 131, D: 6, E: 3, M: 12 } as const;

/** Key 0 of one head of one sequence, made this many times longer. */
function withLongFirstKey(arrays: Arrays, factor: number, row: number): Arrays {
  const { D, S } = sizes;
  const start = row * S * D;
  const data = Float32Array.from(arrays.k.data as Float32Array, (x, i) =>
    i >= start && i < start + D ? x * factor : x,
  );
  return { ...arrays, k: ndarray(data, arrays.k.shape) };
}

async function outOfReach(map: FeatureMap, { k, projection, keyMask }: Arrays): Promise<boolean> {
  await using chosen = await compile(
    ({ k, projection, keyMask }) => {
      const R = commonScale(map, projection);
      return { chosen: R ? isOutOfReach(R, map, k, projection, keyMask, undefined) : k };
    },
    { k: k.shape, projection: projection?.shape ?? [], keyMask: [k.shape[0] ?? 0, k.shape[2] ?? 0] },
    { backend },
  );
  const all = new Float32Array((k.shape[0] ?? 0) * (k.shape[2] ?? 0)).fill(1);
  const given = { k, projection: projection as NdArray, keyMask: keyMask ?? all };
  return Number((await chosen.run(given))["chosen"]?.data[0]) === 1;
}

it("bounds positive, hyperbolic, regularized, simplex and Gaussian features, and the rescaled ones", () => {
  expect(bounded.map(({ name }) => name).toSorted()).toEqual(
    ["gaussian", "hyperbolic", "positive", "regularized", "rescaled", "simplex"].toSorted(),
  );
});

it.each(bounded)("no log feature of $name lies above its bound, which is reached", async (map) => {
  const { projection } = drawArrays(mapSubjects.positive.mechanism, { sizes, causal: true });
  const [M, D] = [sizes.M, sizes.D];
  const rows = projection?.data as Float32Array;
  // Keys along every row of the projection, from none to thrice its length: the bound is reached on the way.
  const lengths = Array.from({ length: 61 }, (_, i) => i / 20);
  const keys = lengths.flatMap((length) => Array.from(rows, (x) => x * length * D ** 0.25));
  await using run = await compile(
    ({ k, projection }) => {
      const { logits, shift } = map.features(k, projection) as ExponentialFeatures;
      return { largest: max(sub(logits, shift), { axes: [0, 1] }), bound: map.logBound?.(projection) ?? k };
    },
    { k: [lengths.length * M, D], projection: [M, D] },
    { backend },
  );
  const { largest, bound } = await run.run({ k: Float32Array.from(keys), projection: rows });
  const [found, limit] = [largest, bound].map((array) => Number(array?.data[0])) as [number, number];
  expect(found).toBeLessThanOrEqual(limit * (1 + 1e-5));
  expect(found).toBeGreaterThan(0.99 * limit);
});

describe("the choice", () => {
  const { mechanism } = mapSubjects.positive;
  const arrays = drawArrays(mechanism, { sizes, causal: true });

  it("takes the constant for ordinary keys, and the running maximum as soon as one head begins with a very long key", async () => {
    expect(await outOfReach(featureMaps.positive, arrays)).toBe(false);
    for (const row of [0, 3]) {
      expect(await outOfReach(featureMaps.positive, withLongFirstKey(arrays, 40, row))).toBe(true);
    }
  });

  it("takes the running maximum where the first key is padding", async () => {
    const mask = Float32Array.from({ length: sizes.B * sizes.S }, (_, i) => Number(i !== sizes.S));
    expect(await outOfReach(featureMaps.positive, { ...arrays, keyMask: ndarray(mask, [sizes.B, sizes.S]) })).toBe(
      true,
    );
  });

  const tests: Record<string, AttentionCase> = {
    causal: { sizes, causal: true },
    "causal, a projection for each head": { sizes, causal: true, projection: { perHead: true } },
    bidirectional: { sizes, causal: false },
    "bidirectional, a projection for each head": { sizes, causal: false, projection: { perHead: true } },
    "bidirectional, padded": { sizes, causal: false, realKeys: [71, 131] },
  };

  it.each(Object.entries(tests))("changes nothing but rounding: %s", async (_, test) => {
    const drawn = drawArrays(mechanism, test);
    for (const given of [drawn, withLongFirstKey(drawn, 40, 1), withLongFirstKey(drawn, 9, 2)]) {
      const found = await runMechanism(mechanism, { ...test, form: "scan" }, given, backend);
      expect(relativeError(found.out.data, naiveOutput(mapSubjects.positive.twin, test, given))).toBeLessThan(2e-5);
      // The form without loops never takes the constant.
      const other = await runMechanism(mechanism, { ...test, form: "parallel" }, given, backend);
      for (const name of ["dq", "dk", "dv"] as const) {
        expect(relativeError(found[name].data, toFloat64(other[name])), name).toBeLessThan(1e-4);
      }
    }
  });
});
