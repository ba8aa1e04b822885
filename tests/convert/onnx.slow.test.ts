/**
 * Exported models at lengths that they were not built for, against our own forward pass; steps of decoders; and what is
 * refused.
 */

import { describe, expect, it } from "vitest";

import * as ort from "onnxruntime-node";

import { createBackend } from "#engine";
import { ConfigError } from "../../src/graph/errors.ts";
import { exportOnnx, type ExportOnnxOptions, type OnnxExport } from "../../src/convert/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { createDecoder } from "../../src/inference/decoder.ts";
import type { ModelConfig, ModelOptions } from "../../src/model/config.ts";
import { hiddenStates, logits, type ModelTensors } from "../../src/model/performer.ts";
import { present, relativeError, tinyConfig } from "../model/harness.ts";
import { blockOptions, encoderKinds } from "../model/kinds.ts";
import { compareEncoder, TOLERANCE, tinyEncoder as encoder } from "./onnx-encoders.ts";
import { floats, int64, openExport, tinyModel } from "./onnx.ts";

const backend = createBackend({ threads: 1 });

const MOST = 19;

/** Batches and lengths that no graph was built for, the greatest length among them. */
const sizes = [
  [1, 1],
  [4, 6],
  [2, MOST],
] as const;

describe("an exported encoder", () => {
  const mechanisms = {
    exact: "exact",
    favor: "favor",
    "favor-relu": "favor-relu",
    "favor-trigonometric": "favor-trigonometric",
    "favor-saderf": "favor-saderf",
    linear: "linear",
    efficient: "efficient",
    cosformer: { name: "cosformer", maxLength: MOST },
    "another one in each layer": ["exact", "favor"],
  } as const satisfies Record<string, ModelOptions["mechanism"]>;

  it.each(Object.entries(mechanisms))("gives our states at any length: %s", async (_name, mechanism) => {
    const exported = await compareEncoder(encoder({ mechanism }), {}, hiddenStates, sizes);
    expect(exported).toMatchObject({
      modelPath: "onnx/model.onnx",
      longest: MOST,
      inputs: { input_ids: ["batch", "length"], attention_mask: ["batch", "length"] },
      outputs: { last_hidden_state: ["batch", "length", 12] },
    });
  });

  it.each(["rotary", "learned", "sinusoidal", "axial", "none"] as const)("knows positions: %s", async (positions) => {
    await compareEncoder(encoder({ positions }), {}, hiddenStates, sizes);
  });

  it.each([
    "rmsnorm",
    "scalenorm after branches",
    "rezero",
    "token shift in a reversible model with rezero",
    "heads of a width of their own",
    "the feed-forward layer in chunks",
  ] as const)("knows blocks with %s", async (name) => {
    await compareEncoder(encoder(blockOptions[name]), {}, hiddenStates, sizes);
  });

  it.each(Object.entries(encoderKinds))("gives the predictions of %s", async (_name, options) => {
    const model = tinyModel(tinyConfig(options));
    const build = (tensors: ModelTensors, ids: Tensor) => logits(tensors, ids);
    await compareEncoder(model, { output: "predictions" }, build, sizes);
  });

  it("holds standard ops alone", async () => {
    const { files, modelPath } = exportOnnx(encoder({ positions: "rotary" }));
    const text = new TextDecoder("latin1").decode(present(files[modelPath]) as Uint8Array);
    // Once, where the file says which sets of ops exist.
    expect(text.split("com.microsoft")).toHaveLength(2);
    expect(text).toContain("numFeatures");
  });
});

describe("weights in fewer bits", () => {
  // Wide enough that weights are most of the file, and the table of tokens is large.
  const model = tinyModel(
    tinyConfig({ architecture: "encoder", modelDim: 96, mlpDim: 256, maxSeqLen: 720, positions: "learned" }),
  );
  const ids = [4, 5, 6, 7, 9];
  const shape = [1, ids.length];
  const statesOf = async (exported: OnnxExport) => {
    const session = await openExport(exported);
    const result = await session.run({
      input_ids: int64(ids, shape),
      attention_mask: int64(
        ids.map(() => 1),
        shape,
      ),
    });
    await session.release();
    return floats(result["last_hidden_state"]);
  };

  it.each([
    ["fp16", "float16", "onnx/model_fp16.onnx", 0.55, 1e-3],
    ["q8", "int8", "onnx/model_quantized.onnx", 0.4, 0.05],
  ] as const)("%s: a smaller file with nearly the same states", async (dtype, known, modelPath, share, tolerance) => {
    const plain = exportOnnx(model);
    const small = exportOnnx(model, { dtype });
    expect(small).toMatchObject({ dtype: known, modelPath });
    expect(small.sizeBytes).toBeLessThan(share * plain.sizeBytes);
    const error = relativeError(await statesOf(small), await statesOf(plain));
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(tolerance);
  });
});

