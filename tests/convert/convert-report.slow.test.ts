/**
 * What a conversion changes, measured: errors fall with features, and queries and keys in another basis are the same to
 * exact attention.
 */

import { describe, expect, it } from "vitest";

import { createBackend } from "#engine";
import {
  calibrateAttention,
  convertModel,
  embedTexts,
  reportConversion,
  type ConvertOptions,
} from "../../src/convert/index.ts";
import { toFloat32, type NdArray } from "../../src/graph/ndarray.ts";
import type { ModelConfig, ModelOptions } from "../../src/model/config.ts";
import { createRandom } from "../../src/random/index.ts";
import { tinyConfig, tinyTensors } from "../model/harness.ts";
import { largestDifference, loadGolden } from "./golden.ts";

const backend = createBackend();
const texts = ["a man is eating food", "the woman eats bread with a man", "a man eats"];

/** One map alone, as near as it is. */
const plain = { candidates: [], redraws: 8, wantedError: 3 } as const;

/** A model whose keys are long, share a direction, and differ in length by dimension, as those of pretrained models. */
function model(options: Partial<ModelOptions> = {}): {
  readonly config: ModelConfig;
  readonly tensors: Record<string, NdArray>;
} {
  const config = tinyConfig({
    architecture: "encoder",
    mechanism: "exact",
    positions: "learned",
    vocabSize: 23,
    ...options,
  });
  const tensors = tinyTensors(config);
  for (let layer = 0; layer < config.numLayers; layer++) {
    const name = `blocks.${layer}.attention.key`;
    for (const [part, added] of [
      ["weight", 0],
      ["bias", 2],
    ] as const) {
      const old = tensors[`${name}.${part}`];
      if (old === undefined) continue;
      const width = old.data.length / config.modelDim;
      const data = toFloat32(old).map((value, index) => value * (1 + 2 * (Math.floor(index / width) % 3)) + added);
      tensors[`${name}.${part}`] = { ...old, data };
    }
  }
  return { config, tensors };
}

function tokens({ vocabSize }: ModelConfig, count: number, length: number, seed: number): readonly Int32Array[] {
  const random = createRandom(seed, "tokens");
  return Array.from({ length: count }, () => Int32Array.from({ length }, () => 1 + random.integer(vocabSize - 1)));
}

describe("reportConversion", () => {
  it("finds less error with more features, in every layer of a pretrained model", async () => {
    const bert = await loadGolden("bert");
    const report = async (numFeatures: number) =>
      reportConversion({
        model: bert,
        converted: convertModel(bert, { mechanism: "favor", numFeatures, seed: 0 }),
        tokenIds: texts.map((text) => bert.encode(text).tokenIds),
        backend,
        ...plain,
      });
    const [few, many] = [await report(4), await report(1024)];
    expect(many).toMatchObject({ mechanism: "favor", projection: "orthogonal", numFeatures: 1024, sequences: 3 });
    expect(many?.tokens).toBe(3 * (many?.length ?? 0));
    expect(many?.layers.map(({ layer }) => layer)).toEqual(Array.from({ length: bert.config.numLayers }, (_, i) => i));
    // More slowly than √numFeatures, for few rows underestimate what they miss.
    for (const [index, { outputError }] of (many?.layers ?? []).entries()) {
      expect(outputError).toBeLessThan((few?.layers[index]?.outputError ?? 0) / 1.5);
    }
  });

  it("is of the layers that changed, and says what each head needs", async () => {
    const subject = model();
    const converted = convertModel(subject, { mechanism: "favor", layers: [1], seed: 0 });
    const tokenIds = tokens(subject.config, 2, 11, 1);
    const found = await reportConversion({ model: subject, converted, tokenIds, backend, redraws: 4 });
    const [only, ...others] = found?.layers ?? [];
    expect(others).toEqual([]);
    expect(only?.layer).toBe(1);
    expect(only?.heads).toHaveLength(subject.config.numHeads);
    const mean = (only?.heads ?? []).reduce((sum, { outputError }) => sum + (outputError ?? Number.NaN), 0) / 2;
    expect(only?.outputError).toBeCloseTo(mean, 12);
    expect(only?.bestError).toBeLessThanOrEqual(only?.outputError ?? 0);
  });

  it("reads sequences of any lengths, cut to one", async () => {
    const subject = model();
    const converted = convertModel(subject, { mechanism: "favor", seed: 0 });
    const tokenIds = [...tokens(subject.config, 1, 7, 1), ...tokens(subject.config, 1, 13, 2)];
    const found = await reportConversion({ model: subject, converted, tokenIds, backend, ...plain });
    expect(found).toMatchObject({ sequences: 2, length: 7, tokens: 14 });
  });

  it("has nothing to say of a mechanism without features, and refuses to measure on nothing", async () => {
    const subject = model();
    const report = async (mechanism: ConvertOptions["mechanism"], tokenIds: readonly Int32Array[]) =>
      reportConversion({ model: subject, converted: convertModel(subject, { mechanism, seed: 0 }), tokenIds, backend });
    expect(await report({ name: "local", window: 5 }, tokens(subject.config, 1, 7, 1))).toBeUndefined();
    await expect(report("favor", [])).rejects.toThrow(
      "reportConversion: tokenIds must hold sequences of one token or more",
    );
  });
});

