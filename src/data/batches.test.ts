/** Every residue once, full and few shapes, and steps that can be asked for in any order. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planEvaluation, planTraining } from "./batches.ts";
import { proteinVocabulary } from "./vocabularies/letters.ts";
import type { EncodedSequence } from "./datasets.ts";
import type { Batch } from "./batch.ts";

const { bosId, eosId, padId } = proteinVocabulary;

function protein(text: string): EncodedSequence {
  return { id: text, tokenIds: proteinVocabulary.encode(text) };
}

/**
 * Sequences whose every token is unique in the whole set, so that a target tells which residue it is. The ids lie
 * beyond the alphabet: batches only carry them.
 */
function tracedSequences(lengths: readonly number[]): EncodedSequence[] {
  let next = 100;
  return lengths.map((length, i) => ({ id: `s${i}`, tokenIds: Int32Array.from({ length }, () => next++) }));
}

/** For every counted target: "input target", sorted. */
function predictions(batches: readonly Batch[]): string[] {
  return batches
    .flatMap(({ inputIds, targetIds, weights }) =>
      [...inputIds].flatMap((input, i) => (weights[i] === 1 ? [`${input} ${targetIds[i]}`] : [])),
    )
    .sort();
}

/** What a causal language model must predict, written down without windows. */
function expectedPredictions(sequences: readonly EncodedSequence[], predictEnd = true): string[] {
  return sequences
    .flatMap(({ tokenIds }) => {
      const stream = [bosId, ...tokenIds, ...(predictEnd ? [eosId] : [])];
      return stream.slice(1).map((target, i) => `${stream[i]} ${target}`);
    })
    .sort();
}

const randomCase = fc.record({
  lengths: fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 25 }),
  tokensPerBatch: fc.integer({ min: 1, max: 120 }),
  maxSeqLen: fc.integer({ min: 1, max: 50 }),
  bucketStep: fc.integer({ min: 1, max: 20 }),
});

describe("one batch", () => {
  test("reads <bos> and the residues, predicts the residues and <eos>, and pads behind", () => {
    const [batch, ...more] = planEvaluation({
      sequences: [protein("ACD"), protein("W")],
      tokensPerBatch: 15,
      maxSeqLen: 11,
      bucketStep: 5,
    });
    const [A, C, D, W] = proteinVocabulary.encode("ACDW");
    expect(more).toEqual([]);
    expect(batch).toEqual({
      batchSize: 3,
      seqLen: 5,
      inputIds: Int32Array.of(
        bosId,
        A ?? 0,
        C ?? 0,
        D ?? 0,
        padId,
        bosId,
        W ?? 0,
        padId,
        padId,
        padId,
        bosId,
        padId,
        padId,
        padId,
        padId,
      ),
      targetIds: Int32Array.of(
        A ?? 0,
        C ?? 0,
        D ?? 0,
        eosId,
        padId,
        W ?? 0,
        eosId,
        padId,
        padId,
        padId,
        padId,
        padId,
        padId,
        padId,
        padId,
      ),
      weights: Float32Array.of(1, 1, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0),
      tokens: 6,
    });
  });

  test("starts a later window with the residue before its first target", () => {
    const [batch] = planEvaluation({ sequences: [protein("ACDEF")], tokensPerBatch: 6, maxSeqLen: 3, bucketStep: 3 });
    const rows = (ids: Int32Array | undefined) =>
      [ids?.slice(0, 3), ids?.slice(3)].map((row) => proteinVocabulary.decode(row ?? []));
    expect(rows(batch?.inputIds)).toEqual(["<bos>AC", "DEF"]);
    expect(rows(batch?.targetIds)).toEqual(["ACD", "EF<eos>"]);
  });

  test("leaves <eos> out when asked to", () => {
    const [batch] = planEvaluation({
      sequences: [protein("AC")],
      tokensPerBatch: 2,
      maxSeqLen: 7,
      bucketStep: 2,
      predictEnd: false,
    });
    expect(batch).toMatchObject({ batchSize: 1, seqLen: 2, tokens: 2 });
    expect(proteinVocabulary.decode(batch?.targetIds ?? [])).toBe("AC");
  });
});

