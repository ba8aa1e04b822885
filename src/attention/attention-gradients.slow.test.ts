/** Gradients over plain arrays: parts of any length give those of the whole, and what does not fit is refused. */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { createRandom, fillNormal } from "../random/index.ts";
import { favorAttentionGradients } from "./attention-gradients.ts";
import { favorAttention } from "./favor-attention.ts";

const backend = createBackend({ threads: 1 });
const [B, L, H, D, E] = [2, 75, 2, 4, 3];
const random = createRandom(5, "gradients");
const draw = (width: number) => ({
  data: fillNormal(random, new Float32Array(B * L * width)),
  dims: [B, L, width],
});
const arrays = { q: draw(H * D), k: draw(H * D), v: draw(H * E), dOut: draw(H * E) };
const options = { numHeads: H, causal: true, numFeatures: 6, backend };
const names = ["out", "dq", "dk", "dv"] as const;

function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? Number.NaN))), 0);
}

describe("in parts", () => {
  it.each([1, 64, 70, 1000])("of %i positions, all is as in one go", async (segmentLength) => {
    const whole = await favorAttentionGradients(arrays, { ...options, segmentLength: 0 });
    const found = await favorAttentionGradients(arrays, { ...options, segmentLength });
    for (const name of names) {
      expect(found[name].dims, name).toEqual(whole[name].dims);
      expect(largestDifference(found[name].data, whole[name].data), name).toBeLessThan(2e-5);
    }
  });

  it("takes mechanisms without scales, and one sequence without a batch", async () => {
    const firstOf = ({ data, dims }: ReturnType<typeof draw>) => ({
      data: data.subarray(0, data.length / B),
      dims: dims.slice(1),
    });
    const { q, k, v, dOut } = arrays;
    const one = { q: firstOf(q), k: firstOf(k), v: firstOf(v), dOut: firstOf(dOut) };
    const relu = { ...options, mechanism: "favor-relu" } as const;
    const whole = await favorAttentionGradients(one, { ...relu, segmentLength: 0 });
    const found = await favorAttentionGradients(one, { ...relu, segmentLength: 31 });
    expect(found.dk.dims).toEqual([L, H * D]);
    for (const name of names) expect(largestDifference(found[name].data, whole[name].data), name).toBeLessThan(2e-5);
  });
});

it("gives the output of favorAttention, in both directions", async () => {
  for (const causal of [true, false]) {
    const given = { ...options, causal };
    const { out } = await favorAttentionGradients(arrays, given);
    const { data } = await favorAttention(arrays, given);
    expect(largestDifference(out.data, data)).toBeLessThan(1e-6);
  }
});

describe("refuses", () => {
  it.each([
    [{ segmentLength: -1 }, "segmentLength must be a positive integer, got -1"],
    [{ segmentLength: 1.5 }, "segmentLength must be a positive integer, got 1.5"],
    [
      { causal: false, segmentLength: 8 },
      "without a mask, on a device with loops, got bidirectional attention; leave it out",
    ],
    [{ mechanism: "exact", segmentLength: 8 }, "got 'exact' on this device"],
    [{ keyMask: Array.from({ length: B }, () => new Uint8Array(L).fill(1)), segmentLength: 8 }, "got a keyMask"],
    [{ segmentlength: 8 }, "did you mean 'segmentLength'?"],
  ] as const)("%j", async (wrong, message) => {
    await expect(favorAttentionGradients(arrays, { ...options, ...wrong })).rejects.toThrow(message);
  });

  it("a dOut of other sizes", async () => {
    await expect(favorAttentionGradients({ ...arrays, dOut: arrays.q }, options)).rejects.toThrow(
      "favorAttentionGradients: dOut must have the sizes of the output, [2 75 6], got [2 75 8]; it is the gradient by it",
    );
  });
});
