/** The gradient of the whole model: against central differences of its loss in float64, and the engine against both. */
import { describe, expect, it } from "vitest";
import type { ModelOptions } from "../model/config.ts";
import { parameterShapes } from "../model/parameters.ts";
import { slopeError } from "../../tests/model/finite-differences.ts";
import { evaluateInFloat64, randomBatch, relativeError, tinyConfig } from "../../tests/model/harness.ts";
import {
  batchOf,
  blockOptions,
  encoderDecoderKinds,
  encoderKinds,
  ofImages,
  pooledDecoderKinds,
} from "../../tests/model/kinds.ts";
import { prepareStep, runOnEngine } from "../../tests/model/step.ts";
import type { StepGraphOptions } from "./graphs.ts";

const TOLERANCE = {
  /** Central differences with a step of 1e-5; constants are rounded to float32 in loss and gradient alike. */
  finiteDifferences: 1e-6,
  /** Float32 against float64 through two layers and back. */
  engine: 5e-5,
  /** A gradient that is exactly 0 leaves rounding of this size. */
  gradientFloor: 1e-3,
} as const;

interface GradientCase {
  readonly name: string;
  readonly model: Partial<ModelOptions>;
  readonly step: Partial<StepGraphOptions>;
  readonly seqLen?: number;
  /** Moves each parameter by itself, which names the one that is wrong, instead of all of them at once. */
  readonly oneByOne?: boolean;
}

const hard = { dropout: 0.25, labelSmoothing: 0.1 };
const gradientCases: readonly GradientCase[] = [
  ...(["favor", "favor-relu", "exact"] as const).flatMap((mechanism) =>
    (["rotary", "learned"] as const).flatMap((positions) =>
      (["scan", "parallel"] as const).map((form) => ({
        name: `${mechanism}, ${positions} positions, ${form} form, dropout and label smoothing`,
        // A block more adds nothing but time to float64 loops; some cases below have two.
        model: { mechanism, positions, numLayers: 1 },
        step: { form, ...hard },
        oneByOne: mechanism === "exact",
      })),
    ),
  ),
  { name: "favor, one parameter after another", model: { numLayers: 1 }, step: hard, oneByOne: true },
  { name: "favor without dropout and label smoothing", model: {}, step: {} },
  { name: "favor with an output layer of its own", model: { tieEmbeddings: false }, step: {} },
  {
    name: "a classifier of images in squares of 2 × 2, three channels each",
    model: { ...ofImages, mechanism: "exact", patches: { size: 2, width: 4, height: 2 }, maxSeqLen: 26 },
    step: {},
    seqLen: 26,
  },
  { name: "favor over more than one chunk", model: { maxSeqLen: 67, numLayers: 1 }, step: {}, seqLen: 67 },
  // What a mechanism does in them is its own affair; exact attention costs float64 loops least.
  ...Object.entries({ ...blockOptions, ...encoderKinds, ...pooledDecoderKinds, ...encoderDecoderKinds })
    .filter(([, model]) => !("mechanism" in model))
    .map(([name, model]) => ({ name, model: { mechanism: "exact", numLayers: 1, ...model } as const, step: {} })),
];

describe("the gradient of the whole model equals finite differences", () => {
  it.each(gradientCases)("$name", ({ model, step, seqLen = 5, oneByOne = false }) => {
    const config = tinyConfig(model);
    const batch = batchOf(config, { batchSize: 2, seqLen, lengths: [seqLen, seqLen - 2] });
    const { outputs, values } = prepareStep(config, batch, { dropout: 0, labelSmoothing: 0, form: "scan", ...step });
    const evaluated = evaluateInFloat64(outputs, values);
    const names = Object.keys(parameterShapes(config));
    for (const group of oneByOne ? names.map((name) => [name]) : [names]) {
      const error = slopeError(outputs, evaluated, values, group, TOLERANCE.gradientFloor);
      expect(error, group.join(", ")).toBeLessThan(TOLERANCE.finiteDifferences);
    }
  });
});

describe.each(["favor", "favor-relu", "exact"] as const)("a step with %s", (mechanism) => {
  it.each(["scan", "parallel"] as const)("is on the engine what it is in float64, in %s form", async (form) => {
    const config = tinyConfig({ mechanism });
    const graph = prepareStep(config, randomBatch(config, 2, 7), { ...hard, form });
    const exact = evaluateInFloat64(graph.outputs, graph.values);
    const actual = await runOnEngine(graph);
    expect(Object.keys(actual)).toEqual(Object.keys(exact));
    for (const [name, { data }] of Object.entries(exact)) {
      expect(relativeError(actual[name]?.data, data, TOLERANCE.gradientFloor), name).toBeLessThan(TOLERANCE.engine);
    }
  });
});
