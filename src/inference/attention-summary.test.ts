/** Summaries of attention maps, on maps whose figures are known. */
import { describe, expect, it } from "vitest";
import type { AttentionMap } from "./attention-maps.ts";
import { summariseMap } from "./attention-summary.ts";

const length = 7;
const mapOf = (weight: (query: number, key: number) => number): AttentionMap => ({
  layer: 1,
  head: 2,
  mechanism: "exact",
  weights: Float32Array.from({ length: length * length }, (_, i) => weight(Math.floor(i / length), i % length)),
});

describe("summariseMap", () => {
  it("of uniform attention has the largest entropy and the mean distance of all pairs", () => {
    const summary = summariseMap(
      mapOf(() => 1 / length),
      { length, causal: false },
      { specials: [0] },
    );
    expect(summary.entropyNats).toBeCloseTo(Math.log(length), 6);
    expect(summary.entropyShare).toBeCloseTo(1, 6);
    // Six residues: 5 pairs at distance 1, 4 at 2, … 1 at 5, each twice, of 36.
    expect(summary.meanDistance).toBeCloseTo(70 / 36, 6);
    expect(summary.toSpecials).toBeCloseTo(1 / length, 6);
    expect(summary.topPartners).toHaveLength(5);
    expect(summary.topPartners.every(({ timesUniform }) => Math.abs(timesUniform - 1) < 1e-6)).toBe(true);
  });

  it("of a head that looks at the token before has none", () => {
    const before = mapOf((query, key) => Number(key === Math.max(0, query - 1)));
    const summary = summariseMap(before, { length, causal: true }, { specials: [0], partners: 2 });
    expect(summary.entropyNats).toBe(0);
    expect(summary.meanDistance).toBe(1);
    expect(summary.toSpecials).toBeCloseTo(1 / 6, 12);
    // The later a query, the more keys it has passed over.
    expect(summary.topPartners).toEqual([
      { query: 6, key: 5, weight: 1, timesUniform: 7 },
      { query: 5, key: 4, weight: 1, timesUniform: 6 },
    ]);
  });

  it("tells weights below 0, and counts them as none", () => {
    const signed = mapOf((query, key) => (key === 3 ? 1.5 : key === query ? -0.5 : 0));
    const summary = summariseMap(signed, { length, causal: false }, { specials: [] });
    expect(summary.leastWeight).toBe(-0.5);
    expect(summary.entropyNats).toBeCloseTo(0, 6);
  });
});