describe("calibrateAttention", () => {
  it("leaves exact attention as it is", async () => {
    for (const name of ["bert", "gpt2"] as const) {
      const before = await loadGolden(name);
      const tokenIds = texts.map((text) => before.encode(text).tokenIds);
      const tensors = await calibrateAttention({ config: before.config, tensors: before.tensors, tokenIds, backend });
      const changed = Object.keys(tensors).filter((each) => tensors[each] !== before.tensors[each]);
      expect(changed).toHaveLength(4 * before.config.numLayers);
      const options = { backend, pooling: "residues" } as const;
      const [first, second] = [
        await embedTexts(before, texts, options),
        await embedTexts({ ...before, tensors }, texts, options),
      ];
      for (const [index, { data }] of first.entries()) {
        expect(largestDifference(second[index]?.data ?? [], [...data])).toBeLessThan(2e-5);
      }
    }
  });

  it("brings random features nearer to it, on other sequences than it was made on", async () => {
    const subject = model();
    const { config } = subject;
    const tensors = await calibrateAttention({ ...subject, tokenIds: tokens(config, 30, 17, 1), backend });
    const errors = async (of: Parameters<typeof convertModel>[0]) => {
      const converted = convertModel(of, { mechanism: "favor", numFeatures: 32, seed: 0 });
      const found = await reportConversion({
        model: of,
        converted,
        tokenIds: tokens(config, 8, 17, 2),
        backend,
        ...plain,
      });
      return (found?.layers ?? []).map(({ outputError }) => outputError ?? Number.POSITIVE_INFINITY);
    };
    const [before, after] = [await errors(subject), await errors({ config, tensors })];
    expect(after).toHaveLength(config.numLayers);
    for (const [layer, error] of after.entries()) expect(error).toBeLessThan((before[layer] ?? 0) / 2);
  });

  it("changes chosen layers alone", async () => {
    const subject = model();
    const tensors = await calibrateAttention({
      ...subject,
      tokenIds: tokens(subject.config, 3, 17, 1),
      backend,
      layers: [1],
    });
    const changed = Object.keys(tensors).filter((name) => tensors[name] !== subject.tensors[name]);
    expect(changed.toSorted()).toEqual(
      ["key.bias", "key.weight", "query.bias", "query.weight"].map((part) => `blocks.1.attention.${part}`),
    );
  });

  it("is finite where a head sees the same in every token", async () => {
    const subject = model();
    const tokenIds = [Int32Array.from({ length: 11 }, () => 5)];
    const config = { ...subject.config, positions: "none" } as const;
    const { "positionEmbedding.weight": _table, ...rest } = subject.tensors;
    const tensors = await calibrateAttention({ config, tensors: rest, tokenIds, backend });
    for (const { data } of Object.values(tensors))
      expect(data.every((value) => Number.isFinite(Number(value)))).toBe(true);
  });

  it.each([
    ["rotary positions", { positions: "rotary" }, 3, "positions must be part of the states, got 'rotary'"],
    [
      "a layer that is not exact",
      { mechanism: ["exact", "favor"] },
      3,
      "attention must know queries and keys by their products alone, got 'favor' in layer 1;",
    ],
    ["layers that are not there", {}, 3, "layers must be distinct numbers from 0 to 1, got 0, 2;", [0, 2]],
    ["too few tokens", {}, 1, "at least as many tokens as a head is wide, 6, got 5;"],
  ] as const)("refuses %s", async (_case, options, count, message, layers?: readonly number[]) => {
    const config = tinyConfig({ mechanism: "exact", positions: "learned", ...options });
    const given = { config, tensors: tinyTensors(config), tokenIds: tokens(config, count, 5, 1), backend };
    await expect(calibrateAttention({ ...given, ...(layers && { layers }) })).rejects.toThrow(message);
  });
});
