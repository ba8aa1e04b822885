/** Squares of images as places: what a naive loop reads from the same pixels, and what a configuration refuses. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evaluateInFloat64, present, relativeError, tinyTensors } from "../../tests/model/harness.ts";
import { ofImages } from "../../tests/model/kinds.ts";
import { FIRST_ORDINARY_ID } from "../data/vocabularies/specials.ts";
import { ndarray, toFloat64 } from "../graph/ndarray.ts";
import { input } from "../ops/source.ts";
import { createRandom } from "../random/index.ts";
import { modelConfig, type ModelConfig } from "./config.ts";
import { modelInputs } from "./inputs.ts";
import { parameterShapes } from "./parameters.ts";
import { checkIntensities, FIRST_INTENSITY_ID, placesIn } from "./patches.ts";
import { embed } from "./performer.ts";

/** Float32 constants: the scale of intensities. */
const TOLERANCE = 1e-6;

const base = { modelDim: 6, numHeads: 2, numLayers: 1, positions: "none" } as const;
const { maxSeqLen: _, ...kind } = ofImages;
const configOf = (patches: ModelConfig["patches"]) => modelConfig({ ...kind, ...base, patches });

/** Row 0 the vector in front, then square by square what the definition says. */
function naive(config: ModelConfig, tokens: Int32Array): readonly number[] {
  const { patches, modelDim } = config;
  if (patches === undefined) return [];
  const { size, width, height, channels, mean = [], deviation = [] } = patches;
  const tensors = tinyTensors(config);
  const numbers = (name: string) => toFloat64(present(tensors[name], name));
  const [weight, bias] = [numbers("patchEmbedding.projection.weight"), numbers("patchEmbedding.projection.bias")];
  const found = [...numbers("patchEmbedding.first")];
  for (let top = 0; top < height; top += size) {
    for (let left = 0; left < width; left += size) {
      for (let out = 0; out < modelDim; out++) {
        let sum = bias[out] ?? 0;
        for (let c = 0; c < channels; c++) {
          for (let y = 0; y < size; y++) {
            for (let x = 0; x < size; x++) {
              const token = tokens[1 + ((top + y) * width + left + x) * channels + c] ?? 0;
              const value = ((token - 4) / 255 - (mean[c] ?? 0.5)) / (deviation[c] ?? 0.5);
              sum += value * (weight[((out * channels + c) * size + y) * size + x] ?? 0);
            }
          }
        }
        found.push(sum);
      }
    }
  }
  return found;
}

describe("a model of patches", () => {
  it("reads squares of any image as the definition says, whatever stands behind it", () => {
    fc.assert(
      fc.property(
        fc.record({
          size: fc.integer({ min: 1, max: 3 }),
          rows: fc.integer({ min: 1, max: 3 }),
          columns: fc.integer({ min: 1, max: 3 }),
          channels: fc.constantFrom(1, 3),
          behind: fc.integer({ min: 0, max: 2 }),
          isScaled: fc.boolean(),
        }),
        ({ size, rows, columns, channels, behind, isScaled }) => {
          const scale = { mean: [0.3, 0.4, 0.6].slice(0, channels), deviation: [0.2, 0.5, 0.9].slice(0, channels) };
          const shape = { size, width: columns * size, height: rows * size, channels };
          const config = configOf({ ...shape, ...(isScaled && scale) });
          const length = 1 + shape.width * shape.height * channels + behind;
          const random = createRandom(size, rows, columns, channels);
          const tokens = Int32Array.from({ length }, () => 4 + random.integer(256));
          const y = embed(modelInputs(config), input("tokenIds", [1, length], "int32"), {});
          expect(y.shape).toEqual([1, 1 + rows * columns, 6]);
          expect(placesIn(config, length)).toBe(1 + rows * columns);
          const values = { ...tinyTensors(config), tokenIds: ndarray(tokens, [1, length]) };
          const found = evaluateInFloat64({ y }, values)["y"];
          expect(relativeError(found?.data, naive(config, tokens))).toBeLessThan(TOLERANCE);
        },
      ),
      { numRuns: 20, seed: 1 },
    );
  });

  it("has weights of squares and of places in the place of a table of tokens", () => {
    const shapes = parameterShapes(modelConfig({ ...ofImages, modelDim: 6, numHeads: 2, positions: "learned" }));
    expect(shapes["patchEmbedding.projection.weight"]?.shape).toEqual([6, 1]);
    expect(shapes["positionEmbedding.weight"]?.shape).toEqual([70, 6]);
    expect(Object.keys(shapes)).not.toContain("tokenEmbedding.weight");
  });

  it("counts intensities from where vocabularies do, and the tokens of an image as its longest sequence", () => {
    expect(FIRST_INTENSITY_ID).toBe(FIRST_ORDINARY_ID);
    const config = configOf({ size: 2, width: 4, height: 6, channels: 3 });
    expect(config.maxSeqLen).toBe(4 * 6 * 3 + 2);
    expect(modelConfig(config)).toEqual(config);
    expect(() => checkIntensities("x.png", config, 71)).toThrow(
      "x.png: an image must have 72 intensities, 4 × 6 pixels of 3, got 71; resize it",
    );
    expect(() => checkIntensities("x.png", modelConfig({ vocabSize: 260 }), 71)).not.toThrow();
  });

  it.each([
    [
      { patches: { size: 2, width: 3, height: 4 } },
      /^model: patches\.size must divide the width and the height .* got 2/,
    ],
    [
      { patches: { size: 2, width: 4, height: 4, mean: [0.5] } },
      /patches\.mean must hold a number for each of 3 channels, got 1/,
    ],
    [{ patches: { size: 2, width: 4, height: 4, deviation: [0, 1, 1] } }, /deviation/],
    [{ patches: { size: 2, width: 4, height: 4, channels: 2 } }, /channels/],
    [{ patches: { sise: 2, width: 4, height: 4 } }, /sise/],
    [{ maxSeqLen: 64 }, /with patches maxSeqLen must be the 71 tokens of an image, got 64; leave it out/],
    [
      { head: "language-modeling", numLabels: undefined, pooling: "mean" },
      /patches must come with architecture 'encoder' and head/,
    ],
    [{ tokenDropout: { maskId: 3, share: 0.1 } }, /patches must come without tokenDropout/],
  ])("refuses %j", (options, message) => {
    // Options that the types refuse as well.
    expect(() => modelConfig({ ...ofImages, ...options } as Parameters<typeof modelConfig>[0])).toThrow(message);
  });

  it("refuses tokens that hold no whole image while the graph is built", () => {
    const config = configOf({ size: 2, width: 4, height: 4, channels: 1 });
    expect(() => embed(modelInputs(config), input("tokenIds", [1, 16], "int32"), {})).toThrow(
      /tokens must be <bos> and the 16 intensities of 4 × 4 × 1, got 16; give whole images/,
    );
  });
});
