/** The tree of parameters: names, shapes, initial values, and the check of tensors from outside. */
import { describe, expect, it } from "vitest";
import { zeros, type NdArray } from "../graph/ndarray.ts";
import { tinyConfig } from "../../tests/model/harness.ts";
import {
  countParameters,
  drawProjections,
  initialParameters,
  parameterShapes,
  projectionShapes,
  toTree,
} from "./parameters.ts";
import { checkTensors, tensorShapes } from "./tensors.ts";

function shapesOf(options: Parameters<typeof tinyConfig>[0] = {}): Record<string, readonly number[]> {
  return { ...tensorShapes(tinyConfig(options)) };
}

describe("parameters", () => {
  it("have dotted names and the shapes of the configuration", () => {
    expect(shapesOf({ numLayers: 1 })).toEqual({
      "tokenEmbedding.weight": [11, 12],
      "blocks.0.attentionNorm.weight": [12],
      "blocks.0.attentionNorm.bias": [12],
      "blocks.0.attention.query.weight": [12, 12],
      "blocks.0.attention.query.bias": [12],
      "blocks.0.attention.key.weight": [12, 12],
      "blocks.0.attention.key.bias": [12],
      "blocks.0.attention.value.weight": [12, 12],
      "blocks.0.attention.value.bias": [12],
      "blocks.0.attention.output.weight": [12, 12],
      "blocks.0.attention.output.bias": [12],
      "blocks.0.mlpNorm.weight": [12],
      "blocks.0.mlpNorm.bias": [12],
      "blocks.0.mlp.up.weight": [17, 12],
      "blocks.0.mlp.up.bias": [17],
      "blocks.0.mlp.down.weight": [12, 17],
      "blocks.0.mlp.down.bias": [12],
      "finalNorm.weight": [12],
      "finalNorm.bias": [12],
      "blocks.0.attention.projection": [7, 6],
    });
  });

  it("have a position table with learned positions and an output layer without tied embeddings", () => {
    const shapes = shapesOf({ positions: "learned", tieEmbeddings: false });
    expect(shapes["positionEmbedding.weight"]).toEqual([19, 12]);
    expect(shapes["head.weight"]).toEqual([11, 12]);
    expect(Object.keys(shapesOf())).not.toContain("head.weight");
    expect(Object.keys(shapesOf())).not.toContain("positionEmbedding.weight");
  });

  it.each([
    [
      "an encoder that classifies",
      { architecture: "encoder", head: "sequence-classification", numLabels: 3 },
      ["classifier.bias"],
      ["head.weight"],
    ],
    ["a regression", { architecture: "encoder", head: "regression" }, ["classifier.weight"], []],
    ["a gate", { activation: "glu" }, ["blocks.1.mlp.gate.weight"], []],
    [
      "rezero",
      { normPlacement: "rezero" },
      ["blocks.0.mlpResidual.scale"],
      ["blocks.0.mlpNorm.weight", "finalNorm.weight"],
    ],
    ["norms behind branches", { normPlacement: "post" }, ["blocks.0.mlpNorm.bias"], ["finalNorm.weight"]],
    ["rmsnorm", { norm: "rmsnorm" }, ["blocks.0.mlpNorm.weight"], ["blocks.0.mlpNorm.bias"]],
    ["axial positions", { positions: "axial" }, ["axialEmbedding.rows", "axialEmbedding.columns"], []],
    [
      "an encoder–decoder",
      { architecture: "encoder-decoder", numDecoderLayers: 1, positions: "learned" },
      [
        "encoder.blocks.1.attention.projection",
        "decoder.blocks.0.cross.key.weight",
        "decoder.blocks.0.cross.projection",
        "decoder.positionEmbedding.weight",
      ],
      ["decoder.blocks.1.mlp.up.weight", "blocks.0.mlp.up.weight", "encoder.blocks.0.cross.key.weight"],
    ],
    ["a pointer", { architecture: "encoder-decoder", head: "pointer" }, ["pointer.key.weight"], ["head.weight"]],
    [
      "a mechanism a layer",
      { mechanism: ["exact", "favor"] },
      ["blocks.1.attention.projection"],
      ["blocks.0.attention.projection"],
    ],
  ] as const)("of %s have their own names", (_name, options, there, absent) => {
    const names = Object.keys(shapesOf(options));
    expect(names).toEqual(expect.arrayContaining([...there]));
    for (const name of absent) expect(names).not.toContain(name);
  });

  it("are counted without projections, which are not trained", () => {
    const config = tinyConfig({ numLayers: 1 });
    const block = 4 * (12 * 12 + 12) + 2 * 12 * 17 + 17 + 12 + 4 * 12;
    expect(countParameters(config)).toBe(11 * 12 + block + 2 * 12);
  });

  it("come as the tree that the model reads", () => {
    const config = tinyConfig();
    const names = Object.fromEntries(Object.keys(parameterShapes(config)).map((name) => [name, name]));
    const tree = toTree(config, names);
    expect(tree.blocks).toHaveLength(2);
    expect(tree.blocks[1]?.attention.query.weight).toBe("blocks.1.attention.query.weight");
    expect(tree.head).toBeUndefined();
  });

  it("keep their draws when a layer is added, but for the gain of what goes into the residual stream", () => {
    const two = initialParameters(tinyConfig(), 7);
    const three = initialParameters(tinyConfig({ numLayers: 3 }), 7);
    const scaled = /\.(output|down)\.weight$/;
    for (const [name, { data }] of Object.entries(two)) {
      const other = three[name]?.data;
      if (scaled.test(name)) {
        data.forEach((value, i) => expect(Number(other?.[i])).toBeCloseTo(Number(value) * Math.sqrt(2 / 3), 6));
      } else {
        expect(other, name).toEqual(data);
      }
    }
  });

  it("start as the seed says, each from a stream of its own", () => {
    const config = tinyConfig();
    const a = initialParameters(config, 7);
    expect(initialParameters(config, 7)).toEqual(a);
    expect(initialParameters(config, 8)["tokenEmbedding.weight"]).not.toEqual(a["tokenEmbedding.weight"]);
    const name = (layer: number) => `blocks.${layer}.attention.query.weight`;
    expect(a[name(0)]?.data).not.toEqual(a[name(1)]?.data);
  });

  it("have the standard deviation of their kind, within four standard errors", () => {
    const config = tinyConfig({ modelDim: 96, numHeads: 4 });
    const { data } = initialParameters(config, 7)["blocks.0.attention.output.weight"] ?? zeros([0]);
    const std = Math.sqrt(Array.from(data, Number).reduce((total, x) => total + x * x, 0) / data.length);
    const expected = 1 / Math.sqrt(96) / Math.sqrt(2 * 2);
    // The standard error of a standard deviation from n normal draws is σ / √(2n).
    expect(Math.abs(std - expected)).toBeLessThan((4 * expected) / Math.sqrt(2 * data.length));
  });
});