/** The most probable token again and again. */
function argmax(values: Float32Array): number {
  return values.indexOf(Math.max(...values));
}

/** What a decoder begins with. */
function beginning({ states }: OnnxExport, B: number): Record<string, ort.OnnxValue> {
  return Object.fromEntries(
    states.map(({ past: name, shape, dtype, initial }) => [
      name,
      filled(dtype, [B, ...shape.slice(1).map(Number)], initial),
    ]),
  );
}

function behind({ states }: OnnxExport, results: ort.InferenceSession.OnnxValueMapType) {
  return Object.fromEntries(states.map((state) => [state.past, present(results[state.present])]));
}

/** States of sequences side by side. */
function joined(states: readonly Readonly<Record<string, ort.OnnxValue>>[]): Record<string, ort.OnnxValue> {
  return Object.fromEntries(
    Object.keys(present(states[0])).map((name) => {
      const tensors = states.map((each) => each[name] as ort.Tensor); // of the same model
      const [, ...axes] = present(tensors[0]).dims;
      const data = tensors.flatMap(({ data: own }) => Array.from(own as ArrayLike<number | bigint>, Number));
      const { type } = present(tensors[0]);
      const shape = [states.length, ...axes];
      return [name, type === "int64" ? int64(data, shape) : new ort.Tensor("float32", Float32Array.from(data), shape)];
    }),
  );
}

/** Greedy tokens of several sequences by the exported step. */
async function generate(exported: OnnxExport, first: readonly number[], count: number) {
  const session = await openExport(exported);
  const B = first.length;
  let past = beginning(exported, B);
  let tokens = [...first];
  const read: number[][] = [];
  const steps: Float32Array[] = [];
  for (let step = 0; step < count; step++) {
    const result = await session.run({ input_ids: int64(tokens, [B, 1]), ...past });
    const all = floats(result["logits"]);
    steps.push(all.slice());
    const width = all.length / B;
    tokens = tokens.map((_, row) => argmax(all.subarray(row * width, (row + 1) * width)));
    read.push(tokens);
    past = behind(exported, result);
  }
  await session.release();
  return { read, steps };
}

function filled(dtype: string, shape: readonly number[], value: number): ort.Tensor {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value);
  return dtype === "int64" ? int64(data, shape) : new ort.Tensor("float32", data, shape);
}

describe("an exported decoder", () => {
  const models: Readonly<Record<string, Partial<ModelOptions>>> = {
    favor: {},
    "favor, learned positions": { positions: "learned" },
    "favor, sinusoidal positions": { positions: "sinusoidal" },
    "favor, axial positions": { positions: "axial" },
    "favor, token shift": { tokenShift: true, positions: "none" },
    "favor-relu": { mechanism: "favor-relu" },
    linear: { mechanism: "linear" },
    cosformer: { mechanism: { name: "cosformer", maxLength: MOST } },
    local: { mechanism: { name: "local", window: 4 } },
    "heads of several kinds, reversible": { mechanism: ["favor", "linear"], reversible: true },
  };

  it.each(Object.entries(models))("generates what our decoder does: %s", async (_name, options) => {
    const model = tinyModel(tinyConfig(options));
    const exported = exportOnnx(model);
    expect(exported.modelPath).toBe("onnx/decoder_model.onnx");
    expect(exported.states[0]).toEqual({
      past: "past.position",
      present: "present.position",
      dtype: "int64",
      shape: ["batch"],
      initial: 0,
    });
    const first = [4, 5, 9];
    const { read, steps } = await generate(exported, first, MOST);
    await using decoder = await createDecoder(model.config, model.tensors, backend, first.length);
    let tokens = first;
    for (const [step, theirs] of steps.entries()) {
      const ours = await decoder.next(Int32Array.from(tokens));
      expect(relativeError(theirs, ours), `step ${step}`).toBeLessThan(TOLERANCE);
      tokens = present(read[step]);
      const { vocabSize } = model.config;
      expect(tokens).toEqual(first.map((_, row) => argmax(ours.subarray(row * vocabSize, (row + 1) * vocabSize))));
    }
  });
});

