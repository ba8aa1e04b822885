/** From logits to tokens: what may come, how often, and which options are refused. */
import { describe, expect, it } from "vitest";
import { createRandom } from "../random/index.ts";
import { checkSampling, sample, type SamplingOptions } from "./sampling.ts";

/** Softmax of these: 0.5, 0.25, 0.15, 0.1, and one token that must not come. */
const probabilities = [0.15, 0.5, 0, 0.1, 0.25];
const logits = Float64Array.from(probabilities, Math.log);
const numDraws = 4000;

function frequencies(options: SamplingOptions, seed = 7): number[] {
  const random = createRandom(seed, "sampling");
  const counts = probabilities.map(() => 0);
  for (let i = 0; i < numDraws; i++) {
    const { token } = sample(logits, checkSampling(options), random);
    counts[token] = (counts[token] ?? 0) + 1;
  }
  return counts.map((count) => count / numDraws);
}

/** Four standard errors of a share p in `numDraws` draws: exceeded once in 16,000 seeds. */
function expectShares(actual: readonly number[], expected: readonly number[]): void {
  expected.forEach((p, token) => {
    const bound = 4 * Math.sqrt((p * (1 - p)) / numDraws);
    expect(Math.abs((actual[token] ?? 0) - p), `token ${token}`).toBeLessThanOrEqual(bound);
  });
}

describe("sample", () => {
  it("takes the most probable token at temperature 0, whatever the generator says", () => {
    expect(frequencies({ temperature: 0 })).toEqual([0, 1, 0, 0, 0]);
  });

  it("takes the first of equals at temperature 0", () => {
    expect(sample(Float64Array.of(1, 3, 3), checkSampling({ temperature: 0 }), createRandom(7)).token).toBe(1);
  });

  it("draws from the model's own distribution at temperature 1", () => {
    expectShares(frequencies({}), probabilities);
  });

  it("draws from p^(1/temperature), normalised, at other temperatures", () => {
    const powers = probabilities.map((p) => p ** 2);
    const total = powers.reduce((a, b) => a + b, 0);
    expectShares(
      frequencies({ temperature: 0.5 }),
      powers.map((p) => p / total),
    );
  });

  it("keeps the k most probable tokens", () => {
    expectShares(frequencies({ topK: 2 }), [0, 2 / 3, 0, 0, 1 / 3]);
    expectShares(frequencies({ topK: 1 }), [0, 1, 0, 0, 0]);
    expectShares(frequencies({ topK: 99 }), probabilities);
  });

  it("keeps the fewest tokens that reach top-p together", () => {
    // 0.5 + 0.25 reaches 0.7; 0.5 alone reaches 0.4.
    expectShares(frequencies({ topP: 0.7 }), [0, 2 / 3, 0, 0, 1 / 3]);
    expectShares(frequencies({ topP: 0.4 }), [0, 1, 0, 0, 0]);
    expectShares(frequencies({ topP: 1e-9 }), [0, 1, 0, 0, 0]);
  });

  it("applies top-p to what top-k has left", () => {
    // Of 0.5 and 0.25 the first is two thirds.
    expectShares(frequencies({ topK: 2, topP: 0.6 }), [0, 1, 0, 0, 0]);
  });

  it("never draws a token of logit −Infinity, however hot", () => {
    expect(frequencies({ temperature: 1000 })[2]).toBe(0);
    expect(frequencies({ topK: 5 })[2]).toBe(0);
  });

  it("draws the same from the same seed, and something else from another", () => {
    expect(frequencies({}, 11)).toEqual(frequencies({}, 11));
    expect(frequencies({}, 11)).not.toEqual(frequencies({}, 12));
  });

  it("makes tokens that have come before less probable, by the sign of their logits", () => {
    const mixed = Float64Array.of(2, -1, 1.5, -3);
    const best = (repetitionPenalty: number, ...seen: readonly number[]) =>
      sample(mixed, checkSampling({ temperature: 0, repetitionPenalty }), createRandom(7), { seen: new Set(seen) })
        .token;
    expect(best(1, 0)).toBe(0);
    // 2 / 1.5 is below 1.5.
    expect(best(1.5, 0)).toBe(2);
    // 2 / 4 and 1.5 / 4 are above −1 still, and −1 · 4 is further below.
    expect(best(4, 0, 2)).toBe(0);
    expect(best(4, 0, 1, 2, 3)).toBe(0);
    // Below 1 it rewards: 1.5 / 0.5 is above 2.
    expect(best(0.5, 2)).toBe(2);
    const penalised = [2 / 1.5, -1 * 1.5, 1.5, -3].map(Math.exp);
    const total = penalised.reduce((a, b) => a + b, 0);
    const random = createRandom(7, "penalty");
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < numDraws; i++) {
      const { token } = sample(mixed, checkSampling({ repetitionPenalty: 1.5 }), random, { seen: new Set([0, 1]) });
      counts[token] = (counts[token] ?? 0) + 1;
    }
    expectShares(
      counts.map((count) => count / numDraws),
      penalised.map((p) => p / total),
    );
  });

  it("never draws what is barred, and tells its probability under the model all the same", () => {
    const settings = checkSampling({ temperature: 0, repetitionPenalty: 3 });
    const { token, logProbabilityNats } = sample(logits, settings, createRandom(7), {
      seen: new Set([4]),
      barred: [1],
    });
    expect(token).toBe(0); // 0.25 is behind 0.15 once log 0.25 has tripled
    expect(logProbabilityNats).toBeCloseTo(Math.log(0.15), 12);
  });

  it("gives the log-probability under the model itself, whatever the temperature", () => {
    const { token, logProbabilityNats } = sample(logits, checkSampling({ temperature: 0, topK: 1 }), createRandom(7));
    expect(token).toBe(1);
    expect(logProbabilityNats).toBeCloseTo(Math.log(0.5), 12);
    const shifted = logits.map((value) => value + 800); // the exponential alone would overflow
    expect(sample(shifted, checkSampling({ temperature: 0 }), createRandom(7)).logProbabilityNats).toBeCloseTo(
      Math.log(0.5),
      9,
    );
  });
});

describe("sampling options", () => {
  it.each([
    [{ temperature: -1 }, /^generate: temperature must be a number ≥ 0, got -1; 1 is the model's own distribution$/],
    [{ temperature: Number.NaN }, /temperature must be a number ≥ 0, got NaN/],
    [{ temperature: Number.POSITIVE_INFINITY }, /temperature must be a number ≥ 0, got Infinity/],
    [{ topK: -1 }, /^generate: topK must be a whole number ≥ 0, got -1; 0 keeps all tokens$/],
    [{ topK: 1.5 }, /topK must be a whole number ≥ 0, got 1\.5/],
    [{ topP: 0 }, /^generate: topP must be above 0 and at most 1, got 0; 1 keeps all tokens$/],
    [{ repetitionPenalty: 0 }, /^generate: repetitionPenalty must be a number above 0, got 0; 1 changes nothing, /],
    [{ repetitionPenalty: Number.POSITIVE_INFINITY }, /repetitionPenalty must be a number above 0, got Infinity/],
    [{ topP: 1.1 }, /topP must be above 0 and at most 1, got 1\.1/],
  ])("%j are refused", (options, message) => {
    expect(() => checkSampling(options)).toThrow(message);
  });

  it("default to the model's own distribution", () => {
    expect(checkSampling({})).toEqual({ temperature: 1, topK: 0, topP: 1, repetitionPenalty: 1 });
  });
});
