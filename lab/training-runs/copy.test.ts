/** The copy task: what is shown, and what counts. */

import { expect, it } from "vitest";

import { copyBatch } from "./subjects/copy.ts";

it("shows a word twice, and counts the second one alone", () => {
  const length = 14;
  const { batchSize, seqLen, inputIds, targetIds, weights } = copyBatch(3, length, ["test"]);
  expect([batchSize, seqLen]).toEqual([3, 13]);
  for (const row of [0, 1, 2]) {
    const of = (ids: Int32Array | Float32Array) => Array.from(ids.subarray(row * seqLen, (row + 1) * seqLen));
    const [inputs, targets] = [of(inputIds), of(targetIds)];
    expect(inputs.slice(1)).toEqual(targets.slice(0, -1));
    const whole = [...inputs, targets.at(-1)];
    expect(whole.slice(7)).toEqual(whole.slice(0, 7));
    expect([whole[0], whole[7]]).toEqual([0, 0]);
    expect(whole.filter((token) => token === 0)).toHaveLength(2);
    // The first token of the second word is predicted at the second 0, place 7.
    expect(of(weights)).toEqual([0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
  }
});

it("is another one for every path, and the same for the same", () => {
  const ids = (...path: readonly (string | number)[]) => Array.from(copyBatch(1, 20, path).inputIds);
  expect(ids("train", 1)).toEqual(ids("train", 1));
  expect(ids("train", 1)).not.toEqual(ids("train", 2));
});
