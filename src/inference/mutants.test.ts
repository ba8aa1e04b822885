/** Tables of single mutants against float64, and against the scores of the mutants themselves. */
import { describe, expect, it } from "vitest";
import {
  likelihoodInFloat64,
  maskedInFloat64,
  proteins,
  tinyModel,
  vocabulary,
} from "../../tests/inference/tiny-proteins.ts";
import { present, relativeError } from "../../tests/model/harness.ts";
import { scoreMutants } from "./mutants.ts";

/** Differences of sums of float32. */
const TOLERANCE = 2e-5;

// Float64 is slow; the slow suite has all letters.
const residues = "ACD";
// Causal FAVOR+ in float64 takes a second a sequence.
const decoder = tinyModel({ mechanism: "exact", numLayers: 1 });
const encoder = tinyModel({ architecture: "encoder", mechanism: "exact", numLayers: 1 });
const [wildType] = proteins(3);
const sequence = present(wildType);
const total = (nats: readonly number[]) => nats.reduce((sum, each) => sum + each, 0);
const letters = Array.from(residues, (letter) => present(vocabulary.encode(letter)[0]));

/** Row by row, as the table. */
const cells = letters.flatMap((letter) => Array.from(sequence.tokenIds, (own, place) => ({ letter, own, place })));

describe("the table of mutants", () => {
  it("of a decoder is the difference of whole likelihoods in float64", async () => {
    const { deltaNats, ...rest } = await scoreMutants({ ...decoder, sequence, residues });
    expect(rest).toEqual({
      id: "P0",
      tokens: 3,
      method: "likelihood",
      residues: Array.from(residues),
      wildType: Array.from(sequence.tokenIds, (id) => vocabulary.decode([id])),
    });
    const own = total(likelihoodInFloat64(decoder, sequence.tokenIds));
    const expected = cells.map(
      ({ letter, place }) => total(likelihoodInFloat64(decoder, sequence.tokenIds.with(place, letter))) - own,
    );
    expect(relativeError(deltaNats, expected)).toBeLessThan(TOLERANCE);
  });

  it("of an encoder compares residues at hidden places, and in one pass at shown ones", async () => {
    const { deltaNats, method } = await scoreMutants({ ...encoder, sequence, residues });
    expect(method).toBe("masked");
    const rows = maskedInFloat64(encoder, sequence.tokenIds);
    const expected = cells.map(({ letter, own, place }) => (rows[place]?.[letter] ?? 0) - (rows[place]?.[own] ?? 0));
    expect(relativeError(deltaNats, expected)).toBeLessThan(TOLERANCE);
    const shown = await scoreMutants({ ...encoder, sequence, residues, method: "one-pass" });
    expect(shown.method).toBe("one-pass");
    expect(relativeError(shown.deltaNats, expected)).toBeGreaterThan(TOLERANCE);
  });

  it("is refused with the way out", async () => {
    await expect(scoreMutants({ ...decoder, sequence })).rejects.toThrow(/residues: the letters of a tiny sequence/);
    await expect(scoreMutants({ ...decoder, sequence, residues, method: "masked" })).rejects.toThrow(
      "scoreMutants: method must be left out for a decoder",
    );
    for (const model of [decoder, encoder]) {
      await expect(scoreMutants({ ...model, sequence: present(proteins(0)[0]), residues })).rejects.toThrow(
        "P0: a sequence must have at least one token",
      );
    }
  });
});
