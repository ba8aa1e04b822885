/** Statistics of whole sequences: measured, frozen, read from JSON, and untouched by padding. */
import { describe, expect, it } from "vitest";
import { createRandom, fillNormal } from "../random/index.ts";
import { relativeError } from "../../tests/model/harness.ts";
import { favorAttention } from "./favor-attention.ts";
import { measureStatistics } from "./measure-statistics.ts";

/** Float32 sums in another order. */
const TOLERANCE = 2e-5;

const [length, numHeads, headDim, valueDim] = [17, 3, 5, 7];
const draw = (name: string, width: number) => ({
  data: fillNormal(createRandom(7, name), new Float32Array(length * numHeads * width)),
  dims: [length, numHeads * width],
});
const arrays = { q: draw("q", headDim), k: draw("k", headDim), v: draw("v", valueDim) };
const options = { numHeads, numFeatures: 11, seed: 7 } as const;

describe("measureStatistics", () => {
  it("makes causal attention possible, whose last position sees what bidirectional attention sees", async () => {
    const asked = { ...options, mechanism: "favor-saderf" } as const;
    const statistics = await measureStatistics(arrays, { numHeads, mechanism: "favor-saderf" });
    expect(Object.entries(statistics).map(([name, { shape }]) => [name, shape])).toEqual([
      ["meanSquaredSum", [1, numHeads, 1, 1]],
      ["keyOverQuery", [1, numHeads, 1, headDim]],
    ]);
    const measured = await favorAttention(arrays, asked);
    const frozen = await favorAttention(arrays, { ...asked, statistics });
    expect(relativeError(frozen.data, measured.data)).toBeLessThan(TOLERANCE);
    const causal = await favorAttention(arrays, { ...asked, statistics, causal: true });
    const last = (length - 1) * numHeads * valueDim;
    expect(relativeError(causal.data.subarray(last), measured.data.subarray(last))).toBeLessThan(TOLERANCE);
  });

  it("gives nothing for a mechanism that needs nothing", async () => {
    expect(await measureStatistics(arrays, { numHeads })).toEqual({});
    expect(await measureStatistics(arrays)).toEqual({});
  });

  it("gives what comes back from JSON as arrays of numbers", async () => {
    const asked = { ...options, mechanism: "favor-optimal", causal: true } as const;
    const statistics = await measureStatistics(arrays, { numHeads, mechanism: "favor-optimal" });
    const written = JSON.stringify(statistics, (_, value: unknown) =>
      value instanceof Float32Array ? Array.from(value) : value,
    );
    const read = JSON.parse(written) as typeof statistics; // what was written
    expect((await favorAttention(arrays, { ...asked, statistics: read })).data).toEqual(
      (await favorAttention(arrays, { ...asked, statistics })).data,
    );
  });

  it.each(["favor-optimal", "favor-rescaled", "favor-saderf"] as const)(
    "of %s leaves padding out",
    async (mechanism) => {
      const real = 11;
      const keyMask = Array.from({ length }, (_, position) => position < real);
      const padded = (factor: number) => {
        const rows = ({ data, dims }: typeof arrays.q) => ({
          data: data.map((value, i) => (i < real * numHeads * headDim ? value : factor * value)),
          dims,
        });
        return favorAttention({ ...arrays, q: rows(arrays.q), k: rows(arrays.k) }, { ...options, mechanism, keyMask });
      };
      const part = real * numHeads * valueDim;
      const [near, far] = [await padded(1), await padded(5)];
      expect(relativeError(far.data.subarray(0, part), near.data.subarray(0, part))).toBeLessThan(TOLERANCE);
    },
  );
});
