/** Texts as batches for distillation, and a text parted into what is learnt, held out and tested on. */

import { describe, expect, it } from "vitest";

import { distillEvaluation, distillTraining } from "../../src/convert/distill-batches.ts";
import { distillTexts } from "../../src/convert/index.ts";

const tokenIds = [[3, 4, 5], [6], [7, 8, 9, 10, 11, 12, 13], [14, 15]];
const packing = { tokenIds, padId: 1, tokensPerBatch: 8, maxSeqLen: 5, bucketStep: 4 };

describe("batches of texts", () => {
  it("hold every text once, cut to the longest row, with weights at tokens alone", () => {
    const batches = [...distillEvaluation(packing)];
    const seen = batches.flatMap(({ batchSize, seqLen, inputIds, weights }) =>
      Array.from({ length: batchSize }, (_, row) => {
        const at = { first: row * seqLen, last: (row + 1) * seqLen };
        const weighed = weights.subarray(at.first, at.last);
        const count = weighed.filter((weight) => weight === 1).length;
        expect(Array.from(weighed)).toEqual(Array.from({ length: seqLen }, (__, place) => Number(place < count)));
        // No row is all padding, which attention could not read.
        expect(inputIds[at.first]).not.toBe(1);
        expect(inputIds.subarray(at.first + Math.max(1, count), at.last).every((id) => id === 1)).toBe(true);
        return Array.from(inputIds.subarray(at.first, at.first + count));
      }),
    );
    const expected = [[3, 4, 5], [6], [7, 8, 9, 10, 11], [14, 15]];
    const order = (rows: readonly (readonly number[])[]) => rows.map(String).toSorted();
    expect(order(seen.filter(({ length }) => length > 0))).toEqual(order(expected));
  });

  it("come in an order that the seed decides", () => {
    const many = { ...packing, tokenIds: Array.from({ length: 40 }, (_, index) => [2 + index]) };
    const [a, b, other] = [5, 5, 6].map((seed) => distillTraining({ ...many, seed }).batchAt(7).inputIds);
    expect(b).toEqual(a);
    expect(other).not.toEqual(a);
  });
});

describe("distillTexts", () => {
  const paragraphs = Array.from(
    { length: 60 },
    (_, n) => `This is paragraph number ${n} of all. It has a second sentence, ${n}.`,
  );
  const text = paragraphs.join("\n\n");

  it("parts a text in its order: paragraphs and their sentences first, then those held out, then pairs", () => {
    const { learn, heldOut, pairs } = distillTexts(text);
    expect(learn.slice(0, 3)).toEqual([
      paragraphs[0],
      "This is paragraph number 0 of all.",
      "It has a second sentence, 0.",
    ]);
    expect(learn).toHaveLength(54 * 3);
    expect(heldOut[0]).toBe(paragraphs[54]);
    expect(heldOut).toHaveLength(3 * 3);
    expect(pairs).toEqual(
      [57, 58, 59].map((n) => ({
        query: `This is paragraph number ${n} of all.`,
        document: `It has a second sentence, ${n}.`,
      })),
    );
  });

  it("tests on another text where one is given, on so many pairs at most", () => {
    const { learn, pairs } = distillTexts(text, { test: text, pairs: 7, heldOut: 2 });
    expect(learn).toHaveLength(57 * 3);
    expect(pairs).toHaveLength(7);
  });

  it.each([
    ["nothing", "", {}, "the text must have 3 paragraphs of 20 characters or more"],
    ["a short text", "No.\n\nYes.", {}, "got 0; give a longer one"],
    [
      "a test text of headings",
      text,
      { test: "Chapter 1\n\nChapter 2" },
      "paragraphs of two sentences or more, got none",
    ],
  ])("refuses %s", (_case, given, options, message) => {
    expect(() => distillTexts(given, options)).toThrow(message);
  });
});
