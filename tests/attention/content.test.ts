/**
 * Attention by content: where positions go, what is refused, how centroids learn; all of conformance is in
 * content.slow.test.ts.
 */
import { createBackend } from "#engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bucketLayout } from "../../src/attention/content/layout.ts";
import { reformer } from "../../src/attention/content/reformer.ts";
import { routing } from "../../src/attention/content/routing.ts";
import type { AttentionMechanism, MechanismUse } from "../../src/attention/mechanism.ts";
import { ndarray } from "../../src/graph/ndarray.ts";
import { constant, input } from "../../src/ops/source.ts";
import { createRandom } from "../../src/random/index.ts";
import { evaluate } from "../../src/runtime/reference.ts";
import { drawArrays, runMechanism } from "./conformance.ts";
import { centroidsOf, kMeansObjective, reformerSubject, routingSubject } from "./content.ts";
import { describeConformance } from "./subjects.ts";

const sizes = { B: 2, H: 2, L: 41, S: 41, D: 5, E: 3, M: 7 };

describe.each(
  Object.entries({
    reformer: reformerSubject({ numBuckets: 4, numRounds: 2, window: 5 }),
    routing: routingSubject({ numClusters: 3, window: 5 }),
  }),
)("%s", (_, subject) =>
  describeConformance(subject, { "causal, padded": { sizes, causal: true, realKeys: [29, 41] } }),
);

describe("bucketLayout", () => {
  it("gives every position a slot, and every bucket whole chunks of its members in their order", () => {
    const problem = fc.record({
      form: fc.constantFrom("scan" as const, "parallel" as const),
      numBuckets: fc.integer({ min: 1, max: 6 }),
      chunk: fc.integer({ min: 1, max: 5 }),
      rows: fc.array(fc.array(fc.nat(1000), { minLength: 11, maxLength: 11 }), { minLength: 1, maxLength: 3 }),
    });
    fc.assert(
      fc.property(problem, ({ form, numBuckets, chunk, rows }) => {
        const buckets = rows.map((row) => row.map((value) => value % numBuckets));
        const given = constant(ndarray(Int32Array.from(buckets.flat()), [rows.length, 11]));
        const { numChunks, ...layout } = bucketLayout(given, { numBuckets, chunk, form });
        const [slots, occupants, ofSlots] = evaluate(Object.values(layout), new Map()).map(({ data }) => [...data]);
        const expected = buckets.flatMap((row, g) => {
          const members = Array.from({ length: numBuckets }, (_, bucket) =>
            row.flatMap((each, i) => (each === bucket ? [g * 11 + i] : [])),
          );
          const filled = members.flatMap((of) => [...of, ...empty(Math.ceil(of.length / chunk) * chunk - of.length)]);
          return [...filled, ...empty(numChunks * chunk - filled.length)];
        });
        expect(occupants).toEqual(expected);
        expect(slots).toEqual(Array.from({ length: rows.length * 11 }, (_, i) => expected.indexOf(i)));
        expect(ofSlots).toEqual(expected.map((i) => (i === -1 ? -1 : buckets.flat()[i])));
      }),
      { numRuns: 25 },
    );
  });
});

function empty(length: number): number[] {
  return Array.from({ length }, () => -1);
}

describe("what a position attends to", () => {
  it("is itself, in the Reformer, only where it sees nothing else", async () => {
    const mechanism = reformer.create({ numBuckets: 2, numRounds: 1, window: 3 });
    // One bucket for all: every query is the same.
    const arrays = drawArrays(mechanism, { sizes: { ...sizes, L: 3, S: 3 }, causal: true });
    const q = { ...arrays.q, data: new Float32Array(arrays.q.data.length).fill(1) };
    const { out } = await runMechanism(mechanism, { sizes, causal: true }, { ...arrays, q, k: q });
    const { data } = arrays.v;
    const mean = (a: number, b: number) => (Number(data[a]) + Number(data[b])) / 2;
    expect([...out.data].slice(0, 6)).toEqual([...data.slice(0, 3), ...data.slice(0, 3)]);
    expect(Number(out.data[6])).toBeCloseTo(mean(0, 3), 6);
  });

  it("is found by the rotations of each head where heads have their own", () => {
    const { initialise } = reformer.create({ numBuckets: 6, numRounds: 2 });
    const shape = (perHead: boolean) =>
      initialise(createRandom(1, "rotations"), { headDim: 5, numFeatures: 1, numHeads: 3, projection: { perHead } })
        ?.projection.shape;
    expect(shape(false)).toEqual([6, 5]);
    expect(shape(true)).toEqual([3, 6, 5]);
  });
});