describe("an exported decoder that reads parts of any length", () => {
  const models: Readonly<Record<string, Partial<ModelOptions>>> = {
    favor: {},
    "favor, learned positions": { positions: "learned" },
    "favor, sinusoidal positions and token shift": { positions: "sinusoidal", tokenShift: true },
    "favor, axial positions": { positions: "axial" },
    "favor-relu": { mechanism: "favor-relu" },
    "favor-hyperbolic": { mechanism: "favor-hyperbolic" },
    linear: { mechanism: "linear" },
    cosformer: { mechanism: { name: "cosformer", maxLength: MOST } },
    local: { mechanism: { name: "local", window: 4 } },
    "local heads beside others": {
      mechanism: {
        heads: [
          { name: "local", window: 3, numHeads: 1 },
          { name: "favor", numHeads: 1 },
        ],
      },
    },
  };
  /**
   * Exponents in the hundreds, of which float32 keeps 1e-5: features are as exact as that, and there are two layers of
   * weights behind them.
   */
  const LOUD_TOLERANCE = 1e-3;
  /** Parts that the sequence is read in: longer and shorter than windows, and single tokens. */
  const parts = [7, 1, 1, 2, 8];

  it.each(Object.entries(models))("tells what our decoder tells, token by token: %s", async (_name, options) => {
    const model = tinyModel(tinyConfig(options));
    const exported = exportOnnx(model, { linearAttention: true });
    expect(exported.inputs["input_ids"]).toEqual(["batch", "length"]);
    expect(exported.outputs["logits"]).toEqual(["batch", "length", model.config.vocabSize]);
    const [B, V] = [3, model.config.vocabSize];
    const tokenOf = (row: number, at: number) => 4 + ((at * at + 3 * row + 1) % 7);
    const session = await openExport(exported);
    await using decoder = await createDecoder(model.config, model.tensors, backend, B);
    let past = beginning(exported, B);
    let start = 0;
    for (const length of parts) {
      const ids = Array.from({ length: B * length }, (_, i) => tokenOf(Math.floor(i / length), start + (i % length)));
      const results = await session.run({ input_ids: int64(ids, [B, length]), ...past });
      const theirs = floats(results["logits"]);
      for (let t = 0; t < length; t++) {
        const ours = await decoder.next(Int32Array.from({ length: B }, (_, row) => tokenOf(row, start + t)));
        const rows = Array.from({ length: B }, (_, row) =>
          theirs.subarray((row * length + t) * V, (row * length + t + 1) * V),
        );
        const together = Float32Array.from(rows.flatMap((row) => [...row]));
        expect(relativeError(together, ours), `token ${start + t}`).toBeLessThan(TOLERANCE);
      }
      past = behind(exported, results);
      start += length;
    }
    await session.release();
  });

  it.each(["favor", "favor, learned positions", "favor, axial positions", "cosformer", "local"])(
    "goes on with sequences that stand at places of their own: %s",
    async (name) => {
      const model = tinyModel(tinyConfig(present(models[name])));
      const exported = exportOnnx(model, { linearAttention: true });
      const session = await openExport(exported);
      const V = model.config.vocabSize;
      const prompts = [
        [4, 7, 9, 5, 6],
        [8, 5],
      ];
      const continued = [
        [6, 6, 4],
        [9, 4, 7],
      ];
      const states = [];
      for (const ids of prompts) {
        const results = await session.run({ input_ids: int64(ids, [1, ids.length]), ...beginning(exported, 1) });
        states.push(behind(exported, results));
      }
      const results = await session.run({ input_ids: int64(continued.flat(), [2, 3]), ...joined(states) });
      const theirs = floats(results["logits"]);
      for (const [row, ids] of continued.entries()) {
        await using decoder = await createDecoder(model.config, model.tensors, backend, 1);
        for (const id of present(prompts[row])) await decoder.next(Int32Array.of(id));
        for (const [t, id] of ids.entries()) {
          const ours = await decoder.next(Int32Array.of(id));
          const at = (3 * row + t) * V;
          expect(relativeError(theirs.subarray(at, at + V), ours), `row ${row}, token ${t}`).toBeLessThan(TOLERANCE);
        }
      }
      await session.release();
    },
  );

  it("keeps its sums finite where keys grow, as a step after the other does", async () => {
    const model = tinyModel(tinyConfig({ numLayers: 1 }));
    // Scores in the hundreds: features beyond float32 without their maximum.
    const key = Object.keys(model.tensors).find((name) => name.endsWith("attention.key.weight"));
    const loud = present(model.tensors[present(key)]);
    const tensors = {
      ...model.tensors,
      [present(key)]: { ...loud, data: Float32Array.from(loud.data as Float32Array, (x) => 100 * x) },
    };
    const exported = exportOnnx({ ...model, tensors }, { linearAttention: true });
    const session = await openExport(exported);
    const ids = Array.from({ length: MOST }, (_, at) => 4 + ((at * at + 1) % 7));
    const whole = await session.run({ input_ids: int64(ids, [1, MOST]), ...beginning(exported, 1) });
    await using decoder = await createDecoder(model.config, tensors, backend, 1);
    const theirs = floats(whole["logits"]);
    const V = model.config.vocabSize;
    for (const [at, id] of ids.entries()) {
      const ours = await decoder.next(Int32Array.of(id));
      expect(relativeError(theirs.subarray(at * V, (at + 1) * V), ours), `token ${at}`).toBeLessThan(LOUD_TOLERANCE);
    }
    await session.release();
  });
});

