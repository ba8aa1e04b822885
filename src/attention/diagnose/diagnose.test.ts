/** The diagnosis: what it predicts comes true, what it warns of is hopeless, and what it refuses. */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { createRandom, fillNormal } from "../../random/index.ts";
import { present } from "../../../tests/model/harness.ts";
import type { MechanismName } from "../mechanisms.ts";
import { mapOf } from "./candidates.ts";
import { bestOf } from "./contest.ts";
import { diagnose as diagnoseOn } from "./diagnose.ts";
import { featuresNeeded, nextCount } from "./features-needed.ts";
import type { DiagnoseOptions } from "./options.ts";
import { measuredMechanismOf } from "./measured-mechanism.ts";

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
      redraws: 2,
    });
    const head = present(heads[0]);
    expect(head.warning).toMatch(/no measured map comes to an output error of 0\.1 with up to 65,536 features/);
    expect(head.warning).toMatch(/median ‖x‖² of [78]\.\d.*exact attention.*QK normalisation.*train with FAVOR\+/);
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
    expect(head.confirmed).toBe(true);
    const point = head.errorCurve.find(({ numFeatures }) => numFeatures === needed);
    expect(Math.abs(Math.log(present(point?.outputError ?? undefined) / 0.1))).toBeLessThan(Math.log(1.15));
    // Both means are good to 5 %, and a confirmed one is within 15 % of the wanted error: a third more or less.
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
    for (const { best, outputError, standardError, candidates } of both.heads) {
      const spread = present(standardError ?? undefined);
      const better = candidates.filter((each) => {
        const difference = present(outputError ?? undefined) - (each.outputError ?? Infinity);
        const isTold = difference > 2 * Math.hypot(spread, each.standardError ?? Infinity);
        return each.mechanism !== "favor-trigonometric" && isTold;
      });
      const errors = better.map((each) => each.outputError ?? Infinity);
      expect(best.outputError).toBe(better.length > 0 ? Math.min(...errors) : outputError);
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
    ["options", {}, { mechanism: { name: "local", window: 8 } }, /must have a feature map, got 'local'/],
    ["heads", {}, { mechanism: { heads: [{ name: "favor", numHeads: 1 }] } }, /must have a feature map, got '/],
    [
      "options that there are not",
      {},
      { mechanism: { name: "favor", window: 8 } },
      /'favor' has no options, got 'window'/,
    ],
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

describe("bestOf", () => {
  const entrant = (mechanism: MechanismName, error: number, standardError: number) => ({
    subject: measuredMechanismOf({ mechanism }, present(mapOf(mechanism)), 7, 5),
    error,
    standardError,
    draws: 8,
  });
  const favor = entrant("favor", 0.3, 0.03);

  it("keeps the present map where another is better by less than twice the standard error of the difference", () => {
    // √(0.03² + 0.04²) = 0.05.
    expect(bestOf(favor, [entrant("favor-hyperbolic", 0.21, 0.04)])).toBe(favor);
    const better = entrant("favor-hyperbolic", 0.19, 0.04);
    expect(bestOf(favor, [better])).toBe(better);
  });

  it("names the least error of several, any finite one in the place of none, and no map with features of either sign", () => {
    const [good, better] = [entrant("favor-hyperbolic", 0.1, 0.01), entrant("favor-optimal", 0.09, 0.01)];
    expect(bestOf(favor, [good, better, entrant("favor-trigonometric", 0.01, 0.001)])).toBe(better);
    expect(bestOf(entrant("favor", Infinity, Infinity), [good])).toBe(good);
    expect(bestOf(favor, [entrant("favor-hyperbolic", Infinity, Infinity)])).toBe(favor);
  });
});

/** Counts with their errors, each known to the given share. */
function curve(share: number, ...points: readonly (readonly [numFeatures: number, error: number])[]) {
  return points.map(([numFeatures, error]) => ({ numFeatures, error, standardError: share * error }));
}

describe("featuresNeeded", () => {
  const wanted = { wantedError: 0.1, maxFeatures: 65_536 };

  it("confirms a count only where the error was measured to be close to the wanted one", () => {
    const near = curve(0.05, [100, 0.2], [400, 0.11]);
    expect(featuresNeeded(near, wanted)).toEqual({ featuresNeeded: 400, confirmed: true });
    const between = featuresNeeded(curve(0.05, [100, 0.2], [1600, 0.05]), wanted);
    expect(between).toEqual({ featuresNeeded: 400, confirmed: false });
    // No count below 1 can be asked for.
    expect(featuresNeeded(curve(0, [1, 0.01]), wanted)).toEqual({ featuresNeeded: 1, confirmed: true });
  });

  it("extrapolates no faster than the law, by the smaller of the last and the mean decline", () => {
    const lawful = curve(0, [100, 0.8], [400, 0.4]);
    expect(featuresNeeded(lawful, wanted)).toEqual({ featuresNeeded: 6400, confirmed: false });
    const faster = curve(0, [100, 0.8], [400, 0.2]);
    expect(featuresNeeded(faster, wanted).featuresNeeded).toBe(1600);
    // A quarter: half as much needs sixteen times the features.
    expect(featuresNeeded(curve(0, [100, 0.4], [1600, 0.2]), wanted).featuresNeeded).toBe(25_600);
    expect(featuresNeeded(curve(0, [25, 0.4], [100, 0.4], [400, 0.2]), wanted).featuresNeeded).toBe(6400);
  });

  it("takes the noise of the errors for a slower decline, and gives up where none is seen", () => {
    const [exact, noisy] = [0, 0.1].map((share) => featuresNeeded(curve(share, [100, 0.8], [400, 0.4]), wanted));
    expect(noisy?.featuresNeeded).toBeGreaterThan(2 * (exact?.featuresNeeded ?? Infinity));
    const none = { featuresNeeded: null, confirmed: false };
    expect(featuresNeeded(curve(0, [100, 0.4], [400, 0.41]), wanted)).toEqual(none);
    expect(featuresNeeded(curve(0, [100, 0.4]), wanted)).toEqual(none);
    expect(featuresNeeded([{ numFeatures: 100, error: Infinity, standardError: Infinity }], wanted)).toEqual(none);
    expect(featuresNeeded(curve(0, [100, 3], [400, 2]), wanted)).toEqual(none);
  });
});

describe("nextCount", () => {
  const wanted = { wantedError: 0.1, largest: 16_384 };

  it("goes where the wanted error is expected, eightfold at most, and stops once it is confirmed", () => {
    expect(nextCount(curve(0, [100, 0.2]), wanted)).toBe(400);
    expect(nextCount(curve(0, [100, 0.8]), wanted)).toBe(800);
    expect(nextCount(curve(0, [100, 0.05]), wanted)).toBe(25);
    expect(nextCount(curve(0, [100, 0.2], [1600, 0.05]), wanted)).toBe(400);
    expect(nextCount(curve(0, [100, 0.2], [400, 0.11]), wanted)).toBeUndefined();
  });

  it("measures once more what is out of reach, to see how it falls, and never more than the largest", () => {
    expect(nextCount(curve(0, [100, 2]), wanted)).toBe(400);
    expect(nextCount(curve(0, [100, 2], [400, 1.8]), wanted)).toBeUndefined();
    expect(nextCount(curve(0, [10_000, 0.12]), wanted)).toBe(14_400);
    expect(nextCount(curve(0, [15_000, 0.12]), { ...wanted, largest: 20_000 })).toBe(20_000);
    // The count that is asked about is itself beyond what can be followed.
    expect(nextCount(curve(0, [40_000, 0.5]), wanted)).toBe(10_000);
  });
});
