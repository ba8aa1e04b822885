/** Scores under linear attention: against float64, and whatever else is scored. */
import { describe, expect, it } from "vitest";
import {
  all,
  likelihoodInFloat64,
  logProbabilitiesInFloat64,
  proteins,
  TOLERANCE,
  tinyModel,
  vocabulary,
} from "../../tests/inference/tiny-proteins.ts";
import { present, relativeError } from "../../tests/model/harness.ts";
import { predictSequences } from "./predict.ts";
import { scoreSequences } from "./score.ts";

const decoder = tinyModel();
const encoder = tinyModel({ architecture: "encoder" });
// Causal FAVOR+ in float64 takes a second a sequence.
const exactDecoder = tinyModel({ mechanism: "exact" });
const exactEncoder = tinyModel({ architecture: "encoder", mechanism: "exact" });
const lengths = [7, 1, 13, 2, 11, 71, 130];

describe("scores", () => {
  it("read what is longer than maxSeqLen whole, but for positions that end", async () => {
    const sequences = proteins(23);
    const [score] = await all(scoreSequences({ ...exactDecoder, sequences }));
    const expected = likelihoodInFloat64(exactDecoder, present(sequences[0]).tokenIds);
    expect(relativeError(score?.perTokenNats, expected)).toBeLessThan(TOLERANCE.nats);
    const learned = tinyModel({ mechanism: "exact", positions: "learned" });
    await expect(all(scoreSequences({ ...learned, sequences: proteins(19, 20) }))).rejects.toThrow(
      "P1: with learned positions, a sequence must have at most 19 tokens (maxSeqLen 19), got 20; cut it into parts, or train with positions 'rotary'",
    );
  });

  it("of hidden tokens are what predictSequences says", async () => {
    const [sequence] = proteins(5);
    const { tokenIds } = present(sequence);
    const { bosId, eosId, maskId } = vocabulary;
    const hidden = Array.from(tokenIds, (_, place) => [bosId, ...tokenIds.with(place, maskId), eosId]);
    const rows = await predictSequences({ ...exactEncoder, sequences: hidden });
    const expected = Array.from(tokenIds, (token, place) => {
      const logits = [...present(rows[place]?.[place + 1])];
      return present(logits[token]) - Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
    });
    const [score] = await all(scoreSequences({ ...exactEncoder, sequences: [present(sequence)], method: "masked" }));
    expect(relativeError(score?.perTokenNats, expected)).toBeLessThan(TOLERANCE.nats);
  });

  it("in one pass show every token, the scored one too", async () => {
    const [sequence] = proteins(5);
    const { tokenIds } = present(sequence);
    const rows = logProbabilitiesInFloat64(exactEncoder, [vocabulary.bosId, ...tokenIds, vocabulary.eosId]);
    const [score] = await all(scoreSequences({ ...exactEncoder, sequences: [present(sequence)], method: "one-pass" }));
    const expected = Array.from(tokenIds, (token, place) => rows[place + 1]?.[token] ?? 0);
    expect(relativeError(score?.perTokenNats, expected)).toBeLessThan(TOLERANCE.nats);
  });

  it("by a decoder are those of float64", async () => {
    const [sequence] = proteins(11);
    const [score] = await all(scoreSequences({ ...decoder, sequences: [present(sequence)] }));
    const expected = likelihoodInFloat64(decoder, present(sequence).tokenIds);
    expect(relativeError(score?.perTokenNats, expected)).toBeLessThan(TOLERANCE.nats);
  });

  it.each([
    ["a decoder", decoder, undefined],
    ["masked", encoder, "masked"],
    ["one pass", encoder, "one-pass"],
  ] as const)(
    "by %s do not depend on what else is scored, and come in the order of the input",
    async (_, model, method) => {
      const sequences = proteins(...lengths);
      const options = { ...model, ...(method && { method }), tokensPerBatch: 128 };
      const together = await all(scoreSequences({ ...options, sequences }));
      const turned = await all(scoreSequences({ ...options, sequences: sequences.toReversed() }));
      expect(turned.map(({ id }) => id)).toEqual(together.map(({ id }) => id).toReversed());
      for (const [index, sequence] of sequences.entries()) {
        const [alone] = await all(scoreSequences({ ...options, sequences: [sequence] }));
        expect(relativeError(together[index]?.perTokenNats, alone?.perTokenNats)).toBeLessThan(TOLERANCE.batched);
        expect(relativeError(turned.at(-1 - index)?.perTokenNats, alone?.perTokenNats)).toBeLessThan(TOLERANCE.batched);
      }
    },
  );
});