describe("planEvaluation", () => {
  test("predicts every residue and every end exactly once, for any lengths, windows and budgets", () => {
    fc.assert(
      fc.property(randomCase, fc.boolean(), ({ lengths, ...sizes }, predictEnd) => {
        const sequences = tracedSequences(lengths);
        const batches = planEvaluation({ sequences, ...sizes, predictEnd });
        expect(predictions(batches)).toEqual(expectedPredictions(sequences, predictEnd));
      }),
    );
  });

  test("keeps every batch inside the budget, its shapes to the buckets, and its weights to its count of tokens", () => {
    fc.assert(
      fc.property(randomCase, ({ lengths, ...sizes }) => {
        for (const batch of planEvaluation({ sequences: tracedSequences(lengths), ...sizes })) {
          const { batchSize, seqLen, weights, tokens, inputIds, targetIds } = batch;
          expect(seqLen % sizes.bucketStep === 0 || seqLen === sizes.maxSeqLen).toBe(true);
          expect(seqLen).toBeLessThanOrEqual(sizes.maxSeqLen);
          expect(batchSize).toBe(Math.max(1, Math.floor(sizes.tokensPerBatch / seqLen)));
          for (const array of [weights, inputIds, targetIds]) expect(array).toHaveLength(batchSize * seqLen);
          expect(weights.reduce((sum, weight) => sum + weight, 0)).toBe(tokens);
          expect(targetIds.every((id, i) => (id === padId) === (weights[i] === 0))).toBe(true);
          for (let row = 0; row < batchSize; row++) expect(inputIds[row * seqLen]).not.toBe(padId);
        }
      }),
    );
  });
});

