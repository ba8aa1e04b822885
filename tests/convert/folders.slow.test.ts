/**
 * What a pretrained model's folder says of itself is what is done: names of early files, heads, pooling, prompts, the
 * longest text.
 */

import { beforeAll, describe, expect, it } from "vitest";

import { createBackend } from "#engine";
import { embedTexts, isPretrained, loadPretrained, memorySource } from "../../src/convert/index.ts";
import { ndarray, toFloat32, type NdArray } from "../../src/graph/ndarray.ts";
import { generate } from "../../src/inference/generate.ts";
import { scoreSequences } from "../../src/inference/score.ts";
import { withFreshHead } from "../../src/model/fresh-head.ts";
import { modelInputs } from "../../src/model/inputs.ts";
import { logits } from "../../src/model/performer.ts";
import { input } from "../../src/ops/source.ts";
import { PerformerForSequenceClassification } from "../../src/models/performer-for-sequence-classification.ts";
import { feedsFor } from "../../src/runtime/backend.ts";
import { createExecution } from "../../src/training/choose-execution.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/storage/safetensors.ts";
import { changedJson, goldenFiles, loadGolden, readGolden } from "./golden.ts";

type Files = Record<string, Uint8Array | string>;

const WEIGHTS = "model.safetensors";
const backend = createBackend();
let bert: Record<string, Uint8Array>;
let gpt2: Record<string, Uint8Array>;
beforeAll(async () => {
  bert = await goldenFiles("bert");
  gpt2 = await goldenFiles("gpt2");
});

const load = (files: Files) => loadPretrained(memorySource("my-model", files));

function tensorsOf(files: Record<string, Uint8Array>): Record<string, NdArray> {
  return decodeSafetensors(files[WEIGHTS] ?? new Uint8Array(0), { name: WEIGHTS }).tensors;
}

describe("weights", () => {
  it("are the same behind the prefix of a model with a head, under the names of early files, with the head left out", async () => {
    const renamed = Object.entries(tensorsOf(bert)).map(([key, array]): [string, NdArray] => [
      `bert.${key.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")}`,
      array,
    ]);
    const head = { "cls.predictions.bias": ndarray(new Float32Array(26), [26]) };
    const model = await load({ ...bert, [WEIGHTS]: encodeSafetensors({ ...Object.fromEntries(renamed), ...head }) });
    expect(model.tensors).toEqual((await loadGolden("bert")).tensors);
    expect(model.unused.map(({ key }) => key).toSorted()).toEqual([
      "bert.pooler.dense.bias",
      "bert.pooler.dense.weight",
      "cls.predictions.bias",
    ]);
  });

  it("may be those of a variant in other precision, where there are no others", async () => {
    const { [WEIGHTS]: weights = new Uint8Array(0), ...others } = bert;
    const variant = { ...others, "model.fp16.safetensors": weights };
    expect((await load(variant)).tensors).toEqual((await loadGolden("bert")).tensors);
    const zero = Object.entries(tensorsOf(bert)).map(([key, { shape, data }]): [string, NdArray] => [
      key,
      ndarray(new Float32Array(data.length), shape),
    ]);
    const first = await load({ ...variant, [WEIGHTS]: encodeSafetensors(Object.fromEntries(zero)) });
    expect(Object.values(first.tensors).every(({ data }) => data.every((value) => value === 0))).toBe(true);
  });

  it("of GPT-2's head are those of its table of tokens, or its own where the two are not tied", async () => {
    const tensors = tensorsOf(gpt2);
    const table = tensors["transformer.wte.weight"] ?? ndarray(new Float32Array(0), [0]);
    const head = ndarray(
      toFloat32(table).map((value) => value / 2),
      table.shape,
    );
    const files = { ...gpt2, [WEIGHTS]: encodeSafetensors({ ...tensors, "lm_head.weight": head }) };
    const tied = await load(files);
    expect(tied.unused).toEqual([{ key: "lm_head.weight", reason: "the table of tokens once more" }]);
    expect(tied.tensors["head.weight"]).toBeUndefined();
    const untied = await load({
      ...files,
      "config.json": changedJson(gpt2["config.json"], { tie_word_embeddings: false }),
    });
    expect(untied.tensors["head.weight"]).toEqual(head);
    expect(untied.unused).toEqual([]);
  });
});

describe("GPT-2", () => {
  it("generates: with temperature 0 the most probable token behind its end token and the prompt", async () => {
    const { config, tensors, vocabulary } = await loadGolden("gpt2");
    const ids = [vocabulary.eosId, ...vocabulary.encode("a man")];
    const tokenIds = ndarray(Int32Array.from(ids), [1, ids.length]);
    const y = logits(modelInputs(config), input("tokenIds", tokenIds.shape, "int32"));
    await using graph = await backend.compile({ outputs: { y } });
    const found = await graph.run(feedsFor(graph, { ...tensors, tokenIds: tokenIds.data }));
    const last = [...(found["y"]?.data ?? [])].slice(-config.vocabSize).map(Number);
    const options = { config, tensors, vocabulary, backend, prompt: "a man", temperature: 0, maxNewTokens: 1 };
    const [generated] = await generate(options);
    const best = last.indexOf(Math.max(...last));
    const expected = best === vocabulary.eosId ? "a man" : `a man${vocabulary.decode([best])}`;
    expect(generated).toMatchObject({ sequence: expected, finished: best === vocabulary.eosId });
  });

  it("can end a text, though its end token is its only special one", async () => {
    const { config, tensors, vocabulary } = await loadGolden("gpt2");
    const drawn = await generate({ config, tensors, vocabulary, backend, count: 40, temperature: 3, maxNewTokens: 17 });
    expect(drawn.some(({ finished }) => finished)).toBe(true);
  });
});

