/** Rows of many sequences for both objectives, sampling, and plans that read nothing before a batch needs it. */
import { describe, expect, test } from "vitest";
import { planEvaluation, planTraining, streamEvaluation } from "./batches.ts";
import { planMaskedEvaluation, planMaskedTraining } from "./masked.ts";
import { proteinVocabulary } from "./vocabularies/letters.ts";
import type { EncodedSequence } from "./datasets.ts";

const { bosId, eosId, maskId, padId, isResidue, encode, decode } = proteinVocabulary;
const texts = ["MKVLLA", "ACDEFGHIKLM", "WY", "NPQRSTVWYACDE", "M"];
const sequences = texts.map((text) => ({ id: text, tokenIds: encode(text) }));
const vocabulary = proteinVocabulary;
const total = texts.join("").length;
/** Every residue and an <eos> behind each sequence. */
const joined = texts.map((text) => `${text}<eos>`).join("");

describe("concatenated training", () => {
  const options = { sequences, vocabulary, seed: 11, tokensPerBatch: 14, maxSeqLen: 7, concatenate: true };

  test("fills rows of exactly maxSeqLen, in one shape, with every sequence and its end once an epoch", () => {
    const plan = planTraining(options);
    expect(plan.shapes).toEqual([{ batchSize: 2, seqLen: 7 }]);
    // 33 residues and 5 ends in rows of 7.
    expect(plan.batchesPerEpoch).toBe(3);
    const batches = [0, 1, 2].map((step) => plan.batchAt(step));
    for (const { inputIds, weights, tokens } of batches) {
      expect(inputIds).not.toContain(padId);
      expect(weights).toEqual(new Float32Array(14).fill(1));
      expect(tokens).toBe(14);
    }
    const ends = batches.flatMap(({ targetIds }) => [...targetIds]).filter((id) => id === eosId);
    // 42 places hold the 38 and the first four of the epoch's order again.
    expect(ends.length).toBeGreaterThanOrEqual(5);
  });

  test("reads each token before it predicts it, across ends", () => {
    const plan = planTraining({ ...options, tokensPerBatch: 7 });
    const rows = Array.from({ length: plan.batchesPerEpoch }, (_, step) => plan.batchAt(step));
    for (const { inputIds, targetIds } of rows)
      expect([...inputIds.subarray(1)]).toEqual([...targetIds.subarray(0, 6)]);
    // The row that begins the stream reads <bos>, the others the token before their first target.
    expect(rows.filter(({ inputIds }) => inputIds[0] === bosId)).toHaveLength(1);
    expect(rows.flatMap(({ inputIds }) => [...inputIds.subarray(1)])).not.toContain(bosId);
  });

  test("orders every epoch anew, and the same for the same seed, wherever it is taken up", () => {
    const plan = planTraining(options);
    const epoch = (n: number) => [0, 1, 2].map((step) => decode(plan.batchAt(3 * n + step).targetIds)).toSorted();
    const [first, second] = [epoch(0), epoch(1)];
    expect(second).not.toEqual(first);
    expect(planTraining(options).batchAt(4)).toEqual(plan.batchAt(4));
    expect(planTraining({ ...options, seed: 12 }).batchAt(0)).not.toEqual(plan.batchAt(0));
  });

  test("goes round where all data are fewer than a row", () => {
    const batch = planTraining({ ...options, sequences: sequences.slice(2, 3), tokensPerBatch: 7 }).batchAt(0);
    expect(decode(batch.targetIds)).toBe("WY<eos>WY<eos>W");
  });

  test("leaves ends out when these are not to be predicted", () => {
    const { targetIds, weights, tokens } = planTraining({ ...options, predictEnd: false }).batchAt(0);
    expect([...weights]).toEqual(Array.from(targetIds, (id) => (id === eosId ? 0 : 1)));
    expect(tokens).toBe(weights.reduce((sum, weight) => sum + weight, 0));
  });

  test("hides no end in masked rows of exactly maxSeqLen, whatever the rate", () => {
    const plan = planMaskedTraining({ ...options, maxSeqLen: 9, tokensPerBatch: 18, maskRate: 1 });
    expect(plan.shapes).toEqual([{ batchSize: 2, seqLen: 9 }]);
    for (let step = 0; step < 2 * plan.batchesPerEpoch; step++) {
      const { inputIds, targetIds, weights } = plan.batchAt(step);
      expect(inputIds).not.toContain(padId);
      for (const [place, weight] of weights.entries()) {
        if (weight === 1) expect(isResidue(targetIds[place] ?? -1)).toBe(true);
        // At rate 1 every residue is a target: what is not must be special, and stand as it is.
        else expect([bosId, eosId]).toContain(inputIds[place]);
      }
    }
  });

  test("does not go with sampling by sequences", () => {
    const message = "sampling must be 'tokens' where sequences are joined (concatenate)";
    expect(() => planTraining({ ...options, sampling: "sequences" })).toThrow(`planTraining: ${message}`);
    expect(() => planMaskedTraining({ ...options, sampling: "sequences" })).toThrow(`planMaskedTraining: ${message}`);
  });
});

