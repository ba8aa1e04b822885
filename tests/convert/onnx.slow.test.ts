// Exported models at lengths that they were not built for, against our own forward pass; steps of decoders; and what is refused.

import { describe, expect, it } from "vitest";

import * as ort from "onnxruntime-node";

import { createBackend } from "#engine";
import { ConfigError } from "../../src/attention/parse-options.ts";
import { exportOnnx } from "../../src/convert/index.ts";
import type { ExportableModel, ExportOnnxOptions, OnnxExport } from "../../src/convert/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { createDecoder } from "../../src/inference/decoder.ts";
import type { ModelConfig, ModelOptions } from "../../src/model/config.ts";
import { modelInputs } from "../../src/model/inputs.ts";
import { hiddenStates, logits, type ModelTensors } from "../../src/model/performer.ts";
import { input } from "../../src/ops/source.ts";
import { feedsFor } from "../../src/runtime/backend.ts";
import { present, relativeError, tinyConfig } from "../model/harness.ts";
import { blockOptions, encoderKinds } from "../model/kinds.ts";
import { floats, int64, openExport, tinyModel } from "./onnx.ts";

const backend = createBackend({ threads: 1 });

/** Float32, sums in another order. */
const TOLERANCE = 2e-5;
const MOST = 19;

/** Batches and lengths that no graph was built for, the greatest length among them. */
const sizes = [
  [1, 1],
  [4, 6],
  [2, MOST],
] as const;

/** Ids of which every row but the first has padding behind it. */
function rows(batch: number, length: number) {
  const real = (row: number) => (row === 0 ? length : Math.max(1, length - 2 * row));
  const at = (index: number) => index % length < real(Math.floor(index / length));
  const ids = Array.from({ length: batch * length }, (_, index) => (at(index) ? 4 + ((index * index + 3) % 7) : 0));
  return { ids, mask: ids.map((id) => Number(id !== 0)) };
}

async function own(
  { config, tensors }: ExportableModel,
  ids: readonly number[],
  shape: readonly number[],
  build: (model: ModelTensors, tokenIds: Tensor) => Tensor,
): Promise<Float32Array> {
  const y = build(modelInputs(config), input("tokenIds", shape, "int32"));
  await using graph = await backend.compile({ outputs: { y } });
  return present((await graph.run(feedsFor(graph, { ...tensors, tokenIds: Int32Array.from(ids) })))["y"])
    .data as Float32Array; // declared float32
}

/** The exported graph's output and ours, of tokens that are no padding. */
async function compareEncoder(
  model: ExportableModel,
  options: ExportOnnxOptions,
  build: (model: ModelTensors, tokenIds: Tensor) => Tensor,
  lengths: readonly (readonly [number, number])[] = sizes,
): Promise<OnnxExport> {
  const exported = exportOnnx(model, options);
  const session = await openExport(exported);
  for (const [batch, length] of lengths) {
    const shape = [batch, length];
    const { ids, mask } = rows(batch, length);
    const result = await session.run({ input_ids: int64(ids, shape), attention_mask: int64(mask, shape) });
    const theirs = floats(result[present(session.outputNames[0])]);
    const ours = await own(model, ids, shape, build);
    expect(theirs).toHaveLength(ours.length);
    const width = ours.length / (batch * length);
    const kept = (values: Float32Array) =>
      Number.isInteger(width) ? values.filter((_, index) => mask[Math.floor(index / width)] === 1) : values;
    expect(relativeError(kept(theirs), kept(ours)), `${batch} × ${length}`).toBeLessThan(TOLERANCE);
  }
  await session.release();
  return exported;
}

const encoder = (options: Partial<ModelOptions> = {}) => tinyModel(tinyConfig({ architecture: "encoder", ...options }));

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
    const exported = await compareEncoder(encoder({ mechanism }), {}, hiddenStates);
    expect(exported).toMatchObject({
      modelPath: "onnx/model.onnx",
      longest: MOST,
      inputs: { input_ids: ["batch", "length"], attention_mask: ["batch", "length"] },
      outputs: { last_hidden_state: ["batch", "length", 12] },
    });
  });

  it.each(["rotary", "learned", "sinusoidal", "axial", "none"] as const)("knows positions: %s", async (positions) => {
    await compareEncoder(encoder({ positions }), {}, hiddenStates);
  });

  it.each([
    "rmsnorm",
    "scalenorm after branches",
    "rezero",
    "token shift in a reversible model with rezero",
    "heads of a width of their own",
    "the feed-forward layer in chunks",
  ] as const)("knows blocks with %s", async (name) => {
    await compareEncoder(encoder(blockOptions[name]), {}, hiddenStates);
  });

  it.each(Object.entries(encoderKinds))("gives the predictions of %s", async (_name, options) => {
    const model = tinyModel(tinyConfig(options));
    const build = (tensors: ModelTensors, ids: Tensor) => logits(tensors, ids);
    await compareEncoder(model, { output: "predictions" }, build);
  });

  it("serves one length where its mechanism's graph depends on it, for any batch", async () => {
    const model = encoder({ mechanism: { name: "local", window: 4 } });
    const exported = await compareEncoder(model, { length: 11 }, hiddenStates, [
      [1, 11],
      [4, 11],
    ]);
    expect(exported.inputs).toMatchObject({ input_ids: ["batch", 11] });
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

/** Greedy tokens of several sequences by the exported step. */
async function generate(exported: OnnxExport, first: readonly number[], count: number) {
  const session = await openExport(exported);
  const B = first.length;
  const { states } = exported;
  let past: Record<string, ort.OnnxValue> = Object.fromEntries(
    states.map(({ past: name, shape, dtype, initial }) => [
      name,
      filled(dtype, [B, ...shape.slice(1).map(Number)], initial),
    ]),
  );
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
    past = Object.fromEntries(states.map((state) => [state.past, present(result[state.present])]));
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
    [
      "windows",
      config({ mechanism: { name: "local", window: 4 } }),
      {},
      "the same at all lengths, got one of 'local' that is not",
    ],
    [
      "landmarks",
      config({ mechanism: { name: "nystrom", numLandmarks: 4 } }),
      {},
      "'nystrom' that is not (generalizeGraph: ",
    ],
    ["projections of length", config({ mechanism: "linformer" }), {}, "got one of 'linformer' that is not"],
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
