/** A model's attention from inside: what is observed is what its layers read, and the diagnosis of every layer. */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { diagnose } from "../attention/diagnose/diagnose.ts";
import { createRandom } from "../random/index.ts";
import { present, relativeError, tinyConfig, tinyTensors } from "../../tests/model/harness.ts";
import { observeAttention } from "./observe.ts";
import { diagnoseModel } from "./observe-diagnosis.ts";

/** Float32 of two graphs that differ in length. */
const TOLERANCE = 1e-5;

const config = tinyConfig();
/** Graphs this small run no faster on more threads. */
const backend = createBackend({ threads: 1 });
const [numSequences, length] = [3, 13];
const random = createRandom(19, "tokens");
const tokenIds = Array.from({ length: numSequences }, () =>
  Int32Array.from({ length }, () => random.integer(config.vocabSize)),
);
const base = { config, tensors: tinyTensors(config), tokenIds, backend };

describe("observeAttention", () => {
  it("gives queries, keys and values of every layer, heads side by side", async () => {
    const layers = await observeAttention(base);
    expect(layers).toHaveLength(config.numLayers);
    for (const layer of layers) {
      for (const { shape } of [layer.q, layer.k, layer.v])
        expect(shape).toEqual([numSequences, length, config.modelDim]);
    }
    expect(layers[0]?.q.data).not.toEqual(layers[1]?.q.data);
    expect(layers[0]?.q.data).not.toEqual(layers[0]?.k.data);
  });

  it("sees the position encoding: equal tokens have equal values and norms, and different queries", async () => {
    const same = Int32Array.from({ length }, () => 5);
    const [first] = await observeAttention({ ...base, tokenIds: [same] });
    const { q, v } = present(first);
    const row = (data: ArrayLike<number | bigint>, t: number) =>
      Array.from({ length: config.modelDim }, (_, i) => Number(data[t * config.modelDim + i]));
    const norm = (values: number[]) => Math.hypot(...values);
    expect(relativeError(row(v.data, 7), row(v.data, 0))).toBeLessThan(TOLERANCE);
    expect(norm(row(q.data, 7))).toBeCloseTo(norm(row(q.data, 0)), 5);
    expect(relativeError(row(q.data, 7), row(q.data, 0))).toBeGreaterThan(0.1);
  });

  it("is causal: a prefix is observed as the beginning of the whole", async () => {
    const [, whole] = await observeAttention({ ...base, tokenIds: tokenIds.slice(0, 1) });
    const [, prefix] = await observeAttention({ ...base, tokenIds: [present(tokenIds[0]).subarray(0, 5)] });
    const beginning = present(whole).q.data.slice(0, 5 * config.modelDim);
    expect(relativeError(present(prefix).q.data, beginning)).toBeLessThan(TOLERANCE);
  });

  it.each([
    ["no sequence", { tokenIds: [] }, /sequences of one length from 1 on, got lengths of none/],
    ["different lengths", { tokenIds: [[1, 2], [1]] }, /got lengths 2, 1; cut them to the shortest/],
    ["ids of another vocabulary", { tokenIds: [[1, 11]] }, /ids must lie in \[0, 11\), got 11/],
    ["weights of another model", { config: tinyConfig({ numLayers: 3 }) }, /tensor 'blocks\.2\..* must be there/],
  ])("refuses %s", async (_case, changes, message) => {
    await expect(observeAttention({ ...base, ...changes })).rejects.toThrow(message);
  });
});

describe("diagnoseModel", () => {
  it("diagnoses every layer and head with the model's own settings", async () => {
    const layersDone: number[] = [];
    const options = { candidates: [], redraws: 2, wantedError: 3 } as const;
    const { layers, ...rest } = await diagnoseModel({ ...base, ...options, onLayer: (done) => layersDone.push(done) });
    expect(rest).toMatchObject({
      mechanism: "favor",
      modelMechanism: "favor",
      projection: "orthogonal",
      numFeatures: config.numFeatures,
      causal: true,
      sequences: numSequences,
      tokens: numSequences * length,
    });
    expect(layersDone).toEqual([1, 2]);
    expect(layers.map(({ layer, heads }) => [layer, heads.length])).toEqual([
      [0, config.numHeads],
      [1, config.numHeads],
    ]);
    const [, second] = await observeAttention(base);
    const alone = await diagnose(present(second), {
      ...options,
      numHeads: config.numHeads,
      numFeatures: config.numFeatures,
      causal: true,
      backend,
    });
    expect(layers[1]?.heads).toEqual(alone.heads);
  });

  it("diagnoses a model with exact attention as if FAVOR+ took its place", async () => {
    const exact = tinyConfig({ mechanism: "exact" });
    const found = await diagnoseModel({
      ...base,
      config: exact,
      tensors: tinyTensors(exact),
      candidates: [],
      redraws: 2,
      wantedError: 3,
    });
    expect(found).toMatchObject({ mechanism: "favor", modelMechanism: "exact" });
    expect(found.layers[0]?.heads[0]?.outputError).toBeGreaterThan(0);
  });
});
