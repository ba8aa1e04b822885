/** Masked batches: what is chosen, what stands in its place, and that masks follow seed and step alone. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRandom } from "../random/index.ts";
import { behindMask, planMaskedEvaluation, planMaskedTraining } from "./masked.ts";
import { createMasking } from "./masks.ts";
import { letterVocabulary } from "./vocabularies/letters.ts";
import type { EncodedSequence } from "./datasets.ts";
import type { Batch } from "./batch.ts";

const vocabulary = letterVocabulary({ name: "test", letters: "ABCDEFGHIJKLMNOPQRSTUVWXYZ" });
const { padId, bosId, eosId, maskId } = vocabulary;
const sizes = { tokensPerBatch: 60, maxSeqLen: 20, bucketStep: 5, vocabulary };

function sequencesOf(lengths: readonly number[]): EncodedSequence[] {
  return lengths.map((length, n) => ({
    id: `${n}`,
    tokenIds: Int32Array.from({ length }, (_, i) => 4 + ((n + 3 * i) % 26)),
  }));
}

/** The tokens of a row as they were before masking. */
function originals({ inputIds, targetIds, weights, seqLen }: Batch, row: number): number[] {
  const ids = [...inputIds.subarray(row * seqLen, (row + 1) * seqLen)].map((id, i) =>
    weights[row * seqLen + i] === 1 ? (targetIds[row * seqLen + i] ?? -1) : id,
  );
  return ids.slice(1, ids.indexOf(eosId));
}

const lengthsOf = fc
  .array(fc.integer({ min: 0, max: 45 }), { minLength: 1, maxLength: 12 })
  .filter((all) => all.some((n) => n > 0));

describe.each(["tokens", "spans"] as const)("masking of %s", (masking) => {
  test("hides 15 %, at least one token a row, between <bos> and <eos>, and loses no token", () => {
    fc.assert(
      fc.property(lengthsOf, fc.nat(5), (lengths, seed) => {
        const sequences = sequencesOf(lengths);
        const batches = planMaskedEvaluation({ ...sizes, sequences, seed, masking });
        const parts = sequences
          .flatMap(({ tokenIds }) =>
            Array.from({ length: Math.ceil(tokenIds.length / 18) }, (_, i) => tokenIds.slice(18 * i, 18 * i + 18)),
          )
          .map((part) => part.join());
        const found = batches.flatMap((batch) => {
          const { batchSize, seqLen, targetLen, inputIds, targetIds, weights, tokens } = batch;
          expect(targetLen).toBe(seqLen);
          expect(weights.reduce((sum, weight) => sum + weight, 0)).toBe(tokens);
          expect(targetIds.every((id, i) => (id === padId) === (weights[i] === 0))).toBe(true);
          return Array.from({ length: batchSize }, (_, row) => row).flatMap((row) => {
            expect(inputIds[row * seqLen]).toBe(bosId);
            const numTargets = weights
              .subarray(row * seqLen, (row + 1) * seqLen)
              .reduce((sum, weight) => sum + weight, 0);
            if (numTargets === 0) return [];
            const tokenIds = originals(batch, row);
            expect(numTargets).toBe(Math.max(1, Math.round(0.15 * tokenIds.length)));
            return [tokenIds.join()];
          });
        });
        expect(found.sort()).toEqual(parts.sort());
      }),
      { numRuns: 15 },
    );
  });

  test("replaces 80 % by <mask> and 10 % by random tokens, and keeps 10 %", () => {
    const mask = createMasking("test", { masking }, vocabulary);
    const tokenIds = new Int32Array(20_000).fill(4);
    const { inputIds, places } = mask(tokenIds, createRandom(5));
    expect(places).toHaveLength(3000);
    const chosen = new Set(places);
    const share = (is: (id: number) => boolean) => places.filter((place) => is(inputIds[place] ?? -1)).length / 3000;
    // A run is of one kind; its mean length is below 4, so there are at least 750 of them. Four standard errors of a
    // share p: 4·√(p(1 − p)/runs), times √(mean square / mean of lengths ≈ 6) for the runs' unequal lengths.
    const runs = masking === "tokens" ? 3000 : 3000 / 6;
    const bound = (p: number) => 4 * Math.sqrt((p * (1 - p)) / runs);
    expect(Math.abs(share((id) => id === maskId) - 0.8)).toBeLessThan(bound(0.8));
    // Of 26 letters one is the original itself.
    const random = 0.1 * (25 / 26);
    expect(Math.abs(share((id) => id !== maskId && id !== 4) - random)).toBeLessThan(bound(random));
    expect(inputIds.every((id, place) => id === 4 || chosen.has(place))).toBe(true);
  });

  test("never chooses special tokens inside a sequence", () => {
    const mask = createMasking("test", { masking, maskRate: 1 }, vocabulary);
    const tokenIds = Int32Array.of(4, eosId, 5, 6, padId, maskId, 7);
    expect(mask(tokenIds, createRandom(1)).places).toEqual([0, 2, 3, 6]);
    expect(mask(Int32Array.of(eosId), createRandom(1)).places).toEqual([]);
  });
});

