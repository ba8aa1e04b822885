/** Ranks of vectors that belong together. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cosine, measureRetrieval } from "./retrieval.ts";

const axes = (count: number) =>
  Array.from({ length: count }, (_, axis) => Array.from({ length: count }, (__, at) => Number(at === axis)));

describe("measureRetrieval", () => {
  it("finds every document where queries are their documents, whatever their lengths", () => {
    const documents = axes(13);
    const queries = documents.map((document, index) => document.map((value) => value * (index + 2)));
    expect(measureRetrieval(queries, documents)).toEqual({
      count: 13,
      recallAt1: 1,
      recallAt10: 1,
      meanReciprocalRank: 1,
    });
  });

  it("counts ranks by hand: first, second and third", () => {
    const documents = [
      [1, 0],
      [0, 1],
      [1, 1],
    ];
    // Cosines of the second query: 1, 0, 0.71; of the third: 1, 0, 0.71 as well.
    const { recallAt1, recallAt10, meanReciprocalRank } = measureRetrieval(
      [
        [1, 0],
        [1, 0],
        [1, 0],
      ],
      documents,
    );
    expect({ recallAt1, recallAt10 }).toEqual({ recallAt1: 1 / 3, recallAt10: 1 });
    expect(meanReciprocalRank).toBeCloseTo((1 + 1 / 3 + 1 / 2) / 3, 12);
  });

  it("gives vectors that are all alike, or no numbers, the last rank", () => {
    const alike = Array.from({ length: 17 }, () => [1, 2]);
    expect(measureRetrieval(alike, alike)).toMatchObject({ recallAt10: 0, meanReciprocalRank: 1 / 17 });
    const none = Array.from({ length: 17 }, () => [Number.NaN, 1]);
    expect(measureRetrieval(none, alike)).toMatchObject({ recallAt10: 0 });
  });

  it("does not depend on the order of pairs", () => {
    const vector = fc.array(fc.double({ min: 0.1, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 });
    const pairs = fc.array(fc.tuple(vector, vector), { minLength: 1, maxLength: 15 });
    fc.assert(
      fc.property(pairs, (found) => {
        const figures = (order: typeof found) =>
          measureRetrieval(
            order.map(([query]) => query),
            order.map(([, document]) => document),
          );
        const [one, other] = [figures(found), figures(found.toReversed())];
        expect(other).toMatchObject({ recallAt1: one.recallAt1, recallAt10: one.recallAt10 });
      }),
      { seed: 1, numRuns: 50 },
    );
  });

  it.each([
    [[], []],
    [[[1]], [[1], [2]]],
  ])("refuses queries without their documents: %j, %j", (queries, documents) => {
    expect(() => measureRetrieval(queries, documents)).toThrow("there must be a document for each query");
  });
});

describe("cosine", () => {
  it("is 1 for the same direction, 0 for a right angle, and no number for nothing", () => {
    expect(cosine([1, 2], [3, 6])).toBeCloseTo(1, 12);
    expect(cosine([1, 0], [0, 2])).toBe(0);
    expect(cosine([0, 0], [1, 1])).toBeNaN();
  });
});
