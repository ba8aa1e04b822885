/** Tiny random models that transformers has saved give the numbers that transformers computes with them. */

import { describe, expect, it } from "vitest";

import { hiddenStates } from "../../src/model/performer.ts";
import { compute, goldenNames, largestDifference, loadGolden, readGolden, TOLERANCE } from "./golden.ts";

describe.each(goldenNames)("a folder of %s", (name) => {
  it("encodes texts to the ids of its own tokenizer, special ones included", async () => {
    const { texts, inputIds } = await readGolden(name);
    const model = await loadGolden(name);
    const { bosId, eosId } = model.vocabulary;
    const own = texts.map((text) => [...model.encode(text).tokenIds]);
    expect(model.reads === "proteins" ? own.map((ids) => [bosId, ...ids, eosId]) : own).toEqual(inputIds);
  });

  it("has the original's last hidden states, at every token that is not padding", async () => {
    const { inputIds, shape, lastHiddenState } = await readGolden(name);
    const found = await compute(await loadGolden(name), inputIds, hiddenStates);
    const [, length, width] = shape;
    const differences = inputIds.map((ids, row) => {
      const start = row * length * width;
      const expected = lastHiddenState.slice(start, start + ids.length * width);
      return largestDifference(found.subarray(start), expected);
    });
    expect(Math.max(...differences)).toBeLessThan(TOLERANCE);
    // Not all alike: texts differ, and so do tokens.
    expect(new Set(lastHiddenState).size).toBeGreaterThan(lastHiddenState.length / 2);
  });
});