test("spans are runs of the published mean length", () => {
  const mask = createMasking("test", { masking: "spans", maskRate: 0.01 }, vocabulary);
  const { places } = mask(new Int32Array(100_000).fill(4), createRandom(2));
  const starts = places.filter((place, i) => places[i - 1] !== place - 1).length;
  // Mean Σ l·0.2·0.8^(l−1) / Σ 0.2·0.8^(l−1) over l ≤ 10 = 3.797; its standard deviation 2.7, so 4·2.7/√263 = 0.67 on
  // the mean.
  expect(Math.abs(places.length / starts - 3.797)).toBeLessThan(0.67);
});

describe("planMaskedTraining", () => {
  const options = { ...sizes, sequences: sequencesOf([7, 45, 12, 3, 18, 30, 2]), seed: 11 };

  test("gives the same batch for the same seed and step, and another mask when a row comes again", () => {
    const plan = planMaskedTraining({ ...options, sequences: sequencesOf([18, 18]), tokensPerBatch: 40 });
    expect(plan.batchesPerEpoch).toBe(1);
    const masks = Array.from({ length: 4 }, (_, step) => plan.batchAt(step).weights.join(""));
    expect(new Set(masks).size).toBe(4);
    const again = planMaskedTraining({ ...options, sequences: sequencesOf([18, 18]), tokensPerBatch: 40 });
    expect(again.batchAt(3)).toEqual(plan.batchAt(3));
    expect(planMaskedTraining({ ...options, seed: 12 }).batchAt(0)).not.toEqual(planMaskedTraining(options).batchAt(0));
  });

  test("reads every part at least once an epoch", () => {
    const plan = planMaskedTraining(options);
    const parts = new Set<string>();
    for (let step = plan.batchesPerEpoch; step < 2 * plan.batchesPerEpoch; step++) {
      const batch = plan.batchAt(step);
      for (let row = 0; row < batch.batchSize; row++) parts.add(originals(batch, row).join());
    }
    // 45 = 18 + 18 + 9 and 30 = 18 + 12.
    expect(parts.size).toBe(7 + 2 + 1);
  });
});

test("evaluation masks depend on the seed, not on the batches' size", () => {
  const rowsOf = (tokensPerBatch: number, seed: number) =>
    planMaskedEvaluation({ ...sizes, sequences: sequencesOf([9, 9, 17, 8]), tokensPerBatch, seed, bucketStep: 20 })
      .flatMap(({ inputIds, batchSize }) =>
        Array.from({ length: batchSize }, (_, row) => inputIds.slice(row * 20, row * 20 + 20).join()),
      )
      .slice(0, 4);
  expect(rowsOf(80, 1)).toEqual(rowsOf(20, 1));
  expect(rowsOf(80, 1)).not.toEqual(rowsOf(80, 2));
});

test("refuses rates outside (0, 1], no tokens and short rows", () => {
  const options = { ...sizes, sequences: sequencesOf([5]), seed: 1 };
  for (const maskRate of [0, 1.1, Number.NaN]) {
    expect(() => planMaskedTraining({ ...options, maskRate })).toThrow(`maskRate must be in (0, 1], got ${maskRate}`);
  }
  expect(() => planMaskedEvaluation({ ...options, sequences: sequencesOf([0]) })).toThrow(
    "planMaskedEvaluation: there must be at least one token to predict, got 1 sequences",
  );
  expect(() => planMaskedTraining({ ...options, maxSeqLen: 2 })).toThrow("maxSeqLen must be at least 3");
});

test("behindMask counts the four fifths under the mask, not those that stay or are replaced", () => {
  const sequences = sequencesOf(Array.from({ length: 400 }, () => 18));
  const batches = planMaskedEvaluation({ ...sizes, sequences, seed: 1 });
  const counts = { masked: 0, chosen: 0 };
  for (const [index, { weights }] of [...behindMask(batches, vocabulary)].entries()) {
    const batch = batches[index];
    if (batch === undefined) throw new Error("as many batches as before");
    for (const [place, weight] of batch.weights.entries()) {
      counts.chosen += weight;
      counts.masked += weights[place] ?? Number.NaN;
      expect(weights[place]).toBe(batch.inputIds[place] === maskId ? weight : 0);
    }
  }
  // Of 400 · 3 chosen tokens; the bound is of five standard deviations.
  expect(counts.chosen).toBe(1200);
  expect(Math.abs(counts.masked / counts.chosen - 0.8)).toBeLessThan(5 * Math.sqrt((0.8 * 0.2) / counts.chosen));
});
