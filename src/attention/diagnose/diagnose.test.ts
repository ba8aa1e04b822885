/** The diagnosis: what it predicts comes true, what it warns of is hopeless, and what it refuses. */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { createRandom, fillNormal } from "../../random/index.ts";
import { present } from "../../../tests/model/harness.ts";
import { diagnose as diagnoseOn } from "./diagnose.ts";
import { featuresNeeded } from "./features-needed.ts";
import type { DiagnoseOptions } from "./options.ts";

/** Graphs this small run no faster on more threads. */
const backend = createBackend({ threads: 1 });

const diagnose = async (arrays: Parameters<typeof diagnoseOn>[0], options: DiagnoseOptions) =>
  diagnoseOn(arrays, { backend, ...options });

function normal(name: string, length: number, width: number, scale = 1) {
  return { data: fillNormal(createRandom(13, name), new Float32Array(length * width), scale), dims: [length, width] };
}

function sequences(length: number, width: number, scale: number) {
  return { q: normal("q", length, width, scale), k: normal("k", length, width, scale), v: normal("v", length, width) };
}

describe("diagnose", () => {
  it("warns at large norms, with the reason and the ways out", async () => {
    // q, k ~ N(0, I) at D = 64: variances of the order e^16 over the number of features.
    const arrays = sequences(67, 64, 1);
    const { heads } = await diagnose(arrays, {
      numFeatures: 31,
      candidates: [{ mechanism: "favor-hyperbolic" }],
      redraws: 4,
    });
    const head = present(heads[0]);
    expect(head.warning).toMatch(/no measured map comes to an output error of 0\.1 with up to 65,536 features/);
    expect(head.warning).toMatch(/median ‖x‖² [78]\.\d.*exact attention.*QK normalisation.*train with FAVOR\+/);
    expect(head.featuresNeeded).toBeNull();
    expect(head.best.featuresNeeded).toBeNull();
    expect(present(head.predictedRelativeVariance?.attentionWeighted ?? undefined)).toBeGreaterThan(1e3);
    expect(head.medianSquaredNorm).toBeGreaterThan(7);
  });

  it("does not warn at small norms, and names the features that are enough, which measuring there confirms", async () => {
    const arrays = sequences(97, 16, 0.4);
    const options = { candidates: [], wantedError: 0.1, redraws: 16, numFeatures: 37 } as const;
    const { heads } = await diagnose(arrays, options);
    const head = present(heads[0]);
    expect(head.warning).toBeUndefined();
    expect(head.outputError).toBeGreaterThan(0.1);
    const needed = present(head.featuresNeeded ?? undefined);
    const again = await diagnose(arrays, { ...options, numFeatures: needed, seed: 1 });
    // Means over 16 draws are good to about 4 % each, and the law is an asymptote: a third more or less.
    const error = present(again.heads[0]?.outputError ?? undefined);
    expect(error).toBeGreaterThan(0.1 / 1.33);
    expect(error).toBeLessThan(0.1 * 1.33);
  });

  it("compares candidates at equal features, and leaves out what cannot be causal or is the present one", async () => {
    const arrays = sequences(13, 10, 0.5);
    const options = { numHeads: 2, numFeatures: 22, redraws: 2 } as const;
    const both = await diagnose(arrays, options);
    const causal = await diagnose(arrays, { ...options, causal: true });
    const names = (each: typeof both) =>
      present(each.heads[1]).candidates.map(
        ({ mechanism, projection, numFeatures }) => `${mechanism} ${projection} ${numFeatures}`,
      );
    expect(names(both)).toEqual([
      "favor iid 22",
      "favor simplex 22",
      "favor-hyperbolic orthogonal 11",
      "favor-trigonometric orthogonal 11",
      "favor-optimal orthogonal 22",
      "favor-rescaled orthogonal 22",
      "favor-saderf orthogonal 22",
    ]);
    expect(names(causal)).toEqual(names(both).slice(0, 4));
    for (const { best, outputError, candidates } of both.heads) {
      const positive = candidates.filter(({ mechanism }) => mechanism !== "favor-trigonometric");
      const errors = [outputError, ...positive.map((each) => each.outputError)].map((error) => error ?? Infinity);
      expect(best.outputError).toBe(Math.min(...errors));
    }
  });

  it("thins long sequences and says so, takes batches and no values, and depends on the seed alone", async () => {
    const long = { q: normal("q", 61, 6, 0.5), k: normal("k", 61, 6, 0.5) };
    const options = { numHeads: 2, samples: 23, redraws: 2, candidates: [], numFeatures: 11 } as const;
    const first = await diagnose(long, options);
    expect(first.sampled).toEqual({ sequences: 1, queries: 23, ofQueries: 61, keys: 23, ofKeys: 61, pairs: 529 });
    expect(await diagnose(long, options)).toEqual(first);
    expect(JSON.parse(JSON.stringify(first))).toEqual(first);
    expect((await diagnose(long, { ...options, seed: 1 })).heads).not.toEqual(first.heads);
    const batch = { data: new Float32Array([...long.q.data, ...long.q.data]), dims: [2, 61, 6] };
    const twice = await diagnose({ q: batch, k: batch }, { ...options, causal: true });
    expect(twice.sampled).toMatchObject({ sequences: 2, pairs: 2 * 529 });
  });

  it("has no prediction for a kernel of its own, measures its variance, and says that its error is none of softmax", async () => {
    const { heads } = await diagnose(sequences(13, 5, 1), {
      mechanism: "favor-relu",
      numFeatures: 11,
      candidates: [],
      wantedError: 0.001,
    });
    const head = present(heads[0]);
    expect(head.predictedRelativeVariance).toBeNull();
    expect(head.measuredRelativeVariance.median).toBeGreaterThan(0);
    expect(head.featuresNeeded).toBeNull();
    expect(head.warning).toMatch(/'favor-relu' defines an attention of its own/);
  });

  const refused: readonly (readonly [string, Record<string, unknown>, Record<string, unknown>, RegExp])[] = [
    [
      "NaN",
      { q: { data: Float32Array.of(1, 2, Number.NaN, 4), dims: [2, 2] } },
      {},
      /q must hold finite .* position 1, column 0/,
    ],
    ["keys of another width", { k: normal("k", 7, 4) }, {}, /^diagnose: q and k must have the same width, got 6 and 4/],
    ["values of another length", { v: normal("v", 5, 6) }, {}, /k and v must have the same length, got 7 and 5/],
    ["causal lengths", { k: normal("k", 5, 6), v: undefined }, { causal: true }, /causal q and k must .* got 7 and 5/],
    ["heads that do not divide", {}, { numHeads: 4 }, /the width of q must be a multiple of numHeads 4, got 6/],
    [
      "a misspelt option",
      {},
      { numFeature: 3 },
      /^diagnose: 'numFeature' is not an option; did you mean 'numFeatures'\?$/,
    ],
    ["a misspelt mechanism", {}, { mechanism: "favour" }, /got 'favour'; did you mean 'favor'\?$/],
    ["exact attention", {}, { mechanism: "exact" }, /must have a feature map, got 'exact'/],
    [
      "a map that cannot be causal",
      {},
      { mechanism: "favor-optimal", causal: true },
      /must not need statistics .* 'favor-optimal'/,
    ],
    ["such a candidate", {}, { candidates: [{ mechanism: "favor-saderf" }], causal: true }, /got 'favor-saderf'/],
    ["a misspelt projection", {}, { projection: "ortogonal" }, /got 'ortogonal'; did you mean 'orthogonal'\?/],
    ["no error at all", {}, { wantedError: 0 }, /wantedError must be a number above 0, got 0/],
    ["a single draw", {}, { redraws: 1 }, /redraws must be 2 or more, got 1/],
    ["half a feature", {}, { numFeatures: 2.5 }, /numFeatures must be a positive integer, got 2\.5/],
    [
      "a flat array without headDim",
      { q: new Float32Array(42) },
      {},
      /a flat array must come with the option headDim, got none for q/,
    ],
  ];

  it.each(refused)("refuses %s", async (_name, arrays, options, message) => {
    // As untyped callers would.
    await expect(diagnose({ ...sequences(7, 6, 1), ...arrays }, options as DiagnoseOptions)).rejects.toThrow(message);
  });
});

