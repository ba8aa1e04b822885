/** Heads and pooled vectors of the tiny models are the original's too. */

import { describe, expect, it } from "vitest";

import { createBackend } from "#engine";
import { embedTexts } from "../../src/convert/index.ts";
import { logits } from "../../src/model/performer.ts";
import { PerformerForMaskedLM } from "../../src/models/performer-for-masked-lm.ts";
import { compute, goldenNames, largestDifference, loadGolden, readGolden, TOLERANCE } from "./golden.ts";

const backend = createBackend();

describe.each(goldenNames)("a folder of %s", (name) => {
  it("gives of each text the mean of those states, over all tokens, or of a protein over its residues", async () => {
    const { texts, inputIds, shape, lastHiddenState } = await readGolden(name);
    const model = await loadGolden(name);
    const found = await embedTexts(model, texts, { backend });
    const [, length, width] = shape;
    const around = model.reads === "proteins" ? 1 : 0;
    inputIds.forEach((ids, row) => {
      const rows = ids.map((_, at) =>
        lastHiddenState.slice((row * length + at) * width, (row * length + at + 1) * width),
      );
      const counted = rows.slice(around, rows.length - around);
      const mean = Array.from({ length: width }, (_, column) => {
        return counted.reduce((sum, state) => sum + (state[column] ?? Number.NaN), 0) / counted.length;
      });
      expect(largestDifference(found[row]?.data ?? [], mean)).toBeLessThan(TOLERANCE);
    });
  });
});

it.each(goldenNames.filter((name) => name !== "bert"))("%s has the logits of the original's head", async (name) => {
  const { inputIds, logits: expected = [] } = await readGolden(name);
  const model = await loadGolden(name);
  const found = await compute(model, inputIds, logits);
  const { vocabSize } = model.config;
  const length = Math.max(...inputIds.map((ids) => ids.length));
  expect(expected.length).toBeGreaterThan(0);
  for (const { row, place, values } of expected) {
    expect(values).toHaveLength(vocabSize);
    const own = found.subarray((row * length + place) * vocabSize);
    // Logits are up to ten times as large as states.
    expect(largestDifference(own, values) / Math.max(...values.map(Math.abs))).toBeLessThan(TOLERANCE);
  }
});

it("a body alone says that it has no head", async () => {
  expect((await loadGolden("bert")).config).toMatchObject({ head: "none", headTransform: false });
});

it("ESM-2 fills hidden residues as the original's logits say", async () => {
  const { texts, logits: [expected] = [] } = await readGolden("esm");
  const { config, tensors, vocabulary } = await loadGolden("esm");
  const model = new PerformerForMaskedLM({ config, tensors, vocabulary, backend, seed: 0 });
  const [first] = await model.fill_mask(texts[expected?.row ?? 0] ?? "", { top_k: 1 });
  const values = expected?.values ?? [];
  const ordinary = [...values.keys()].filter((id) => vocabulary.isResidue(id));
  const best = ordinary.reduce((most, id) => ((values[id] ?? 0) > (values[most] ?? 0) ? id : most));
  // <cls> stands in front.
  expect(first).toMatchObject({ position: (expected?.place ?? 0) - 1, tokens: [{ token: best }] });
});