describe("a body without a head", () => {
  it("neither scores nor trains, and takes a new head that learns to tell two texts apart", async () => {
    const { config, tensors, vocabulary } = await loadGolden("bert");
    expect(config.head).toBe("none");
    const sequences = [{ id: "a", tokenIds: vocabulary.encode("a man") }];
    await expect(async () => {
      for await (const _ of scoreSequences({ config, tensors, vocabulary, backend, sequences })) continue;
    }).rejects.toThrow("the model must predict the tokens of its input, got architecture 'encoder' with head 'none'");
    const options = { labelSmoothing: 0, gradientCheckpointing: "none", segmentLength: 0, freeze: "none" } as const;
    expect(() => createExecution(config, backend, options)).toThrow("the model must have a head, got 'none'");

    const head = { head: "sequence-classification", numLabels: 2, dropout: 0 } as const;
    const headed = withFreshHead(config, tensors, head, 3);
    expect(headed.fresh).toEqual(["classifier.weight", "classifier.bias"]);
    const model = new PerformerForSequenceClassification({ ...headed, seed: 3, vocabulary, backend });
    const examples = [
      { sequence: "a man is eating", label: 0 },
      { sequence: "the woman eats!", label: 1 },
    ];
    await model.train(examples, { steps: 30, warmupSteps: 1, learningRate: 0.01 });
    expect((await model.evaluate(examples)).accuracy).toBe(1);
  });
});

describe("texts", () => {
  it("that are too long keep their beginning and the special tokens, and the rest is counted", async () => {
    const model = await loadGolden("bert");
    const text = Array<string>(30).fill("bread").join(" ");
    const { tokenIds, dropped } = model.encode(text);
    expect(model.longest).toBe(19);
    expect([tokenIds.length, dropped, tokenIds[0], tokenIds.at(-1)]).toEqual([19, 30 - 17, 2, 3]);
    const told: string[] = [];
    await embedTexts(model, ["a man", text], { backend, onTruncated: ({ id }) => told.push(id) });
    expect(told).toEqual(["text 2"]);
  });

  it("without a word of their own are embedded as their special tokens", async () => {
    const [vector] = await embedTexts(await loadGolden("bert"), [""], { backend });
    expect(vector?.data.every(Number.isFinite)).toBe(true);
  });

  it("of proteins are read whole", async () => {
    const model = await loadGolden("esm");
    const { tokenIds, dropped } = model.encode("A".repeat(2000));
    expect([tokenIds.length, dropped]).toEqual([2000, 0]);
  });
});

describe("sentence-transformers", () => {
  const folder = (base: string, more: Files = {}): Files => ({
    ...Object.fromEntries(Object.entries(bert).map(([name, bytes]) => [base + name, bytes])),
    "modules.json": JSON.stringify([
      { type: "sentence_transformers.models.Transformer", path: base.replace(/\/$/, "") },
      { type: "sentence_transformers.models.Pooling", path: "1_Pooling" },
      { type: "sentence_transformers.models.Normalize", path: "2_Normalize" },
    ]),
    "1_Pooling/config.json": JSON.stringify({ pooling_mode_cls_token: true, pooling_mode_mean_tokens: false }),
    ...more,
  });

  it("pool and normalise as modules.json says, wherever the model lies in the folder", async () => {
    const { texts, shape, lastHiddenState } = await readGolden("bert");
    for (const base of ["", "0_Transformer/"]) {
      const model = await load(folder(base));
      expect(model).toMatchObject({ pooling: "cls", normalize: true });
      const found = await embedTexts(model, texts, { backend });
      const first = lastHiddenState.slice(0, shape[2]);
      const length = Math.hypot(...first);
      first.forEach((value, index) => expect(found[0]?.data[index]).toBeCloseTo(value / length, 5));
      // What the caller says comes first.
      const [plain] = await embedTexts(model, texts, { backend, normalize: false });
      expect(plain?.data[0]).toBeCloseTo(first[0] ?? Number.NaN, 5);
    }
  });

  it("name their pooling in newer files", async () => {
    const named = { "1_Pooling/config.json": JSON.stringify({ pooling_mode: "mean" }) };
    expect((await load(folder("", named))).pooling).toBe("mean");
  });

  it("read as much of a text as their settings say, in lower case and behind a prompt where they ask for it", async () => {
    const settings = { "sentence_bert_config.json": JSON.stringify({ max_seq_length: 7, do_lower_case: true }) };
    const prompts = {
      "config_sentence_transformers.json": JSON.stringify({ prompts: { q: "the " }, default_prompt_name: "q" }),
    };
    const plain = await load(folder("", settings));
    expect(plain.longest).toBe(7);
    const prompted = await load(folder("", { ...settings, ...prompts }));
    expect(prompted.encode("MAN")).toEqual(plain.encode("the man"));
  });
});

describe("a folder", () => {
  it("is taken for a pretrained model's by its model_type, and for a run by ours", async () => {
    const of = (files: Files) => isPretrained(memorySource("x", files));
    expect(await of(bert)).toBe(true);
    expect(await of({ "modules.json": "[]" })).toBe(true);
    expect(await of({ "config.json": '{"model_type":"performer","model":{}}' })).toBe(false);
    expect(await of({ "config.json": '{"model":{}}' })).toBe(false);
    expect(await of({ "config.json": "{" })).toBe(false);
    expect(await of({})).toBe(false);
  });
});