describe("centroids", () => {
  const mechanism = routing.create({ numClusters: 3, window: 7 });
  const test = { sizes, causal: true, realKeys: [41, 41] };

  it("get the gradient of half the mean squared distance, whatever the gradient of the output is", async () => {
    const arrays = drawArrays(mechanism, test);
    const centroids = centroidsOf(arrays);
    const { parameters } = await runMechanism(mechanism, test, arrays);
    const twice = {
      ...arrays,
      dOut: { ...arrays.dOut, data: Float32Array.from(arrays.dOut.data as Float32Array, (x) => 2 * x) },
    };
    expect((await runMechanism(mechanism, test, twice)).parameters).toEqual(parameters);
    const step = 1e-4;
    centroids.data.forEach((value, at) => {
      const moved = (by: number) =>
        kMeansObjective(arrays, {
          ...centroids,
          data: Float64Array.from(centroids.data as Float32Array, (x, i) => (i === at ? Number(value) + by : x)),
        });
      expect(Number(parameters["centroids"]?.data[at])).toBeCloseTo((moved(step) - moved(-step)) / (2 * step), 6);
    });
  });

  it("learn nothing from padding", async () => {
    const padded = { ...test, realKeys: [17, 41] };
    const arrays = drawArrays(mechanism, padded);
    const { parameters } = await runMechanism(mechanism, padded, arrays);
    const { D, L } = sizes;
    const data = Float32Array.from(arrays.q.data as Float32Array, (x, i) =>
      i < 2 * L * D && Math.floor(i / D) % L >= 17 ? -x * i : x,
    );
    const q = ndarray(data, arrays.q.shape);
    const other = await runMechanism(mechanism, padded, { ...arrays, q, k: q });
    expect(other.parameters).toEqual(parameters);
  });
});

describe("what is refused", () => {
  const use: MechanismUse = { causal: true, cross: false, maxSeqLen: 100, numHeads: 2, headDim: 8 };
  const refusal = ({ refuse }: AttentionMechanism, more: Partial<MechanismUse>) => {
    const found = refuse?.({ ...use, ...more });
    return found && `${found.rule}, got ${found.got}; ${found.fix}`;
  };

  it.each([
    [
      "reformer",
      reformer.create({ numBuckets: 100, window: 100 }),
      reformer.create({ numBuckets: 102, window: 8 }),
      "numBuckets",
      102,
    ],
    [
      "routing",
      routing.create({ numClusters: 100, window: 100 }),
      routing.create({ numClusters: 101, window: 8 }),
      "numClusters",
      101,
    ],
    ["reformer's window", reformer.create({ window: 100 }), reformer.create({ window: 101 }), "window", 101],
    ["routing's window", routing.create({ window: 100 }), routing.create({ window: 101 }), "window", 101],
  ])("more than there are positions: %s", (_, fits, large, option, got) => {
    expect(refusal(fits, {})).toBeUndefined();
    expect(refusal(fits, { causal: false })).toBeUndefined();
    expect(refusal(large, {})).toBe(
      `${option} must be at most the longest sequence, 100, got ${got}; make it smaller, or use 'exact'`,
    );
  });

  it.each([reformer.create({ window: 64 }), routing.create({ window: 64 })])("cross-attention: $name", (mechanism) => {
    expect(refusal(mechanism, { cross: true })).toBe(
      "keys must be the queries, which are sorted together, got cross-attention; use 'exact' or 'favor' there",
    );
  });

  it("options that make no sense, with what they must be", () => {
    expect(() => reformer.create({ numBuckets: 7 })).toThrow(/^reformer: numBuckets must be .*multiple of 2.*, got 7/);
    expect(() => reformer.create({ numRounds: 0 })).toThrow("reformer: numRounds must be above 0, got 0");
    expect(() => routing.create({ window: 1.5 })).toThrow("routing: window must be a whole number, got 1.5");
  });

  it("graphs without what was drawn or trained, and keys of another length", () => {
    const q = input("q", [1, 2, 9, 4]);
    expect(() => reformer.create().apply(q, q, q, { causal: true })).toThrow(
      "reformerAttention: projection must be given, got nothing; draw one with initialise()",
    );
    expect(() => routing.create().apply(q, q, q, { causal: true })).toThrow(
      "routingAttention: parameters.centroids must be given, got nothing; see parameters()",
    );
    const k = input("k", [1, 2, 7, 4]);
    const parameters = { centroids: input("centroids", [2, 16, 4]) };
    expect(() => routing.create().apply(q, k, k, { causal: false, parameters })).toThrow(
      /^routingAttention: k must have shape \[B H L D\] with L = 9, got/,
    );
  });
});

it("serves sequences that are shorter than the window, and hold fewer positions than there are clusters", async () => {
  const mechanism = routing.create();
  const test = { sizes: { ...sizes, L: 2, S: 2 }, causal: false, maxSeqLen: 512 };
  const { out } = await runMechanism(mechanism, test, drawArrays(mechanism, test), createBackend());
  expect([...out.data].every(Number.isFinite)).toBe(true);
});
