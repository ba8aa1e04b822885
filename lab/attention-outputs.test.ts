/** Heads, their exact outputs, and the errors of others. */

import { mechanisms } from "performer-ts/attention";
import { createRandom } from "performer-ts/random";
import { describe, expect, it } from "vitest";

import { exactInFloat64 } from "./attention-error/float64.ts";
import { compileHead, exactHeads, gaussianHead, outputError, outputErrors } from "./attention-outputs.ts";

const SIZES = { seqLen: 37, headDim: 5 } as const;
const SCALES = { queryStd: 2, keyStd: 0.5 } as const;

describe("outputError", () => {
  it("is the mean square, and relative to the exact output", () => {
    const error = outputError(Float32Array.of(3, 0), Float32Array.of(3, 4));
    expect(error).toEqual({ meanSquared: 8, relative: 4 / 5 });
  });

  it("is 1 for an output of zeros", () => {
    expect(outputError(new Float32Array(2), Float32Array.of(3, 4)).relative).toBe(1);
  });
});

describe("gaussianHead", () => {
  it("has queries, keys and values of the scales asked for", () => {
    const { q, k, v } = gaussianHead(createRandom(7), { seqLen: 4099, headDim: 5 }, SCALES);
    const std = (values: Float32Array) => Math.hypot(...values) / Math.sqrt(values.length);
    // Five standard errors of a standard deviation from 20,495 normal numbers: 5 / √(2 · 20,495).
    const tolerance = 0.025;
    expect(Math.abs(std(q) / 2 - 1)).toBeLessThan(tolerance);
    expect(Math.abs(std(k) / 0.5 - 1)).toBeLessThan(tolerance);
    expect(Math.abs(std(v) - 1)).toBeLessThan(tolerance);
  });
});

describe("exactHeads", () => {
  it("have the output that softmax attention has in float64", async () => {
    const [first] = await exactHeads([11], SIZES, SCALES);
    if (first === undefined) throw new Error("one seed must give one head");
    const truth = exactInFloat64(first.head, SIZES, SIZES.seqLen);
    // float32 sums of 37 terms.
    expect(outputError(first.exact, Float32Array.from(truth)).relative).toBeLessThan(1e-5);
  });
});

describe("outputErrors", () => {
  it("are nothing for exact attention, and one list a head with one entry a projection", async () => {
    const heads = await exactHeads([11, 13], SIZES, SCALES);
    const options = { sizes: SIZES, numRows: 7, heads, numDraws: 3 };
    const none = await outputErrors({ ...options, mechanism: mechanisms.exact });
    expect(none.flat().map(({ relative }) => relative)).toEqual(Array(6).fill(0));
    const some = await outputErrors({ ...options, mechanism: mechanisms.favor });
    expect(some.map((errors) => errors.length)).toEqual([3, 3]);
    expect(new Set(some.flat().map(({ relative }) => relative)).size).toBe(6);
  });

  it("see the same projection for the same random stream", async () => {
    await using attention = await compileHead(mechanisms.favor, SIZES, 7);
    const head = gaussianHead(createRandom(7), SIZES, SCALES);
    const [first, again] = [
      await attention.attend(head, createRandom(3)),
      await attention.attend(head, createRandom(3)),
    ];
    expect(again).toEqual(first);
  });
});
