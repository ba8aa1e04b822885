/** Attention between types of residues, streamed over sequences: the sums are those of the maps. */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { present, relativeError, tinyConfig, tinyTensors } from "../../tests/model/harness.ts";
import { proteinVocabulary, standardResidues } from "../data/vocabularies/letters.ts";
import { createRandom } from "../random/index.ts";
import { attentionMaps } from "./attention-maps.ts";
import { residueAttention } from "./residue-attention.ts";

/** Float32 sums of some hundred weights. */
const TOLERANCE = 1e-5;

const backend = createBackend({ threads: 1 });
const vocabulary = proteinVocabulary;
const random = createRandom(31, "proteins");
/** Sequences of different lengths; X is no standard residue. */
const proteins = [17, 23, 11].map((length, index) => ({
  id: `protein ${index}`,
  tokenIds: vocabulary.encode(
    `X${Array.from({ length }, () => standardResidues.charAt(random.integer(standardResidues.length))).join("")}`,
  ),
}));
const COUNT = standardResidues.length;

describe("residueAttention", () => {
  it.each(["decoder", "encoder"] as const)(
    "of a(n) %s sums what the maps hold, without special tokens",
    async (architecture) => {
      const config = tinyConfig({ architecture, vocabSize: vocabulary.size, maxSeqLen: 40 });
      const tensors = tinyTensors(config);
      const base = { config, tensors, backend };
      const { maps, sums, uniform, ...counts } = await residueAttention({ ...base, vocabulary, sequences: proteins });
      expect(counts).toEqual({ sequences: 3, residues: 17 + 23 + 11 });
      const expected = new Float64Array(sums.length);
      const chance = new Float64Array(uniform.length);
      for (const { tokenIds } of proteins) {
        const end = architecture === "encoder" ? [vocabulary.eosId] : [];
        const ids = [vocabulary.bosId, ...tokenIds, ...end];
        const types = ids.map((id) => standardResidues.indexOf(vocabulary.tokens[id] ?? ""));
        const whole = await attentionMaps({ ...base, tokenIds: ids });
        const sees = (i: number, j: number) => present(types[j]) >= 0 && (!whole.causal || j <= i);
        types.forEach((a, i) =>
          types.forEach((b, j) => {
            if (a < 0 || !sees(i, j)) return;
            const visible = types.filter((_, key) => sees(i, key)).length;
            chance[a * COUNT + b] = present(chance[a * COUNT + b]) + 1 / visible;
            whole.maps.forEach(({ weights }, map) => {
              const index = (map * COUNT + a) * COUNT + b;
              expected[index] = present(expected[index]) + present(weights[i * ids.length + j]);
            });
          }),
        );
      }
      expect(maps).toHaveLength(config.numLayers * config.numHeads);
      expect(relativeError(sums, expected)).toBeLessThan(TOLERANCE);
      expect(relativeError(uniform, chance)).toBeLessThan(1e-12);
    },
  );

  it("takes some layers and heads, and refuses what is no protein model", async () => {
    const config = tinyConfig({ vocabSize: vocabulary.size });
    const base = { config, tensors: tinyTensors(config), backend, vocabulary };
    const sequences = proteins.slice(2);
    const all = await residueAttention({ ...base, sequences });
    const one = await residueAttention({ ...base, sequences, layers: [1], heads: [0] });
    expect(one.maps).toEqual([{ layer: 1, head: 0 }]);
    expect(one.sums).toEqual(all.sums.slice(2 * COUNT * COUNT, 3 * COUNT * COUNT));
    await expect(residueAttention({ ...base, sequences: [] })).rejects.toThrow(/got no sequence; give some proteins/);
    await expect(residueAttention({ ...base, sequences, heads: [7] })).rejects.toThrow(
      /^residueAttention: heads must be distinct numbers from 0 to 1, got 7/,
    );
    const letters = { ...vocabulary, tokens: vocabulary.tokens.map((token) => (token === "W" ? "w" : token)) };
    await expect(residueAttention({ ...base, sequences, vocabulary: letters })).rejects.toThrow(/got one without W;/);
  });
});