describe("featuresNeeded", () => {
  const wanted = { wantedError: 0.1, maxFeatures: 65_536 };

  it("follows the law of independent estimates, upwards and downwards", () => {
    expect(featuresNeeded([{ numFeatures: 100, error: 0.2 }], wanted)).toBe(400);
    expect(featuresNeeded([{ numFeatures: 100, error: 0.05 }], wanted)).toBe(25);
    const falling = [
      { numFeatures: 100, error: 0.8 },
      { numFeatures: 400, error: 0.4 },
    ];
    expect(featuresNeeded(falling, wanted)).toBe(6400);
  });

  it("takes the measured slope where the error falls more slowly, and gives up where it does not fall", () => {
    const slow = [
      { numFeatures: 100, error: 0.4 },
      { numFeatures: 1600, error: 0.2 },
    ];
    // A quarter: half as much needs sixteen times the features.
    expect(featuresNeeded(slow, wanted)).toBe(25_600);
    const stuck = [
      { numFeatures: 100, error: 0.4 },
      { numFeatures: 400, error: 0.41 },
    ];
    expect(featuresNeeded(stuck, wanted)).toBeNull();
    expect(featuresNeeded([{ numFeatures: 100, error: Infinity }], wanted)).toBeNull();
    expect(featuresNeeded([{ numFeatures: 100, error: 3 }], wanted)).toBeNull();
  });
});
