/** Scores of sequences against float64, evaluation, and the same sequences by themselves. */
import { describe, expect, it } from "vitest";
import { planEvaluation } from "../data/index.ts";
import { createEvaluator } from "../training/evaluate.ts";
import {
  all,
  likelihoodInFloat64,
  maskedInFloat64,
  proteins,
  TOLERANCE,
  tinyModel,
  vocabulary,
} from "../../tests/inference/tiny-proteins.ts";
import { present, relativeError } from "../../tests/model/harness.ts";
import { scoreSequences, type ScoringMethod } from "./score.ts";

// Causal FAVOR+ in float64 takes a second a sequence; the slow suite has it.
const decoder = tinyModel({ mechanism: "exact", numLayers: 1 });
const encoder = tinyModel({ architecture: "encoder", mechanism: "exact", numLayers: 1 });
const lengths = [7, 1, 5];

describe("the likelihood under a decoder", () => {
  it("is that of float64, and the sum of its tokens", async () => {
    const sequences = proteins(...lengths);
    const scores = await all(scoreSequences({ ...decoder, sequences }));
    expect(scores.map(({ id, tokens }) => [id, tokens])).toEqual(lengths.map((length, index) => [`P${index}`, length]));
    for (const [index, { perTokenNats, logLikelihoodNats, perplexity, tokens }] of scores.entries()) {
      const expected = likelihoodInFloat64(decoder, present(sequences[index]).tokenIds);
      expect(relativeError(perTokenNats, expected)).toBeLessThan(TOLERANCE.nats);
      expect(logLikelihoodNats).toBe(perTokenNats.reduce((total, nats) => total + nats, 0));
      expect(perplexity).toBeCloseTo(Math.exp(-logLikelihoodNats / tokens), 12);
    }
  });

  it("over a split is the loss of an evaluation", async () => {
    const sequences = proteins(...lengths);
    const batches = planEvaluation({ sequences, vocabulary, tokensPerBatch: 64, maxSeqLen: 19, predictEnd: false });
    await using evaluator = createEvaluator(decoder.config, decoder.backend);
    const { lossNats, tokens } = await evaluator.evaluate(decoder.tensors, batches);
    const scores = await all(scoreSequences({ ...decoder, sequences }));
    const total = scores.reduce((sum, { logLikelihoodNats }) => sum + logLikelihoodNats, 0);
    expect(relativeError([total], [-lossNats * tokens])).toBeLessThan(TOLERANCE.batched);
  });
});

describe("the pseudo-likelihood under an encoder", () => {
  it("hides each token in turn", async () => {
    const sequences = proteins(2, 3);
    const scores = await all(scoreSequences({ ...encoder, sequences }));
    for (const [index, { tokenIds }] of sequences.entries()) {
      const expected = maskedInFloat64(encoder, tokenIds).map((row, place) => row[tokenIds[place] ?? 0] ?? 0);
      expect(relativeError(scores[index]?.perTokenNats, expected)).toBeLessThan(TOLERANCE.nats);
    }
  });
});

describe("scores", () => {
  it("are refused with the way out", async () => {
    const score = (model: typeof decoder, method?: ScoringMethod, sequences = proteins(3)) =>
      all(scoreSequences({ ...model, sequences, ...(method && { method }) }));
    await expect(score(decoder, "masked")).rejects.toThrow(/method must be left out for a decoder/);
    await expect(score(encoder, "maskd" as ScoringMethod)).rejects.toThrow(/masked or one-pass, got 'maskd'/);
    await expect(score(tinyModel({ architecture: "encoder", head: "regression" }))).rejects.toThrow(
      /must predict the tokens of its input, got architecture 'encoder' with head 'regression'/,
    );
    for (const model of [decoder, encoder]) {
      await expect(score(model, undefined, proteins(3, 0))).rejects.toThrow(
        "P1: a sequence must have at least one token",
      );
    }
    const foreign = [{ id: "F", tokenIds: Int32Array.of(4, 11) }];
    await expect(score(decoder, undefined, foreign)).rejects.toThrow(
      /F: ids must be from 0 to 10, got 11; encode with/,
    );
  });
});