describe("exportOnnx refuses", () => {
  const config = (options: Partial<ModelOptions>): ModelConfig => tinyConfig({ architecture: "encoder", ...options });
  it.each<[string, ModelConfig, ExportOnnxOptions, string]>([
    [
      "encoder–decoders",
      tinyConfig({ architecture: "encoder-decoder" }),
      {},
      "must have one stack of blocks, got 'encoder-decoder'",
    ],
    [
      "decoders that keep all keys",
      tinyConfig({ mechanism: "exact" }),
      {},
      "must have a state of fixed size, got 'exact'; put another",
    ],
    [
      "decoders with labels",
      tinyConfig({ head: "regression" }),
      {},
      "a decoder must predict tokens, got head 'regression'",
    ],
    ["lengths of a decoder", tinyConfig(), { length: 17 }, "output and length must come with an encoder"],
    ["whole prompts of an encoder", config({}), { linearAttention: true }, "linearAttention must come with a decoder"],
    [
      "whole prompts by segments with a memory",
      tinyConfig({ mechanism: { name: "transformer-xl", segmentLength: 4, memoryLength: 4 } }),
      { linearAttention: true },
      "with linearAttention all heads must be linear attention",
    ],
    [
      "landmarks",
      config({ mechanism: { name: "nystrom", numLandmarks: 4 } }),
      {},
      "'nystrom' that is not (generalizeGraph: ",
    ],
    [
      "more positions than a table has",
      config({ positions: "learned" }),
      { maxLength: 31 },
      "maxLength must be at most 19, got 31",
    ],
    ["no positions", config({}), { maxLength: 0 }, "maxLength must be a positive whole number, got 0"],
    ["tables too short to be checked", config({ maxSeqLen: 8 }), {}, "maxLength must be at least 16, got 8"],
    ["predictions of a body", config({ head: "none" }), { output: "predictions" }, "must come with a head"],
  ])("%s", (_case, wrong, options, message) => {
    const attempt = () => exportOnnx(tinyModel(wrong), options);
    expect(attempt).toThrow(ConfigError);
    expect(attempt).toThrow(message);
  });

  it("an unknown dtype", () => {
    const wrong = { dtype: "int4" } as unknown as ExportOnnxOptions; // what a caller without types may give
    expect(() => exportOnnx(encoder(), wrong)).toThrow(
      "must be one of float32, float16, int8, fp32, fp16, q8, got 'int4'",
    );
  });

  it("weights of another model", () => {
    const model = encoder();
    expect(() => exportOnnx({ ...model, tensors: {} })).toThrow(
      "exportOnnx: tensor 'tokenEmbedding.weight' must be there",
    );
  });
});
