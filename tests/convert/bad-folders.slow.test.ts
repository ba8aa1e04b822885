/** What is wrong with a pretrained model's folder is told by file, key, rule and what came, whoever wrote it. */

import { normalize } from "node:path/posix";

import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";

import { loadPretrained, memorySource } from "../../src/convert/index.ts";
import { ndarray, type NdArray } from "../../src/graph/ndarray.ts";
import { StorageError } from "../../src/storage/errors.ts";
import { requireInside } from "../../src/storage/file-source.ts";
import { openFolderSource } from "../../src/storage/folder-source.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/storage/safetensors.ts";
import { changedJson, goldenFiles, goldenFolder } from "./golden.ts";

type Files = Record<string, Uint8Array | string>;

const WEIGHTS = "model.safetensors";
let bert: Record<string, Uint8Array>;
let shards: Record<string, Uint8Array>;
let esm: Record<string, Uint8Array>;
beforeAll(async () => {
  [bert, shards, esm] = (await Promise.all((["bert", "bert-bf16-shards", "esm"] as const).map(goldenFiles))) as [
    typeof bert,
    typeof bert,
    typeof bert,
  ];
});

const load = (files: Files) => loadPretrained(memorySource("my-model", files));

/** The message that a folder is refused with. */
async function refusal(files: Files): Promise<string> {
  const error: unknown = await load(files).then(
    () => new Error("nothing was refused"),
    (reason: unknown) => reason,
  );
  return error instanceof Error ? error.message : String(error);
}

const config = (changes: Readonly<Record<string, unknown>>): Files => ({
  ...bert,
  "config.json": changedJson(bert["config.json"], changes),
});

/** With the tensors of its file changed. */
function weights(change: (tensors: Record<string, NdArray>) => Record<string, NdArray | undefined>): Files {
  const { tensors } = decodeSafetensors(bert[WEIGHTS] ?? new Uint8Array(0), { name: WEIGHTS });
  const kept = Object.entries(change(tensors)).flatMap(([key, array]) => (array ? [[key, array] as const] : []));
  return { ...bert, [WEIGHTS]: encodeSafetensors(Object.fromEntries(kept)) };
}

describe("config.json", () => {
  it.each([
    [
      { model_type: "brt" },
      "my-model/config.json: model_type must be one of bert, roberta, distilbert, esm, gpt2, vit, got \"brt\"; the nearest is 'bert'",
    ],
    [{ model_type: undefined }, "model_type must be one of bert, roberta, distilbert, esm, gpt2, vit, got nothing"],
    [{ hidden_size: undefined }, "my-model/config.json: 'hidden_size' must be valid"],
    [{ num_hidden_layers: -1 }, "'num_hidden_layers' must be valid (Too small: expected number to be >0), got -1"],
    [
      { hidden_act: "silu" },
      "'hidden_act' must be valid (one of gelu, gelu_python, gelu_new, gelu_fast, gelu_pytorch_tanh, relu), got \"silu\"",
    ],
    [
      { position_embedding_type: "relative_key" },
      "'position_embedding_type' must be valid (one of absolute), got \"relative_key\"",
    ],
    [{ is_decoder: true }, "'is_decoder' must be valid (one of false), got true"],
    [{ num_attention_heads: 5 }, "my-model/config.json: model: numHeads must divide modelDim 12, got 5"],
    [
      { num_hidden_layers: 3 },
      "'encoder.layer.2.attention.self.query.weight' must be there as float[12, 12], for model_type 'bert', got nothing",
    ],
    [
      { num_hidden_layers: 1 },
      "every weight must be one of model_type 'bert' with the layers that config.json says, got 'encoder.layer.1",
    ],
    [
      { intermediate_size: 24 },
      "'encoder.layer.0.intermediate.dense.weight' must be float[24, 12], as config.json says, got float32[23, 12]",
    ],
  ])("with %j is refused", async (changes, message) => {
    expect(await refusal(config(changes))).toContain(message);
  });

  it("is refused where it is no JSON, no object, or not there", async () => {
    expect(await refusal({ ...bert, "config.json": "{" })).toContain("my-model/config.json must be JSON");
    expect(await refusal({ ...bert, "config.json": "[1]" })).toContain("my-model/config.json: the file must be valid");
    const { "config.json": _, ...others } = bert;
    expect(await refusal(others)).toContain("my-model/config.json: the file must be there, got nothing");
  });

  it("of ESM-2 is refused with places that it has a table for, and other rotary angles", async () => {
    const changed = (changes: object): Files => ({
      ...esm,
      "config.json": changedJson(esm["config.json"], { ...changes }),
    });
    expect(await refusal(changed({ position_embedding_type: "absolute" }))).toContain(
      '(one of rotary), got "absolute"',
    );
    expect(await refusal(changed({ rope_theta: 500 }))).toContain("'rope_theta' must be valid (one of 10000), got 500");
  });
});

