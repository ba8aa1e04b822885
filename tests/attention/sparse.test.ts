/**
 * Sparse mechanisms in short: each against its twin where it tells most, mixed heads, and what is refused; the rest is
 * in sparse.slow.test.ts.
 */
import { describe, expect, it } from "vitest";
import { createMechanism } from "../../src/attention/choice.ts";
import { favorMechanisms } from "../../src/attention/favor/favor.ts";
import { mechanisms } from "../../src/attention/mechanisms.ts";
import { mixedHeads } from "../../src/attention/mixed-heads.ts";
import { ConfigError } from "../../src/graph/errors.ts";
import { drawBlocks } from "../../src/attention/sparse/bigbird.ts";
import { keysOfQueries } from "../../src/attention/sparse/edges.ts";
import { input } from "../../src/ops/source.ts";
import { drawArrays, naiveOutput, relativeError, runMechanism } from "./conformance.ts";
import { sparseSubjects } from "./sparse-subjects.ts";

const tolerance = 2e-5;
const sizes = { B: 2, H: 1, L: 41, S: 41, D: 5, E: 3, M: 7 } as const;

const { "local, a window of one": _one, graph: _graph, ...telling } = sparseSubjects;

describe.each(Object.entries(telling))("%s", (_, { mechanism, twin }) => {
  it("equals its twin where the second sequence is padded", async () => {
    const test = { sizes, causal: true, realKeys: [41, 31], maxSeqLen: 200 };
    const arrays = drawArrays(mechanism, test);
    const { out } = await runMechanism(mechanism, test, arrays);
    expect(relativeError(out.data, naiveOutput(twin, test, arrays))).toBeLessThan(tolerance);
  });
});

const use = { causal: true, cross: false, maxSeqLen: 512, numHeads: 2, headDim: 5 } as const;

describe("what is refused", () => {
  it.each([
    ["local", { maxSeqLen: 100 }, "window must be at most the longest sequence, 100"],
    ["local", { cross: true, causal: false }, "queries and keys must be of one sequence"],
    ["longformer", { maxSeqLen: 100 }, "window must be at most"],
    ["sparse-strided", { maxSeqLen: 100 }, "stride must be at most"],
    ["sparse-fixed", { maxSeqLen: 100 }, "stride must be at most"],
    ["bigbird", { maxSeqLen: 100 }, "blockSize · windowBlocks must be at most"],
    ["transformer-xl", { causal: false }, "attention must be causal"],
    ["transformer-xl", { maxSeqLen: 100 }, "segmentLength must be at most"],
    ["graph", {}, "edges must be given"],
    ["gat", {}, "edges must be given"],
  ] as const)("%s for %j", (name, different, rule) => {
    expect(mechanisms[name].refuse?.({ ...use, ...different })?.rule).toContain(rule);
  });

  it.each(["local", "longformer", "sparse-strided", "sparse-fixed", "bigbird", "transformer-xl"] as const)(
    "nothing of %s within its limits",
    (name) => expect(mechanisms[name].refuse?.(use)).toBeUndefined(),
  );

  it.each([
    [{ name: "local", window: 0 }, "local: window must be above 0, got 0"],
    [{ name: "local", windows: 3 }, "local: 'windows' is not a key; did you mean 'window'?"],
    [{ name: "sparse-fixed", stride: 4 }, "sparse-fixed: summaryPositions must be at most stride, 4, got 8"],
    [{ name: "bigbird", windowBlocks: 4 }, "bigbird: windowBlocks must be valid (an odd number"],
    [{ name: "graph", edges: [[0, -1]] }, "graph: edges.0.1 must be at least 0, got -1"],
  ] as const)("options %j", (choice, message) => {
    expect(() => createMechanism(choice, "model")).toThrow(message);
  });

  it("keys of another length than the queries, and transformer-xl in both directions", () => {
    const [q, k] = [input("q", [1, 2, 7, 5]), input("k", [1, 2, 11, 5])];
    expect(() => mechanisms.local.apply(q, k, k, { causal: false })).toThrow("k must have shape [B H L D] with L = 7");
    expect(() => mechanisms["transformer-xl"].apply(q, q, q, { causal: false })).toThrow("must be causal");
    expect(() => mechanisms.graph.apply(q, q, q, { causal: false })).toThrow("edges must be given");
  });
});