describe("projections", () => {
  it("differ by layer, seed and redraw, and repeat otherwise", () => {
    const config = tinyConfig();
    const first = drawProjections(config, 7, 0);
    expect(drawProjections(config, 7, 0)).toEqual(first);
    const name = "blocks.0.attention.projection";
    expect(first["blocks.1.attention.projection"]).not.toEqual(first[name]);
    expect(drawProjections(config, 8, 0)[name]).not.toEqual(first[name]);
    expect(drawProjections(config, 7, 1)[name]).not.toEqual(first[name]);
  });

  it("are none for exact attention", () => {
    expect(projectionShapes(tinyConfig({ mechanism: "exact" }))).toEqual({});
  });
});

describe("checkTensors", () => {
  const config = tinyConfig();
  const good: Record<string, NdArray> = { ...initialParameters(config, 7), ...drawProjections(config, 7, 0) };
  const name = "blocks.1.mlp.up.weight";
  const { [name]: _missing, ...without } = good;

  it("accepts exactly the tensors of the configuration", () => {
    expect(() => checkTensors(config, good, "model.safetensors")).not.toThrow();
  });

  it.each([
    [
      "a missing tensor",
      without,
      /^model\.safetensors: tensor 'blocks\.1\.mlp\.up\.weight' must be there, got nothing; /,
    ],
    [
      "an unknown tensor",
      { ...good, extra: zeros([1]) },
      /^model\.safetensors: tensor 'extra' is not one of this model's; /,
    ],
    ["another shape", { ...good, [name]: zeros([12, 17]) }, /must be float32\[17, 12\], got float32\[12, 17\]; /],
    [
      "another dtype",
      { ...good, [name]: zeros([17, 12], "int32") },
      /must be float32\[17, 12\], got int32\[17, 12\]; /,
    ],
    [
      "a missing projection",
      { ...initialParameters(config, 7) },
      /tensor 'blocks\.0\.attention\.projection' must be there/,
    ],
  ])("refuses %s", (_label, tensors, message) => {
    expect(() => checkTensors(config, tensors, "model.safetensors")).toThrow(message);
    expect(() => checkTensors(config, tensors, "model.safetensors")).toThrow(/another architecture/);
  });
});