describe("model.safetensors", () => {
  it("is refused without any one of its weights, by the name of that one", async () => {
    const { tensors } = decodeSafetensors(bert[WEIGHTS] ?? new Uint8Array(0), { name: WEIGHTS });
    const needed = Object.keys(tensors).filter((key) => !/^pooler|position_ids/.test(key));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...needed), async (key) => {
        const message = await refusal(weights((all) => ({ ...all, [key]: undefined })));
        expect(message).toContain(`my-model/model.safetensors: '${key}' must be there as float[`);
      }),
      { seed: 5, numRuns: 20 },
    );
  });

  it("is refused with a weight that the architecture does not have, integers, and the same weight twice", async () => {
    const one = ndarray(Float32Array.of(1), [1]);
    expect(await refusal(weights((all) => ({ ...all, "encoder.layer.0.crossattention.weight": one })))).toContain(
      "every weight must be one of model_type 'bert' with the layers that config.json says, got 'encoder.layer.0.crossattention.weight'",
    );
    const ids = ndarray(new Int32Array(12), [12]);
    expect(await refusal(weights((all) => ({ ...all, "embeddings.LayerNorm.bias": ids })))).toContain(
      "'embeddings.LayerNorm.bias' must be float[12], as config.json says, got int32[12]",
    );
    expect(
      await refusal(weights((all) => ({ ...all, "embeddings.LayerNorm.beta": ndarray(new Float32Array(12), [12]) }))),
    ).toMatch(
      /a weight must be there once, got 'embeddings\.LayerNorm\.(beta|bias)' and 'embeddings\.LayerNorm\.(beta|bias)'/,
    );
  });

  it("is refused wherever it was cut short", async () => {
    const whole = bert[WEIGHTS] ?? new Uint8Array(0);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: whole.length - 1 }), async (length) => {
        expect(await refusal({ ...bert, [WEIGHTS]: whole.subarray(0, length) })).toMatch(
          /^my-model\/model\.safetensors: /,
        );
      }),
      { seed: 7, numRuns: 50 },
    );
  });

  it("is refused with a header that claims to be longer than any memory", async () => {
    const damaged = (bert[WEIGHTS] ?? new Uint8Array(0)).slice();
    new DataView(damaged.buffer).setBigUint64(0, 2n ** 63n, true);
    expect(await refusal({ ...bert, [WEIGHTS]: damaged })).toContain(
      "my-model/model.safetensors: the header of a safetensors file is at most 100000000 bytes, but this file states 9223372036854775808",
    );
  });

  it("must be there: a pickled file is a program, and is not read", async () => {
    const { [WEIGHTS]: _, ...others } = bert;
    expect(await refusal(others)).toContain("got neither it nor an index of shards");
    expect(await refusal({ ...others, "pytorch_model.bin": "PK" })).toContain(
      "the weights must be there as safetensors, got pytorch_model.bin alone, a program rather than data; save it anew",
    );
  });
});

describe("shards", () => {
  const INDEX = "model.safetensors.index.json";
  const FIRST = "model-00001-of-00003.safetensors";
  const map = () =>
    (JSON.parse(new TextDecoder().decode(shards[INDEX])) as { weight_map: Record<string, string> }).weight_map;
  const index = (weight_map: unknown): Files => ({ ...shards, [INDEX]: JSON.stringify({ metadata: {}, weight_map }) });

  it("are refused outside their folder", async () => {
    for (const path of ["../other/model.safetensors", "/etc/passwd", "a\\..\\b", "C:model", "a/../../b", ""]) {
      const changed = { ...map(), "embeddings.LayerNorm.bias": path };
      expect(await refusal(index(changed))).toContain(
        `my-model/${INDEX}: a path must stay in its folder, got ${JSON.stringify(path)}`,
      );
    }
  });

  it("are refused where one is missing or cut short, or does not hold what the index says", async () => {
    const { [FIRST]: first = new Uint8Array(0), ...others } = shards;
    expect(await refusal(others)).toContain(`my-model/${INDEX}: every shard must be there, got no "${FIRST}"`);
    expect(await refusal({ ...shards, [FIRST]: first.subarray(0, -1) })).toMatch(
      /^my-model\/model-00001-of-00003\.safetensors: tensor .*the file was cut short/,
    );
    const [key = ""] = Object.entries(map()).find(([, file]) => file === FIRST) ?? [];
    expect(await refusal(index({ ...map(), [key]: "model-00002-of-00003.safetensors" }))).toContain(
      `'${key}' must be in the shard that my-model/${INDEX} lists, got model-00002-of-00003.safetensors in the list`,
    );
    expect(await refusal(index({ ...map(), another: FIRST }))).toContain(
      `my-model/${FIRST}: 'another' must be there, as my-model/${INDEX} lists, got nothing`,
    );
    expect(await refusal(index([1]))).toContain(`my-model/${INDEX}: 'weight_map' must be valid`);
  });
});

