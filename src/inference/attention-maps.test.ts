/**
 * Attention maps: they hold the weights with which a model mixes its own values, for causal models and for those that
 * see both sides.
 */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { naiveExact } from "../../tests/attention/naive.ts";
import { present, relativeError, tinyConfig, tinyTensors } from "../../tests/model/harness.ts";
import { createRandom } from "../random/index.ts";
import { attentionMaps } from "./attention-maps.ts";
import { layerOutputs, mixed } from "../../tests/model/attention-layers.ts";

const backend = createBackend({ threads: 1 });
const length = 13;
/** Float32 sums of some ten weights. */
const TOLERANCE = 2e-5;
const identity = Array.from({ length }, (_, s) => Array.from({ length }, (_, e) => Number(e === s)));
const random = createRandom(23, "tokens");

describe("attentionMaps", () => {
  it.each([
    ["encoder", "favor"],
    ["decoder", "exact"],
  ] as const)(
    "of a(n) %s with %s attention mixes the layer's values into its output",
    async (architecture, mechanism) => {
      const config = tinyConfig({ architecture, mechanism });
      const tensors = tinyTensors(config);
      const tokenIds = Int32Array.from({ length }, () => 1 + random.integer(config.vocabSize - 1));
      const { maps, causal } = await attentionMaps({ config, tensors, tokenIds, backend });
      expect(causal).toBe(architecture === "decoder");
      expect(maps.map(({ layer, head }) => [layer, head])).toEqual([
        [0, 0],
        [0, 1],
        [1, 0],
        [1, 1],
      ]);
      const observed = await layerOutputs({ config, tensors, tokenIds, backend });
      for (const map of maps) {
        const { v, out, q, k } = present(observed[map.layer]?.[map.head]);
        expect(relativeError(mixed(map.weights, v).flat(), out.flat())).toBeLessThan(TOLERANCE);
        for (let row = 0; row < length; row++) {
          const weights = map.weights.subarray(row * length, (row + 1) * length);
          expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 4);
          if (causal) expect([...weights.subarray(row + 1)].every((weight) => weight === 0)).toBe(true);
        }
        if (mechanism === "exact") {
          const softmax = naiveExact(q, k, identity, { causal });
          expect(relativeError(map.weights, softmax.flat())).toBeLessThan(TOLERANCE);
        }
      }
    },
  );

  it("leaves padding out", async () => {
    const config = tinyConfig({ architecture: "encoder" });
    const tokenIds = [1, 5, 7, 3, config.padId, config.padId];
    const { maps } = await attentionMaps({ config, tensors: tinyTensors(config), tokenIds, backend });
    for (const { weights } of maps) {
      for (let row = 0; row < 6; row++) expect([weights[row * 6 + 4], weights[row * 6 + 5]]).toEqual([0, 0]);
    }
  });

  it("gives the layers and heads that are asked for, in their order", async () => {
    const config = tinyConfig();
    const base = { config, tensors: tinyTensors(config), tokenIds: [1, 4, 6, 9, 2], backend };
    const all = await attentionMaps(base);
    const { maps } = await attentionMaps({ ...base, layers: [1, 0], heads: [1] });
    expect(maps.map(({ layer, head }) => [layer, head])).toEqual([
      [1, 1],
      [0, 1],
    ]);
    expect([...present(maps[0]).weights]).toEqual([...present(all.maps[3]).weights]);
  });

  it("refuses what a model has not, and what does not fit", async () => {
    const config = tinyConfig({ maxSeqLen: 30_000 });
    const base = { config, tensors: tinyTensors(config), tokenIds: [1, 4, 6], backend };
    await expect(attentionMaps({ ...base, layers: [2] })).rejects.toThrow(
      /^attentionMaps: layers must be distinct numbers from 0 to 1, got 2; omit them for all 2$/,
    );
    await expect(attentionMaps({ ...base, heads: [0, 0] })).rejects.toThrow(/heads must be distinct numbers/);
    await expect(attentionMaps({ ...base, heads: [] })).rejects.toThrow(/got none/);
    await expect(attentionMaps({ ...base, tokenIds: [] })).rejects.toThrow(/^attentionMaps: tokenIds must hold/);
    await expect(attentionMaps({ ...base, tokenIds: new Int32Array(20_000) })).rejects.toThrow(
      /must fit in 2 GiB, got 6\.0 GiB for 2 layers × 2 heads × 20000 × 20000 tokens; give a part of at most 11585 tokens/,
    );
    const two = tinyConfig({ architecture: "encoder-decoder" });
    await expect(attentionMaps({ ...base, config: two, tensors: tinyTensors(two) })).rejects.toThrow(
      /^attentionMaps: the model must have one stack of blocks/,
    );
  });
});
