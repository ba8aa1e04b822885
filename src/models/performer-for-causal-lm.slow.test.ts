/** The ready model from end to end: create, train, evaluate, generate, save, load. */
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { letterVocabulary, proteinVocabulary } from "../data/index.ts";
import { PerformerForCausalLM } from "./performer-for-causal-lm.ts";
import type { CreateOptions } from "./performer-model.ts";
import { present } from "../../tests/model/harness.ts";

const sequences = ["MKVLATMKVLAT", "MKVLATMK", "MKVLATMKVLATMKV"];
const tiny: CreateOptions = {
  modelDim: 12,
  numLayers: 1,
  numHeads: 2,
  mlpDim: 17,
  numFeatures: 7,
  maxSeqLen: 16,
  dropout: 0,
  seed: 7,
};
const training = { steps: 30, warmupSteps: 3, learningRate: 0.02, tokensPerBatch: 48, bucketStep: 16 };

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "performer-model-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("PerformerForCausalLM", () => {
  it("learns, and gives the same after it was saved and loaded", async () => {
    const model = PerformerForCausalLM.create(tiny);
    const before = await model.evaluate(sequences);
    const losses: number[] = [];
    const last = await model.train(sequences, { ...training, onStep: ({ lossNats }) => losses.push(lossNats) });
    const after = await model.evaluate(sequences);
    expect(losses).toHaveLength(30);
    expect(last).toMatchObject({ step: 30, totalSteps: 30 });
    expect(present(losses.at(-1))).toBeLessThan(present(losses[0]) - 0.5);
    expect(after.lossNats).toBeLessThan(before.lossNats - 0.5);
    expect(after.tokens).toBe(sequences.join("").length);

    const options = { max_new_tokens: 11, num_return_sequences: 2, temperature: 0.8, top_k: 5, top_p: 0.9, seed: 3 };
    const generated = await model.generate("MK", options);
    expect(generated.map(({ prompt }) => prompt)).toEqual(["MK", "MK"]);
    expect(generated.every(({ sequence }) => /^MK[A-Z]*$/.test(sequence))).toBe(true);

    const path = join(folder, "nested", "model");
    await model.save_pretrained(path);
    expect((await readdir(path)).toSorted()).toEqual(["config.json", "model.safetensors"]);
    const loaded = await PerformerForCausalLM.from_pretrained(path);
    expect(loaded.config).toEqual(model.config);
    expect(loaded.numParameters).toBe(model.numParameters);
    expect(await loaded.generate("MK", options)).toEqual(generated);
    expect(await loaded.evaluate(sequences)).toEqual(after);
  });

  it("goes from toFiles to fromFiles without a file system", async () => {
    const model = PerformerForCausalLM.create(tiny);
    const files = model.toFiles();
    const again = PerformerForCausalLM.fromFiles(files);
    expect(again.tensors).toEqual(model.tensors);
    expect(again.toFiles()).toEqual(files);
    // Training goes on with the seed that was saved.
    await model.train(sequences, { ...training, steps: 4 });
    await again.train(sequences, { ...training, steps: 4 });
    expect(again.tensors).toEqual(model.tensors);
  });

  it("loads a file from before models had an architecture, norms, activations and heads to choose", () => {
    const model = PerformerForCausalLM.create(tiny);
    const files = model.toFiles();
    const parsed: { model: Record<string, unknown> } = JSON.parse(files.config);
    const since =
      "architecture head padId pooling headDim tokenShift norm normPlacement activation feedForwardChunkSize";
    for (const key of since.split(" ")) {
      expect(parsed.model).toHaveProperty(key);
      delete parsed.model[key];
    }
    const again = PerformerForCausalLM.fromFiles({ ...files, config: JSON.stringify(parsed) });
    expect(again.config).toEqual(model.config);
    expect(again.tensors).toEqual(model.tensors);
  });

  it("is decided by its seed", () => {
    const name = "tokenEmbedding.weight";
    const of = (seed: number) => PerformerForCausalLM.create({ ...tiny, seed }).tensors[name];
    expect(of(7)).toEqual(of(7));
    expect(of(8)).not.toEqual(of(7));
  });

  it("evaluates on the way and stops when told", async () => {
    const model = PerformerForCausalLM.create(tiny);
    const stop = new AbortController();
    const evaluated: number[] = [];
    const last = await model.train(sequences, {
      ...training,
      validation: sequences.slice(0, 1),
      evalInterval: 2,
      signal: stop.signal,
      onEvaluation: (step, { tokens }) => {
        evaluated.push(step);
        expect(tokens).toBe(12);
        if (step === 4) stop.abort();
      },
    });
    expect(evaluated).toEqual([2, 4]);
    expect(last?.step).toBe(4);
  });

  it("keeps the weights that it had when training fails", async () => {
    const model = PerformerForCausalLM.create(tiny);
    const before = model.tensors;
    const diverging = model.train(sequences, { ...training, learningRate: 1e30, clipNorm: 0 });
    await expect(diverging).rejects.toThrow(expect.objectContaining({ name: "TrainingError" }));
    expect(model.tensors).toBe(before);
  });

  it("names the sequence, the letter and its position when one is not of the vocabulary", async () => {
    const model = PerformerForCausalLM.create(tiny);
    const failing = model.train(["MKV", "MK1V"], training);
    await expect(failing).rejects.toThrow(expect.objectContaining({ name: "DataError" }));
    await expect(failing).rejects.toThrow(/sequence 2.* got "1" at position 3/);
    await expect(model.evaluate(["mkv"])).rejects.toThrow(/sequence 1.* got "m" at position 1; write it in upper case/);
    await expect(model.generate("M*")).rejects.toThrow(/the prompt.* got "\*" at position 2/);
  });

  it("refuses nothing to learn from", async () => {
    await expect(PerformerForCausalLM.create(tiny).train([], training)).rejects.toThrow(/^planTraining: .*got/);
  });

  it("refuses options that are not there, with the nearest name", async () => {
    expect(() => PerformerForCausalLM.create({ ...tiny, num_layers: 2 } as CreateOptions)).toThrow(
      /'num_layers' is not a key; did you mean 'numLayers'\?/,
    );
    const model = PerformerForCausalLM.create(tiny);
    // As untyped callers would.
    const options = { maxNewTokens: 3 } as Record<string, number>;
    await expect(model.generate("M", options)).rejects.toThrow(
      /^generate: 'maxNewTokens' is not an option; did you mean 'max_new_tokens'\?$/,
    );
    await expect(model.generate("M", { max_new_tokens: 0 })).rejects.toThrow(/must be a positive whole number, got 0/);
    await expect(model.generate("M", { top_p: 0 })).rejects.toThrow(/generate: top_p must be above 0/);
  });

  it("reads other alphabets, and saves them", async () => {
    const vocabulary = letterVocabulary({ name: "DNA", letters: "ACGT" });
    const model = PerformerForCausalLM.create({ ...tiny, vocabulary });
    expect(model.config.vocabSize).toBe(8);
    const [found] = await model.generate("AC", { max_new_tokens: 7 });
    expect(found?.sequence).toMatch(/^AC[ACGT]*$/);
    const again = PerformerForCausalLM.fromFiles(model.toFiles());
    expect(again.vocabulary.tokens).toEqual(vocabulary.tokens);
    expect(again.tensors).toEqual(model.tensors);
    expect(() => PerformerForCausalLM.fromFiles(model.toFiles(), { vocabulary: proteinVocabulary })).toThrow(
      /vocabulary must have the model's vocabSize 8, got 29 tokens/,
    );
  });

  describe("refuses", () => {
    const { config, model } = PerformerForCausalLM.create(tiny).toFiles();
    const changed = (change: (parsed: { model: Record<string, unknown> }) => void) => {
      const parsed = JSON.parse(config) as { model: Record<string, unknown> }; // written above
      change(parsed);
      return JSON.stringify(parsed);
    };
    const bytes = (position: number, value: number) => model.map((byte, index) => (index === position ? value : byte));
    const cases: readonly (readonly [string, { config: string; model: Uint8Array }, RegExp])[] = [
      [
        "a config.json that was cut short",
        { config: config.slice(0, 40), model },
        /^config\.json must be JSON, but .*; the file was cut short or edited/,
      ],
      ["an empty config.json", { config: "", model }, /^config\.json must be JSON, but /],
      [
        "a config.json without a model",
        { config: "{}", model },
        /^config\.json: 'model' must be an object with the model's sizes, got nothing; use a config\.json that/,
      ],
      [
        "a config.json that is a list",
        { config: "[]", model },
        /^config\.json: 'model' must be an object .*, got nothing/,
      ],
      [
        "a config.json of another model",
        { config: changed((parsed) => (parsed.model["numLayers"] = 2)), model },
        /^model\.safetensors: tensor 'blocks\.1\..* must be there, got nothing; .*config\.json/,
      ],
      [
        "other sizes",
        { config: changed((parsed) => (parsed.model["mlpDim"] = 19)), model },
        /mlp\.up\.weight' must be float32\[19, 12\], got float32\[17, 12\]/,
      ],
      [
        "an impossible size",
        { config: changed((parsed) => Object.assign(parsed.model, { numHeads: 5, headDim: undefined })), model },
        /numHeads must divide modelDim 12, got 5/,
      ],
      [
        "weights that were cut short",
        { config, model: model.slice(0, -4) },
        /^model\.safetensors: tensor ".*" must end at byte .* the file was cut short/,
      ],
      [
        "weights of which only the beginning is there",
        { config, model: model.slice(0, 100) },
        /^model\.safetensors: the header should be .* cut short/,
      ],
      [
        "weights that are empty",
        { config, model: new Uint8Array(0) },
        /^model\.safetensors: .* but the file holds 0 bytes/,
      ],
      [
        "weights with a damaged header",
        { config, model: bytes(8, 0x5b) },
        /^model\.safetensors: the header must be JSON, but /,
      ],
    ];

    it.each(cases)("%s", (_name, files, message) => {
      expect(() => PerformerForCausalLM.fromFiles(files)).toThrow(message);
    });

    it("no folder, and one without a model, naming the file", async () => {
      await expect(PerformerForCausalLM.from_pretrained(join(folder, "absent"))).rejects.toThrow(
        /absent: a folder is needed, but there is no such folder/,
      );
      await writeFile(join(folder, "config.json"), config);
      await expect(PerformerForCausalLM.from_pretrained(folder)).rejects.toThrow(/model\.safetensors/);
    });
  });
});
