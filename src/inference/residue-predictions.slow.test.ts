/**
 * What a model expects where each residue stands: the same as from single rows in float64, every residue asked once.
 */
import { describe, expect, it } from "vitest";
import { logProbabilitiesInFloat64, TOLERANCE } from "../../tests/inference/tiny-proteins.ts";
import { present, relativeError, tinyConfig, tinyTensors } from "../../tests/model/harness.ts";
import { createBackend } from "#engine";
import { proteinVocabulary, standardResidues } from "../data/vocabularies/letters.ts";
import { createRandom, shuffle } from "../random/index.ts";
import { predictionPasses, residuePredictions } from "./residue-predictions.ts";

const COUNT = standardResidues.length;
const vocabulary = proteinVocabulary;
const backend = createBackend({ threads: 1 });
const draws = createRandom(41, "proteins");
/** Sequences of different lengths, one shorter than there are passes; X is no standard residue. */
const sequences = [11, 3, 16].map((length, index) => ({
  id: `P${index}`,
  tokenIds: vocabulary.encode(
    `X${Array.from({ length }, () => standardResidues.charAt(draws.integer(COUNT))).join("")}`,
  ),
}));

function modelOf(architecture: "decoder" | "encoder") {
  const config = tinyConfig({
    architecture,
    mechanism: "exact",
    numLayers: 1,
    vocabSize: vocabulary.size,
    maxSeqLen: 40,
  });
  return { config, tensors: tinyTensors(config), vocabulary, backend };
}

/** Adds the rows of `places` to the sums, in float64. */
function addRows(
  sums: Float64Array,
  rows: readonly (readonly number[])[],
  tokenIds: Int32Array,
  places: Iterable<number>,
) {
  for (const place of places) {
    const a = standardResidues.indexOf(vocabulary.tokens[tokenIds[place] ?? 0] ?? "");
    if (a < 0) continue;
    Array.from(standardResidues, (letter, b) => {
      const index = a * COUNT + b;
      sums[index] = present(sums[index]) + present(rows[place]?.[vocabulary.tokens.indexOf(letter)]);
    });
  }
}

describe("residuePredictions", () => {
  it("of a decoder are those of each residue from the ones before it", async () => {
    const model = modelOf("decoder");
    const { sums, counts } = await residuePredictions({ ...model, sequences });
    const expected = new Float64Array(COUNT * COUNT);
    for (const { tokenIds } of sequences) {
      const rows = logProbabilitiesInFloat64(model, [vocabulary.bosId, ...tokenIds.subarray(0, -1)]);
      addRows(expected, rows, tokenIds, tokenIds.keys());
    }
    expect(relativeError(sums, expected)).toBeLessThan(TOLERANCE.nats);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(11 + 3 + 16);
    expect(predictionPasses(model.config)).toBe(1);
  });

  it("of an encoder are those of each residue once, hidden with a seventh of the others", async () => {
    const model = modelOf("encoder");
    const read: number[] = [];
    const { sums, counts } = await residuePredictions({
      ...model,
      sequences,
      seed: 5,
      onProgress: (tokens) => read.push(tokens),
    });
    const passes = predictionPasses(model.config);
    const expected = new Float64Array(COUNT * COUNT);
    for (const [index, { tokenIds }] of sequences.entries()) {
      const places = shuffle(createRandom(5, "hidden", index), Array.from(tokenIds.keys()));
      for (let pass = 0; pass < passes; pass++) {
        const hidden = places.filter((_, at) => at % passes === pass);
        const seen = Array.from(tokenIds, (id, place) => (hidden.includes(place) ? vocabulary.maskId : id));
        const rows = logProbabilitiesInFloat64(model, [vocabulary.bosId, ...seen, vocabulary.eosId]).slice(1);
        addRows(expected, rows, tokenIds, hidden);
      }
    }
    expect(relativeError(sums, expected)).toBeLessThan(TOLERANCE.nats);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(11 + 3 + 16);
    // The short one has four places, so four passes.
    expect(read.at(-1)).toBe(passes * (12 + 17) + 4 * 4);
  });

  it("refuses models and proteins that tell nothing", async () => {
    const model = modelOf("encoder");
    await expect(residuePredictions({ ...model, sequences: [] })).rejects.toThrow(/got none; give some proteins/);
    const config = tinyConfig({
      architecture: "encoder",
      head: "sequence-classification",
      numLabels: 2,
      vocabSize: vocabulary.size,
    });
    expect(predictionPasses(config)).toBe(0);
    await expect(residuePredictions({ ...model, config, tensors: tinyTensors(config), sequences })).rejects.toThrow(
      /residuePredictions: the model must predict the tokens of its input/,
    );
  });
});