describe("the tokenizer", () => {
  it("must be there, be one, and have the model's tokens", async () => {
    const { "tokenizer.json": tokenizer, ...others } = bert;
    expect(await refusal(others)).toContain("my-model/tokenizer.json: the tokenizer must be there, got nothing");
    expect(await refusal({ ...others, "tokenizer.json": "{}" })).toContain("must be that of a tokenizer.json");
    expect(await refusal(config({ vocab_size: 25 }))).toContain(
      "my-model/tokenizer.json: the tokenizer must have the 25 tokens of vocab_size in config.json (or up to 127 fewer), got 26",
    );
    expect(await refusal({ ...config({ vocab_size: 200 }), "tokenizer.json": tokenizer ?? "" })).toContain(
      "the 200 tokens of vocab_size in config.json (or up to 127 fewer), got 26",
    );
  });
});

describe("modules of sentence-transformers", () => {
  const folder = (
    types: readonly (readonly [string, string])[],
    pooling: object = { pooling_mode_mean_tokens: true },
  ): Files => ({
    ...bert,
    "modules.json": JSON.stringify(
      types.map(([type, path]) => ({ type: `sentence_transformers.models.${type}`, path })),
    ),
    "1_Pooling/config.json": JSON.stringify(pooling),
  });

  it("are refused where they compute what is not computed here, or lie outside the folder", async () => {
    const usual = [
      ["Transformer", ""],
      ["Pooling", "1_Pooling"],
    ] as const;
    expect(await refusal(folder([...usual, ["Dense", "2_Dense"]]))).toContain(
      "my-model/modules.json: modules must be Transformer, Pooling or Normalize, got Dense",
    );
    expect(await refusal(folder([["Transformer", ""]]))).toContain("modules must be a Pooling, got none");
    expect(
      await refusal(
        folder([
          ["Transformer", "../x"],
          ["Pooling", "1_Pooling"],
        ]),
      ),
    ).toContain('my-model/modules.json: a path must stay in its folder, got "../x"');
    for (const [pooling, got] of [
      [{ pooling_mode_max_tokens: true }, "pooling_mode_max_tokens"],
      [
        { pooling_mode_mean_tokens: true, pooling_mode_cls_token: true },
        "pooling_mode_mean_tokens and pooling_mode_cls_token",
      ],
      [{}, "none"],
      [{ pooling_mode: "constructor" }, "constructor"],
    ] as const) {
      expect(await refusal(folder(usual, pooling))).toContain(`my-model/1_Pooling/config.json: pooling must be one of`);
      expect(await refusal(folder(usual, pooling))).toContain(`got ${got}; use a model`);
    }
  });
});

describe("paths", () => {
  it("are let through only where they stay inside", () => {
    const part = fc.constantFrom("..", ".", "", "a", "b.json", "..a", "C:", "x\\y");
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), (parts) => {
        const path = parts.join("/");
        let isAccepted = true;
        try {
          requireInside("test", path);
        } catch (error) {
          expect(error).toBeInstanceOf(StorageError);
          isAccepted = false;
        }
        const resolved = normalize(`/folder/${path}`);
        if (isAccepted) expect(resolved).toBe(`/folder/${path}`);
        // Plain names are not refused.
        if (parts.every((each) => /^(a|b\.json|\.\.a)$/.test(each))) expect(isAccepted).toBe(true);
      }),
      { seed: 3, numRuns: 300 },
    );
  });

  it("of a folder on the disk are refused outside it, and files that are not there are undefined", async () => {
    const source = await openFolderSource(goldenFolder("bert"));
    await expect(source.read("../bert/config.json")).rejects.toThrow("a path must stay in its folder");
    expect(await source.read("nothing.json")).toBeUndefined();
    expect(await source.read("config.json/inside")).toBeUndefined();
    await expect(openFolderSource(`${goldenFolder("bert")}/none`)).rejects.toThrow("there is no such folder");
  });
});
