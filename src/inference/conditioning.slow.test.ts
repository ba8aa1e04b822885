/** Tags in front of sequences: what is scored and generated behind one. */
import { describe, expect, it } from "vitest";
import { all, logProbabilitiesInFloat64, TOLERANCE, tinyModel } from "../../tests/inference/tiny-proteins.ts";
import { present, relativeError } from "../../tests/model/harness.ts";
import { letterVocabulary, tagId, tagIds } from "../data/index.ts";
import { generate } from "./generate.ts";
import { scoreMutants } from "./mutants.ts";
import { scoreSequences } from "./score.ts";

const vocabulary = letterVocabulary({ name: "tiny", letters: "ACDEF", tags: ["a", "b"] });
const startId = tagId(vocabulary, "b", "test");
const tokenIds = vocabulary.encode("CADEF");
const exact = { ...tinyModel({ mechanism: "exact", numLayers: 1 }), vocabulary };
const favor = { ...tinyModel({ numLayers: 1 }), vocabulary };
const encoder = { ...tinyModel({ architecture: "encoder", mechanism: "exact", numLayers: 1 }), vocabulary };

describe("scores", () => {
  it("are likelihoods behind the tag, beside others in a batch", async () => {
    const sequences = [
      { id: "tagged", startId, tokenIds },
      { id: "plain", tokenIds },
    ];
    const scores = await all(scoreSequences({ ...exact, sequences }));
    for (const [index, first] of [startId, vocabulary.bosId].entries()) {
      const rows = logProbabilitiesInFloat64(exact, [first, ...tokenIds.slice(0, -1)]);
      const expected = Array.from(tokenIds, (id, place) => present(rows[place]?.[id]));
      expect(relativeError(scores[index]?.perTokenNats, expected)).toBeLessThan(TOLERANCE.nats);
    }
  });

  it.each([
    ["read whole", exact],
    ["sharing a prefix", favor],
    ["hidden", encoder],
  ] as const)("of mutants stand behind it too: %s", async (_, model) => {
    const isEncoder = model === encoder;
    const sequence = { id: "tagged", startId, tokenIds };
    const { deltaNats } = await scoreMutants({ ...model, sequence, residues: "A" });
    const [A = 0] = vocabulary.encode("A");
    const mutants = Array.from(tokenIds, (_own, place) => ({ ...sequence, tokenIds: tokenIds.with(place, A) }));
    const [own, ...scores] = await all(scoreSequences({ ...model, sequences: [sequence, ...mutants] }));
    // Of an encoder the marginal at the hidden place, of which the rest of the sequence is the same.
    const expected = scores.map(({ logLikelihoodNats, perTokenNats }, place) =>
      isEncoder
        ? present(perTokenNats[place]) - present(own?.perTokenNats[place])
        : logLikelihoodNats - present(own?.logLikelihoodNats),
    );
    expect(relativeError(deltaNats, expected)).toBeLessThan(2e-5);
    const untagged = await scoreMutants({ ...model, sequence: { id: "plain", tokenIds }, residues: "A" });
    expect(relativeError(untagged.deltaNats, expected)).toBeGreaterThan(1e-3);
  });
});

describe("generate", () => {
  const settings = { ...favor, maxNewTokens: 17, count: 5, seed: 7 };
  const sequences = async (tag?: string) =>
    (await generate({ ...settings, ...(tag !== undefined && { tag }) })).map(({ sequence }) => sequence);

  it("begins behind the tag: other sequences for another one, and for none", async () => {
    const [a, b, none] = [await sequences("a"), await sequences("b"), await sequences()];
    expect(await sequences("a")).toEqual(a);
    expect(new Set([a.join(), b.join(), none.join()]).size).toBe(3);
  });

  it("gives the likelihood of the sequence behind its tag, of tokens that may be drawn", async () => {
    const [found] = await generate({ ...settings, tag: "b", count: 1, minNewTokens: 6, maxNewTokens: 6 });
    const ids = vocabulary.encode(present(found).sequence);
    const rows = logProbabilitiesInFloat64(favor, [startId, ...ids.slice(0, -1)]);
    const never = [vocabulary.padId, vocabulary.bosId, vocabulary.maskId, ...tagIds(vocabulary)];
    const expected = Array.from(ids, (id, place) => {
      const row = rows[place] ?? [];
      const allowed = row.filter((_, token) => !never.includes(token));
      return present(row[id]) - Math.log(allowed.reduce((sum, nats) => sum + Math.exp(nats), 0));
    });
    const total = expected.reduce((sum, nats) => sum + nats, 0);
    expect(Math.abs(present(found).logLikelihoodNats - total)).toBeLessThan(1e-3);
  });

  it("never draws a tag, even where all tokens are as probable", async () => {
    const embedding = present(favor.tensors["tokenEmbedding.weight"]);
    const flat = { ...embedding, data: new Float32Array(embedding.data.length) };
    const tensors = { ...favor.tensors, "tokenEmbedding.weight": flat };
    const found = await generate({ ...settings, tensors, tag: "a", count: 10, minNewTokens: 17 });
    expect(found.every(({ sequence }) => /^[ACDEF]{17}$/.test(sequence))).toBe(true);
    // Five letters and the end are left.
    expect(present(found[0]).logLikelihoodNats).toBeCloseTo(-17 * Math.log(6), 4);
  });

  it("refuses a tag that the vocabulary does not have", async () => {
    await expect(sequences("c")).rejects.toThrow('generate: a tag must be one of the 2 of the model, got "c"');
  });
});