describe("concatenated evaluation", () => {
  const options = { sequences, vocabulary, tokensPerBatch: 16, maxSeqLen: 8, concatenate: true, predictEnd: false };

  test("predicts every residue once, in the order of the data, and no end", () => {
    const batches = planEvaluation(options);
    expect(batches.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(total);
    const targets = batches.flatMap(({ targetIds }) => [...targetIds]).filter((id) => id !== padId);
    expect(decode(targets)).toBe(joined);
    expect(batches.every(({ seqLen }) => seqLen === 8)).toBe(true);
  });

  test("hides the same places every time, and with rate 1 every residue once", () => {
    const masked = { ...options, seed: 3, maskRate: 1 };
    const batches = planMaskedEvaluation(masked);
    expect(planMaskedEvaluation(masked)).toEqual(batches);
    const targets = batches.flatMap(({ targetIds, weights }) =>
      [...targetIds].filter((_, place) => weights[place] === 1),
    );
    expect(decode(targets)).toBe(texts.join(""));
    expect(batches.flatMap(({ inputIds }) => [...inputIds])).toContain(maskId);
  });
});

describe("sampling by sequences", () => {
  test("reads every sequence once an epoch, of long ones a window that moves", () => {
    const plan = planTraining({
      sequences,
      vocabulary,
      seed: 5,
      tokensPerBatch: 5,
      maxSeqLen: 5,
      bucketStep: 5,
      sampling: "sequences",
    });
    expect(plan.batchesPerEpoch).toBe(sequences.length);
    const windowsOf = (epoch: number) =>
      Array.from({ length: 5 }, (_, i) =>
        decode(plan.batchAt(5 * epoch + i).targetIds.filter((id) => id !== padId)),
      ).toSorted();
    const seen = new Set<string>();
    for (let epoch = 0; epoch < 40; epoch++) {
      const windows = windowsOf(epoch);
      expect(windows).toContain("WY<eos>");
      expect(windows).toContain("M<eos>");
      for (const window of windows) seen.add(window);
    }
    // MKVLLA<eos> has 3 windows of 5: P(one of them does not come up in 40 draws) is below 3 · (2/3)⁴⁰ < 10⁻⁶.
    expect(["MKVLL", "KVLLA", "VLLA<eos>"].every((window) => seen.has(window))).toBe(true);
  });

  test("does so with masks too", () => {
    const plan = planMaskedTraining({
      sequences,
      vocabulary,
      seed: 5,
      tokensPerBatch: 7,
      maxSeqLen: 7,
      bucketStep: 7,
      sampling: "sequences",
      maskRate: 1,
    });
    expect(plan.batchesPerEpoch).toBe(sequences.length);
    const lengths = [0, 1, 2, 3, 4].map((step) => plan.batchAt(step).tokens);
    expect(lengths.toSorted((a, b) => a - b)).toEqual([1, 2, 5, 5, 5]);
  });
});

describe("sequences that are read on demand", () => {
  let reads = 0;
  const lazy: readonly EncodedSequence[] = texts.map((text) => ({
    id: text,
    length: text.length,
    readTokens: (start, end) => {
      reads += 1;
      return encode(text).slice(start, end);
    },
    get tokenIds(): never {
      throw new Error("all tokens of a sequence were read");
    },
  }));
  const options = { sequences: lazy, vocabulary, seed: 7, tokensPerBatch: 10, maxSeqLen: 5, bucketStep: 5 };

  test.each([
    ["causal", () => planTraining(options), () => planTraining({ ...options, sequences })],
    ["masked", () => planMaskedTraining(options), () => planMaskedTraining({ ...options, sequences })],
    [
      "joined",
      () => planTraining({ ...options, concatenate: true }),
      () => planTraining({ ...options, sequences, concatenate: true }),
    ],
  ])("make the same batches, read when a batch is asked for: %s", (_, plan, twin) => {
    reads = 0;
    const planned = plan();
    expect(reads).toBe(0);
    for (let step = 0; step < 2 * planned.batchesPerEpoch; step++) {
      expect(planned.batchAt(step)).toEqual(twin().batchAt(step));
    }
    expect(reads).toBeGreaterThan(0);
  });

  test("are evaluated a batch at a time, as often as wanted", () => {
    reads = 0;
    const plan = streamEvaluation(options);
    expect(reads).toBe(0);
    const [first] = plan;
    expect(reads).toBeLessThanOrEqual(2);
    expect([...plan][0]).toEqual(first);
    expect([...plan]).toEqual(planEvaluation({ ...options, sequences }));
    expect(plan).toHaveLength([...plan].length);
  });
});