describe("planTraining", () => {
  const lengths = Array.from({ length: 83 }, (_, i) => 1 + ((i * 37) % 61));
  const options = { sequences: tracedSequences(lengths), tokensPerBatch: 96, maxSeqLen: 48, bucketStep: 16, seed: 7 };

  function epochOf(plan: ReturnType<typeof planTraining>, epoch: number): Batch[] {
    return Array.from({ length: plan.batchesPerEpoch }, (_, i) => plan.batchAt(epoch * plan.batchesPerEpoch + i));
  }

  test("predicts every residue at least once an epoch, in full batches of the announced shapes", () => {
    fc.assert(
      fc.property(randomCase, fc.nat(3), ({ lengths: randomLengths, ...sizes }, epoch) => {
        const sequences = tracedSequences(randomLengths);
        const plan = planTraining({ sequences, ...sizes, seed: "seed" });
        const batches = epochOf(plan, epoch);
        expect([...new Set(predictions(batches))]).toEqual(
          expectedPredictions(sequences).filter((p, i, all) => p !== all[i - 1]),
        );
        const shapes = new Set(plan.shapes.map(({ batchSize, seqLen }) => `${batchSize}x${seqLen}`));
        expect(new Set(batches.map(({ batchSize, seqLen }) => `${batchSize}x${seqLen}`))).toEqual(shapes);
        for (const { batchSize, seqLen, weights } of batches) {
          for (let row = 0; row < batchSize; row++) expect(weights[row * seqLen]).toBe(1);
        }
      }),
    );
  });

  test("repeats fewer windows than the longest shape has rows, and none more than once", () => {
    const plan = planTraining(options);
    const longest = plan.shapes.at(-1);
    const seen = new Map<string, number>();
    for (const prediction of predictions(epochOf(plan, 0))) seen.set(prediction, (seen.get(prediction) ?? 0) + 1);
    // Predictions of <eos> and after <bos> are unique too, as they pair with a unique token.
    const repeated = [...seen.values()].filter((count) => count > 1);
    expect(Math.max(...seen.values())).toBeLessThanOrEqual(2);
    expect(repeated.length).toBeLessThan((longest?.batchSize ?? 0) * (longest?.seqLen ?? 0));
  });

  test("gives the same batch for the same seed and step, in whatever order steps are asked for", () => {
    const inOrder = planTraining(options);
    const steps = Array.from({ length: 3 * inOrder.batchesPerEpoch }, (_, step) => step);
    const batches = steps.map((step) => inOrder.batchAt(step));
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...steps), { minLength: 1, maxLength: 20 }), (asked) => {
        const resumed = planTraining(options);
        for (const step of asked) expect(resumed.batchAt(step)).toEqual(batches[step]);
      }),
      { numRuns: 20 },
    );
  });

  test("shuffles anew with every epoch and every seed", () => {
    const plan = planTraining(options);
    const other = planTraining({ ...options, seed: 8 });
    const order = (batches: readonly Batch[]) => batches.map(({ inputIds }) => inputIds.join()).join(";");
    const orders = [epochOf(plan, 0), epochOf(plan, 1), epochOf(other, 0)].map(order);
    expect(new Set(orders).size).toBe(3);
    expect(other.batchesPerEpoch).toBe(plan.batchesPerEpoch);
  });

  describe("with windows that shift", () => {
    const shifting = { tokensPerBatch: 60, maxSeqLen: 20, bucketStep: 10, shiftWindows: true };

    test("still predicts every token at least once, in the same shapes in every epoch, few tokens twice", () => {
      fc.assert(
        fc.property(
          fc.array(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 6 }),
          fc.nat(9),
          (sizes, epoch) => {
            const sequences = tracedSequences(sizes);
            const plan = planTraining({ ...shifting, sequences, seed: 5 });
            const found = predictions(epochOf(plan, epoch));
            expect(new Set(found)).toEqual(new Set(expectedPredictions(sequences)));
            const shapes = new Set(epochOf(plan, epoch).map(({ batchSize, seqLen }) => `${batchSize}x${seqLen}`));
            expect(shapes).toEqual(new Set(plan.shapes.map(({ batchSize, seqLen }) => `${batchSize}x${seqLen}`)));
          },
        ),
        { numRuns: 20 },
      );
    });

    test("begins the windows of a long document anywhere, and depends on seed and step alone", () => {
      // 70,000 tokens in windows of 512: 137 of them, and one more for the shift.
      const sequences = [{ id: "novel", tokenIds: new Int32Array(70_000).map((_, i) => 100 + i) }];
      const long = { sequences, tokensPerBatch: 4096, maxSeqLen: 512, shiftWindows: true, seed: 1 };
      const plan = planTraining(long);
      expect(plan).toMatchObject({ batchesPerEpoch: Math.ceil(138 / 8), shapes: [{ batchSize: 8, seqLen: 512 }] });
      const phases = Array.from({ length: 12 }, (_, epoch) => {
        const starts = [...plan.batchAt(epoch * plan.batchesPerEpoch).inputIds].filter((_, i) => i % 512 === 0);
        const inner = starts.filter((id) => id !== bosId && id !== 100 + 70_001 - 512 - 1);
        return (inner[0] ?? 0) % 512;
      });
      expect(new Set(phases).size).toBeGreaterThan(8);
      expect(planTraining(long).batchAt(999)).toEqual(plan.batchAt(999));
    });
  });

  test("fills a batch from a single short sequence by repeating it", () => {
    const plan = planTraining({ ...options, sequences: [protein("ACD")] });
    expect(plan.batchesPerEpoch).toBe(1);
    expect(plan.shapes).toEqual([{ batchSize: 6, seqLen: 16 }]);
    expect(plan.batchAt(5).tokens).toBe(6 * 4);
  });

  test.each([-1, 0.03, Number.NaN])("refuses the step %d and carries on", (step) => {
    const plan = planTraining(options);
    for (const refused of [step, step * plan.batchesPerEpoch]) {
      expect(() => plan.batchAt(refused)).toThrow("batchAt: the step must be a whole number from 0 on");
    }
    expect(plan.batchAt(0)).toEqual(planTraining(options).batchAt(0));
  });

  test("refuses empty splits and sizes that are not positive integers", () => {
    expect(() => planTraining({ ...options, sequences: [] })).toThrow(
      "planTraining: there must be at least one token to predict",
    );
    expect(() => planTraining({ ...options, tokensPerBatch: 0 })).toThrow(
      "tokensPerBatch must be a positive integer, got 0",
    );
    expect(() => planTraining({ ...options, maxSeqLen: 1.5 })).toThrow("maxSeqLen must be a positive integer, got 1.5");
    expect(() => planEvaluation({ ...options, bucketStep: -1 })).toThrow(
      "planEvaluation: bucketStep must be a positive integer",
    );
  });
});
