/**
 * Another attention in a trained model's place: which weights stay, what is drawn, what is refused; longer tables of
 * positions.
 */

import { describe, expect, it } from "vitest";

import { ConfigError } from "../../src/graph/errors.ts";
import { convertModel, stretchPositions } from "../../src/convert/index.ts";
import { ndarray } from "../../src/graph/ndarray.ts";
import { drawProjections, projectionName } from "../../src/model/parameters.ts";
import { tinyConfig, tinyTensors } from "../model/harness.ts";

const exact = tinyConfig({ mechanism: "exact" });
const model = { config: exact, tensors: tinyTensors(exact) };
const favor = { mechanism: "favor", numFeatures: 13, seed: 5 } as const;

describe("convertModel", () => {
  it("keeps every weight, the arrays themselves, and draws the projections by the seed", () => {
    const { config, tensors, layers } = convertModel(model, favor);
    expect(config).toEqual({ ...exact, mechanism: "favor", numFeatures: 13 });
    expect(layers).toEqual([0, 1]);
    for (const [name, tensor] of Object.entries(model.tensors)) expect(tensors[name]).toBe(tensor);
    const drawn = drawProjections(config, 5, 0);
    expect(Object.keys(drawn)).toEqual([0, 1].map(projectionName));
    expect(tensors).toEqual({ ...model.tensors, ...drawn });
    expect(convertModel(model, { ...favor, seed: 6 }).tensors[projectionName(0)]).not.toEqual(drawn[projectionName(0)]);
  });

  it("converts chosen layers alone, each with the projection that it would have among all", () => {
    const { config, tensors, layers } = convertModel(model, { ...favor, layers: [1] });
    expect(config.mechanism).toEqual(["exact", "favor"]);
    expect(layers).toEqual([1]);
    expect(tensors[projectionName(0)]).toBeUndefined();
    expect(tensors[projectionName(1)]).toEqual(convertModel(model, favor).tensors[projectionName(1)]);
  });

  it("converts layers one after the other, and back to exact attention, which gives the model itself", () => {
    const first = convertModel(model, { ...favor, layers: [0] });
    const both = convertModel(first, { ...favor, seed: 7, layers: [1] });
    expect(both.config.mechanism).toEqual(["favor", "favor"]);
    expect(both.tensors[projectionName(0)]).toBe(first.tensors[projectionName(0)]);
    const back = convertModel(both, { mechanism: "exact", seed: 0 });
    expect(back.tensors).toEqual(model.tensors);
  });

  it("has positions for more tokens: rotary ones without further ado, learned ones from a longer table", () => {
    expect(convertModel(model, { ...favor, maxSeqLen: 101 }).config.maxSeqLen).toBe(101);
    const config = tinyConfig({ mechanism: "exact", positions: "learned" });
    const learned = { config, tensors: tinyTensors(config) };
    const { tensors } = convertModel(learned, { ...favor, maxSeqLen: 38 });
    const table = tensors["positionEmbedding.weight"];
    const old = learned.tensors["positionEmbedding.weight"];
    expect(table?.shape).toEqual([38, config.modelDim]);
    expect(table?.data).toEqual(Float32Array.from([...(old?.data ?? []), ...(old?.data ?? [])].map(Number)));
  });

  it.each([
    ["an unknown mechanism", { mechanism: "favr" }, "did you mean 'favor'?"],
    ["an unknown projection", { projection: "orthogonl" }, "did you mean 'orthogonal'?"],
    ["layers that are not there", { layers: [0, 2] }, "layers must be distinct numbers from 0 to 1, got 0, 2;"],
    ["no layer", { layers: [] }, "got none; omit them for all 2"],
    ["no feature", { numFeatures: 0 }, "numFeatures must be above 0, got 0"],
    ["fewer positions", { maxSeqLen: 18 }, "maxSeqLen must be at least the model's 19, got 18;"],
    ["an unknown rule of positions", { positions: "repeats" }, "did you mean 'repeat'?"],
    ["statistics of what is to come", { mechanism: "favor-saderf" }, "mechanism must be causal, got 'favor-saderf'"],
    ["keys that are queries", { mechanism: "reformer" }, "must use the model's queries and keys, got 'reformer'"],
  ])("refuses %s", (_case, changes, message) => {
    // For callers without types.
    const options = { ...favor, ...changes } as Parameters<typeof convertModel>[1];
    expect(() => convertModel(model, options)).toThrow(ConfigError);
    expect(() => convertModel(model, options)).toThrow(message);
  });

  it("refuses a mechanism with weights that only training gives, in an encoder, and one for decoders alone", () => {
    const config = tinyConfig({ architecture: "encoder", mechanism: "exact" });
    const encoder = { config, tensors: tinyTensors(config) };
    const convert = (mechanism: "linformer" | "transformer-xl" | "favor-saderf") => () =>
      convertModel(encoder, { mechanism, seed: 0 });
    expect(convert("linformer")).toThrow(
      "must need no weights beside the model's, got 'linformer', whose keyProjection",
    );
    expect(convert("transformer-xl")).toThrow("'transformer-xl'");
    expect(convert("favor-saderf")().config.mechanism).toBe("favor-saderf");
  });

  it("refuses another number of features than that of layers that stay", () => {
    const first = convertModel(model, { ...favor, layers: [0] });
    expect(() => convertModel(first, { ...favor, numFeatures: 17, layers: [1] })).toThrow(
      "'blocks.0.attention.projection' of the model, which stays as it is, must be [17, 6], got [13, 6];",
    );
  });
});

describe("a longer table of positions", () => {
  const table = ndarray(Float32Array.of(0, 10, 2, 30, 6, 20), [3, 2]);

  it("begins anew behind its end", () => {
    expect(stretchPositions(table, 5, "repeat")).toEqual(
      ndarray(Float32Array.of(0, 10, 2, 30, 6, 20, 0, 10, 2, 30), [5, 2]),
    );
  });

  it("lies on lines between the old rows, whose first and last stay", () => {
    expect(stretchPositions(table, 5, "interpolate")).toEqual(
      ndarray(Float32Array.of(0, 10, 1, 20, 2, 30, 4, 25, 6, 20), [5, 2]),
    );
  });

  it("is the table itself for as many positions", () => {
    expect(stretchPositions(table, 3, "interpolate")).toBe(table);
    expect(stretchPositions(table, 3, "repeat")).toBe(table);
  });
});
