/** Export by the command line, and what transformers.js makes of the folders. */

import { existsSync, readFileSync } from "node:fs";
import { env, pipeline } from "@huggingface/transformers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createBackend } from "#engine";
import { embedTexts, loadPretrained } from "../../src/convert/index.ts";
import { proteinVocabulary } from "../../src/data/index.ts";
import { goldenFolder } from "../convert/golden.ts";
import { minilmFolder } from "../convert/minilm.ts";
import { present } from "../model/harness.ts";
import { createWorkplace, oneThread, parseOnly, snapshot, tinyFasta, tinyModel } from "./cli.ts";

const place = createWorkplace();
const texts = [
  "A man is eating food.",
  "A man is eating a piece of bread, and the woman who came in with him wants none of it.",
  "Bread?",
];
/** Float32, two builds of one engine, sums in another order. */
const TOLERANCE = 1e-4;

async function succeed(...args: string[]): Promise<string> {
  const finished = await place.run(...args);
  expect(finished.code, finished.stderr).toBe(0);
  return finished.stdout;
}

let minilm: Awaited<ReturnType<typeof minilmFolder>>;

beforeAll(async () => {
  minilm = await minilmFolder();
  env.allowRemoteModels = false;
  env.localModelPath = `${place.folder}/`;
});
afterAll(async () => {
  place[Symbol.dispose]();
  await minilm?.[Symbol.asyncDispose]();
});

/** The largest difference between transformers.js' vectors of a folder and those of a model of ours. */
async function difference(folder: string, modelFolder: string, dtype: "fp32" | "q8"): Promise<number> {
  const model = await loadPretrained(modelFolder);
  const ours = await embedTexts(model, texts, { backend: createBackend({ threads: 1 }) });
  const extract = await pipeline("feature-extraction", folder, { dtype });
  const { data, dims } = await extract(texts, { pooling: "mean", normalize: true });
  await extract.dispose();
  const width = model.config.modelDim;
  expect(dims).toEqual([texts.length, width]);
  const differences = ours.flatMap(({ data: own }, row) =>
    Array.from(own, (value, column) => Math.abs(value - Number(data[row * width + column]))),
  );
  return Math.max(...differences);
}

describe("export", () => {
  it("gives transformers.js a pretrained encoder, with exact attention and with FAVOR+", async () => {
    const document = parseOnly(
      await succeed("export", minilm.path, "--to", "onnx", "--dynamic", "--out", "exact", "--json"),
    );
    expect(document).toMatchObject({
      out: "exact",
      architecture: "encoder",
      mechanism: "exact",
      dtype: "float32",
      files: ["onnx/model.onnx", "config.json", "tokenizer.json", "tokenizer_config.json"],
      inputs: { input_ids: ["batch", "length"], attention_mask: ["batch", "length"] },
      outputs: { last_hidden_state: ["batch", "length", 384] },
      longest: 256,
    });
    expect(await difference("exact", minilm.path, "fp32")).toBeLessThan(TOLERANCE);

    const conversion = ["--features", "64", "--text", "bread", "--no-diagnosis", "--out", "favor", ...oneThread];
    await succeed("convert", minilm.path, ...conversion);
    await succeed("export", "favor", "--out", "favor-onnx");
    expect(await difference("favor-onnx", place.path("favor"), "fp32")).toBeLessThan(TOLERANCE);
  });

  it("says how the folder is used, and stores weights in a quarter of the bytes", async () => {
    const stdout = await succeed("export", minilm.path, "--dtype", "q8", "--out", "small");
    expect(stdout).toMatch(/^small\/onnx\/model_quantized\.onnx: .* with exact, int8, 2\d\.\d MB, up to 256 tokens$/m);
    expect(stdout).toContain('pipeline("feature-extraction", "small", { dtype: "q8" })');
    expect(stdout).toContain('{ pooling: "mean", normalize: true }');
    expect(await difference("small", minilm.path, "q8")).toBeLessThan(0.02);
  });

  it("gives a run's masked predictions with a tokenizer of its letters", async () => {
    place.write("tiny.fasta", tinyFasta());
    const training = [...tinyModel, "--set", "training.steps=5", ...oneThread];
    await succeed("train", "--fasta", "tiny.fasta", "--task", "masked", ...training, "--out", "masked");
    await succeed("export", "masked", "--output", "predictions", "--out", "masked-onnx");
    const fill = await pipeline("fill-mask", "masked-onnx", { dtype: "fp32" });
    const ids = fill.tokenizer.encode("MKV<mask>A");
    const { bosId, eosId, maskId } = proteinVocabulary;
    const [before, after] = ["MKV", "A"].map((letters) => [...proteinVocabulary.encode(letters)]);
    expect(ids).toEqual([bosId, ...present(before), maskId, ...present(after), eosId]);
    const found = await fill("MKV<mask>A");
    expect(present(found[0])).toMatchObject({ token_str: expect.any(String) as unknown });
    await fill.dispose();
  });

  it("gives a run's decoder as a step with its states, and says what they begin with", async () => {
    const training = [...tinyModel, "--set", "training.steps=5", ...oneThread];
    await succeed("train", "--fasta", "tiny.fasta", ...training, "--out", "causal");
    const stdout = await succeed("export", "causal", "--out", "causal-onnx");
    expect(stdout).toMatch(/^causal-onnx\/onnx\/decoder_model\.onnx: /);
    expect(stdout).toContain("5 states of fixed size, in config.json under performer.states");
    const config = JSON.parse(readFileSync(place.path("causal-onnx", "config.json"), "utf8")) as {
      readonly performer: { readonly states: readonly object[] };
    };
    expect(config.performer.states).toContainEqual({
      past: "past.1.sums",
      present: "present.1.sums",
      dtype: "float32",
      shape: ["batch", 2, 9, 7],
      initial: 0,
    });
    const parts = await succeed("export", "causal", "--linear-attention", "--out", "causal-parts");
    expect(parts).toContain("in:  input_ids [batch, length]");
  });

  it.each([
    ["what is no folder", ["nowhere"], 1, "nowhere: a model's folder or its name on the hub (owner/name) is needed"],
    ["an unknown dtype", [goldenFolder("bert"), "--dtype", "int4"], 2, "Allowed choices are float32, float16, int8"],
    ["an unknown format", [goldenFolder("bert"), "--to", "onx"], 2, "Allowed choices are onnx"],
    ["two kinds of length", [goldenFolder("bert"), "--dynamic", "--length", "32"], 2, "cannot be used with option"],
    ["a decoder that keeps all keys", [goldenFolder("gpt2")], 2, "must have a state of fixed size, got 'exact'"],
    [
      "whole prompts of an encoder",
      [goldenFolder("bert"), "--linear-attention"],
      2,
      "--linear-attention must come with a decoder, got 'encoder'",
    ],
    ["lengths beyond the positions", [goldenFolder("bert"), "--max-length", "4096"], 2, "--max-length must be at most"],
  ])("refuses %s, and writes nothing", async (_case, args, code, message) => {
    const finished = await place.run("export", ...args, "--out", "refused");
    expect(finished).toMatchObject({ code, stdout: "" });
    expect(finished.stderr).toContain(message);
    expect(existsSync(place.path("refused"))).toBe(false);
  });

  it("leaves a folder that holds anything as it is", async () => {
    const held = snapshot(place.path("small"));
    const { code, stderr } = await place.run("export", goldenFolder("bert"), "--out", "small");
    expect(code).toBe(1);
    expect(stderr).toContain("performer export: small: the folder must be new or empty, got one with");
    expect(snapshot(place.path("small"))).toEqual(held);
  });
});
