/** Tables of single mutants under linear attention: against the scores of the mutants themselves. */
import { describe, expect, it } from "vitest";
import { all, proteins, tinyModel, vocabulary } from "../../tests/inference/tiny-proteins.ts";
import { present, relativeError } from "../../tests/model/harness.ts";
import { scoreMutants } from "./mutants.ts";
import { scoreSequences } from "./score.ts";

/** Differences of sums of float32. */
const TOLERANCE = 2e-5;

const residues = "ACDEFGH";
const decoder = tinyModel();
const encoder = tinyModel({ architecture: "encoder" });
const [wildType] = proteins(7);
const sequence = present(wildType);
const letters = Array.from(residues, (letter) => present(vocabulary.encode(letter)[0]));

/** Row by row, as the table. */
const cells = letters.flatMap((letter) => Array.from(sequence.tokenIds, (own, place) => ({ letter, own, place })));

describe("the table of mutants", () => {
  it("of a decoder is the difference of the mutants' scores", async () => {
    const { deltaNats } = await scoreMutants({ ...decoder, sequence, residues });
    const mutants = cells.map(({ letter, place }, index) => ({
      id: String(index),
      tokenIds: sequence.tokenIds.with(place, letter),
    }));
    const [own, ...scores] = await all(scoreSequences({ ...decoder, sequences: [sequence, ...mutants] }));
    const expected = scores.map(({ logLikelihoodNats }) => logLikelihoodNats - (own?.logLikelihoodNats ?? 0));
    expect(relativeError(deltaNats, expected)).toBeLessThan(TOLERANCE);
  });

  it.each([
    ["likelihood", decoder, undefined],
    ["masked", encoder, "masked"],
    ["one-pass", encoder, "one-pass"],
  ] as const)("by %s is 0 where nothing changes, and tells how far it is", async (_, model, method) => {
    const told: [number, number][] = [];
    const { deltaNats } = await scoreMutants({
      ...model,
      sequence,
      residues,
      ...(method && { method }),
      onProgress: (tokens, of) => told.push([tokens, of]),
    });
    const unchanged = cells.flatMap(({ letter, own }, index) => (letter === own ? [deltaNats[index]] : []));
    expect(unchanged).toEqual(Array.from(sequence.tokenIds, () => 0));
    const [done, of] = present(told.at(-1));
    expect(done).toBe(of);
  });

  it.each([
    ["favor", {}],
    ["learned positions that end in a block", { positions: "learned", maxSeqLen: 131 }],
    ["token shift", { tokenShift: true }],
    ["a mechanism a layer", { mechanism: ["favor", "favor-relu"] }],
    ["cosformer", { mechanism: "cosformer", maxSeqLen: 256 }],
  ] as const)("reads what mutants share with the wild type once: %s", async (_, options) => {
    const model = tinyModel(options);
    const [long] = proteins(131);
    const { tokenIds } = present(long);
    const letter = present(vocabulary.encode("A")[0]);
    let work = 0;
    const { deltaNats } = await scoreMutants({
      ...model,
      sequence: present(long),
      residues: "A",
      tokensPerBatch: 1000,
      onProgress: (_tokens, of) => (work = of),
    });
    const mutants = Array.from(tokenIds, (_own, place) => ({ id: `${place}`, tokenIds: tokenIds.with(place, letter) }));
    const [own, ...scores] = await all(scoreSequences({ ...model, sequences: [present(long), ...mutants] }));
    const expected = scores.map(({ logLikelihoodNats }) => logLikelihoodNats - (own?.logLikelihoodNats ?? 0));
    // Sums of 131 numbers instead of a few.
    expect(relativeError(deltaNats, expected)).toBeLessThan(10 * TOLERANCE);
    expect(work).toBeLessThan(0.8 * 131 * mutants.length);
  });
});