describe("drawn blocks and edges", () => {
  it("random blocks are outside the window and the first blocks, none twice, and stay when a causal sequence grows", () => {
    const options = { blockSize: 7, windowBlocks: 3, globalBlocks: 2, randomBlocks: 3, seed: 5 };
    const drawn = drawBlocks(23, false, options);
    drawn.forEach((blocks, n) => {
      expect(new Set(blocks).size).toBe(3);
      expect(blocks.every((m) => m >= 2 && m < 23 && Math.abs(m - n) > 1)).toBe(true);
    });
    expect(drawBlocks(37, true, options).slice(0, 23)).toEqual(drawBlocks(23, true, options));
    expect(drawBlocks(23, false, { ...options, seed: 6 })).not.toEqual(drawn);
  });

  it("edges count once, within the sequence, and causal ones from the past", () => {
    const edges = [
      [2, 0],
      [0, 2],
      [0, 2],
      [9, 1],
    ] as const;
    expect(keysOfQueries({ edges, selfLoops: false }, 3, false)).toEqual([[2], [], [0]]);
    expect(keysOfQueries({ edges, selfLoops: true }, 3, true)).toEqual([[0], [1], [0, 2]]);
  });
});

describe("mixed heads", () => {
  const window = { name: "local", window: 19, numHeads: 2 } as const;

  it("each part gives what it gives alone", async () => {
    const choice = { heads: [window, { name: "favor", numHeads: 3 }] } as const;
    const test = { sizes: { ...sizes, H: 5 }, causal: true, realKeys: [41, 31] };
    const mixed = createMechanism(choice, "model");
    const arrays = drawArrays(mixed, test);
    const { out } = await runMechanism(mixed, test, arrays);
    const alone = await Promise.all(
      [createMechanism({ name: "local", window: 19 }, "model"), favorMechanisms.favor].map(async (mechanism) => {
        const { projection: drawn, ...others } = arrays;
        const needed = mechanism === favorMechanisms.favor && drawn ? { projection: drawn } : {};
        return await runMechanism(mechanism, test, { ...others, ...needed });
      }),
    );
    const width = sizes.L * sizes.E;
    const expected = Float64Array.from({ length: out.data.length }, (_, i) =>
      Number(alone[Math.floor(i / width) % 5 < 2 ? 0 : 1]?.out.data[i]),
    );
    expect(relativeError(out.data, expected)).toBeLessThan(1e-5);
  });

  it("refuses what a part refuses, numbers of heads that do not add up, and two projections", () => {
    const mixed = createMechanism({ heads: [window, { name: "exact", numHeads: 1 }] }, "model");
    expect(mixed.refuse?.({ ...use, numHeads: 3 })).toBeUndefined();
    expect(mixed.refuse?.({ ...use, numHeads: 4 })?.rule).toContain("must add up to numHeads, 4");
    expect(mixed.refuse?.({ ...use, numHeads: 3, maxSeqLen: 11 })?.rule).toContain("heads.0 ('local'): window must be");
    const { favor, "favor-relu": relu } = favorMechanisms;
    expect(() =>
      mixedHeads([
        { mechanism: favor, numHeads: 1 },
        { mechanism: relu, numHeads: 1 },
      ]),
    ).toThrow("one part at most may have a random projection, for a layer has one, got 'favor' and 'favor-relu'");
    expect(() => mixedHeads([])).toThrow(ConfigError);
    expect(() => mixedHeads([{ mechanism: favor, numHeads: 0 }])).toThrow(
      "numHeads of 'favor' must be a positive integer",
    );
  });

  it("parameters bear the number of their part, and states too where all parts have one", () => {
    const gat = { name: "gat", edges: [[0, 1]], numHeads: 3 } as const;
    const mixed = createMechanism({ heads: [window, gat] }, "model");
    const parameters = mixed.parameters?.({ numHeads: 5, headDim: 7, maxSeqLen: 61 });
    expect(Object.entries(parameters ?? {}).map(([name, { shape }]) => [name, shape])).toEqual([
      ["part1_queryWeight", [3, 7]],
      ["part1_keyWeight", [3, 7]],
    ]);
    expect(mixed.recurrent).toBeUndefined();
    const both = createMechanism({ heads: [window, { name: "favor", numHeads: 1 }] }, "model");
    const state = both.recurrent?.initialState({ B: 1, H: 3, D: 5, E: 5, M: 7 }) ?? {};
    expect(Object.keys(state)).toEqual(["part0_keys", "part0_values", "part0_count", "part1_sums", "part1_maximum"]);
  });
});
