/** Generation: seeds, counts, special tokens, likelihoods, and what is refused. */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { letterVocabulary, proteinVocabulary } from "../data/index.ts";
import { logits } from "../model/performer.ts";
import { input } from "../ops/source.ts";
import { modelInputs } from "../model/inputs.ts";
import { present, tinyConfig, tinyTensors } from "../../tests/model/harness.ts";
import { generate, type GenerateOptions } from "./generate.ts";

const vocabulary = letterVocabulary({ name: "test", letters: "ACDEFGH" });
const config = tinyConfig();
const base = { config, tensors: tinyTensors(config), vocabulary, backend: createBackend() };

/** Σ log p over float32 logits of two different graphs. */
const LIKELIHOOD_TOLERANCE = 1e-3;

const sequences = async (options: Partial<GenerateOptions> = {}) =>
  (await generate({ ...base, maxNewTokens: 23, ...options })).map(({ sequence }) => sequence);

describe("generate", () => {
  it("gives the same sequences for the same seed, and others for another", async () => {
    const first = await sequences({ seed: 7, count: 3 });
    expect(await sequences({ seed: 7, count: 3 })).toEqual(first);
    expect(await sequences({ seed: 8, count: 3 })).not.toEqual(first);
    expect(new Set(first).size).toBe(3);
  });

  it("gives the same first sequences whatever the count", async () => {
    const three = await sequences({ seed: 7, count: 3 });
    expect(await sequences({ seed: 7, count: 1 })).toEqual(three.slice(0, 1));
    expect(await sequences({ seed: 7, count: 2 })).toEqual(three.slice(0, 2));
  });

  it("serves more sequences than there are slots, each with what it would get alone", async () => {
    const many = await sequences({ seed: 7, count: 19 });
    expect(new Set(many).size).toBeGreaterThan(10);
    expect(await sequences({ seed: 7, count: 2 })).toEqual(many.slice(0, 2));
    // Its first slots have served others by then.
    expect(await sequences({ seed: 7, count: 18 })).toEqual(many.slice(0, 18));
  });

  it("stores weights in the type that is asked for", async () => {
    expect(await sequences({ seed: 7, dtype: "float32" })).toEqual(await sequences({ seed: 7 }));
    const [int8] = await generate({ ...base, maxNewTokens: 5, dtype: "int8" });
    expect(int8?.tokens).toBeGreaterThan(0);
    const unknown = JSON.parse('{ "dtype": "int4" }') as Partial<GenerateOptions>;
    await expect(sequences(unknown)).rejects.toThrow(
      /^dtype: the weights' type must be one of float32, float16, int8, .* got 'int4'/,
    );
  });

  it("begins with the prompt and holds letters only, even where the model prefers special tokens", async () => {
    const tensors = { ...base.tensors };
    const embedding = present(tensors["tokenEmbedding.weight"]);
    // An output layer of zeros: all tokens are equally probable, the specials too.
    tensors["tokenEmbedding.weight"] = { ...embedding, data: new Float32Array(embedding.data.length) };
    const found = await generate({ ...base, tensors, prompt: "ACE", count: 5, maxNewTokens: 61, seed: 7 });
    for (const { sequence, prompt, tokens, finished } of found) {
      expect(prompt).toBe("ACE");
      expect(sequence).toMatch(/^ACE[ACDEFGH]*$/);
      // The end token counts as one that was added.
      expect(tokens).toBe(sequence.length - 3 + Number(finished));
      expect(tokens).toBeLessThanOrEqual(61);
    }
    // Not ending in 61 equal draws out of 8 has a probability of 3e-4.
    expect(found.some(({ finished }) => finished)).toBe(true);
    expect(present(found[0]).logLikelihoodNats).toBeCloseTo(-present(found[0]).tokens * Math.log(8), 4);
  });

  it("gives the likelihood that one pass over the whole sequence gives", async () => {
    const [found] = await generate({ ...base, prompt: "AC", maxNewTokens: 13, seed: 9 });
    const { sequence, tokens, finished, logLikelihoodNats } = present(found);
    const targets = [...vocabulary.encode(sequence), ...(finished ? [vocabulary.eosId] : [])];
    const ids = Int32Array.of(vocabulary.bosId, ...targets.slice(0, -1));
    const y = logits(modelInputs(config), input("ids", [1, ids.length], "int32"));
    await using run = await base.backend.compile({ outputs: { y } });
    const { data } = present((await run.run({ ids, ...base.tensors }))["y"]);
    const never = [vocabulary.padId, vocabulary.bosId, vocabulary.maskId];
    let expected = 0;
    for (let t = targets.length - tokens; t < targets.length; t++) {
      const row = Array.from(data.slice(t * 11, (t + 1) * 11), Number);
      const sum = row.reduce((total, value, id) => total + (never.includes(id) ? 0 : Math.exp(value)), 0);
      expected += present(row[present(targets[t])]) - Math.log(sum);
    }
    expect(Math.abs(logLikelihoodNats - expected)).toBeLessThan(LIKELIHOOD_TOLERANCE);
  });

  it("does not end a sequence before it has the fewest tokens, and tells its likelihood under the model all the same", async () => {
    const tensors = { ...base.tensors };
    const embedding = present(tensors["tokenEmbedding.weight"]);
    tensors["tokenEmbedding.weight"] = { ...embedding, data: new Float32Array(embedding.data.length) };
    const options = { ...base, tensors, count: 7, maxNewTokens: 30, seed: 7 };
    const lengths = async (minNewTokens: number) =>
      (await generate({ ...options, minNewTokens })).map(({ sequence }) => sequence.length);
    // Of 8 tokens as probable as each other one is the end.
    expect(Math.min(...(await lengths(0)))).toBeLessThan(20);
    expect(Math.min(...(await lengths(20)))).toBeGreaterThanOrEqual(20);
    const [found] = await generate({ ...options, minNewTokens: 30 });
    expect(present(found)).toMatchObject({ tokens: 30, finished: false });
    expect(present(found).logLikelihoodNats).toBeCloseTo(-30 * Math.log(8), 4);
  });

  it("draws others in place of duplicates and of what is refused, in the order of their numbers", async () => {
    const settings = { ...base, maxNewTokens: 1, seed: 7, count: 5 };
    const dropped: string[] = [];
    const onDropped = (reason: string) => void dropped.push(reason);
    const unique = (await generate({ ...settings, unique: true, onDropped })).map(({ sequence }) => sequence);
    expect(new Set(unique).size).toBe(5);
    const many = (await generate({ ...settings, count: 5 + dropped.length })).map(({ sequence }) => sequence);
    expect(unique).toEqual([...new Set(many)]);
    expect(dropped).toEqual(dropped.map(() => "duplicate"));
    const first = present(unique[0]);
    const others = await generate({ ...settings, unique: true, accept: (sequence) => sequence !== first });
    expect(others.map(({ sequence }) => sequence).slice(0, 4)).toEqual(unique.slice(1));
  });

  it("gives fewer sequences where there are no others, after so many draws", async () => {
    const dropped: string[] = [];
    const onDropped = (reason: string) => void dropped.push(reason);
    const options = { ...base, maxNewTokens: 3, temperature: 0, unique: true, count: 3, onDropped };
    expect(await generate(options)).toHaveLength(1);
    expect(dropped).toHaveLength(59);
    dropped.length = 0;
    expect(await generate({ ...options, unique: false, accept: () => false, maxDraws: 4 })).toEqual([]);
    expect(dropped).toEqual(Array.from({ length: 4 }, () => "refused"));
  });

  it("tells how far it is after every token", async () => {
    const told: number[] = [];
    const [found] = await generate({ ...base, maxNewTokens: 5, seed: 7, onToken: (tokens) => told.push(tokens) });
    expect(told).toEqual(Array.from({ length: present(found).tokens }, (_, index) => index + 1));
  });

  it.each([
    [{ maxNewTokens: 0 }, /^generate: .*must be a positive whole number, got 0/],
    [{ maxNewTokens: 2.5 }, /must be a positive whole number, got 2\.5/],
    [{ count: 0 }, /^generate: count must be a positive whole number, got 0; omit it for the default$/],
    [
      { minNewTokens: 201 },
      /^generate: minNewTokens must be a whole number from 0 to 200, the tokens at most, got 201; /,
    ],
    [{ minNewTokens: -1 }, /minNewTokens must be .* got -1/],
    [{ maxDraws: 0 }, /maxDraws must be a positive whole number, got 0/],
    [{ temperature: -1 }, /temperature must be a number ≥ 0, got -1/],
    [{ topP: 2 }, /topP must be above 0/],
  ])("refuses %j", async (options, message) => {
    await expect(generate({ ...base, ...options })).rejects.toThrow(expect.objectContaining({ name: "ConfigError" }));
    await expect(generate({ ...base, ...options })).rejects.toThrow(message);
  });

  it("refuses a prompt with a letter outside the vocabulary and says where it stands", async () => {
    const failing = generate({ ...base, prompt: "ACx" });
    await expect(failing).rejects.toThrow(expect.objectContaining({ name: "DataError" }));
    await expect(failing).rejects.toThrow(/the prompt.* got "x" at position 3/);
  });

  it("refuses weights of another architecture before anything is compiled", async () => {
    const tensors = tinyTensors(tinyConfig({ numLayers: 1 }));
    await expect(generate({ ...base, tensors })).rejects.toThrow(/^generate: tensor 'blocks\.1\./);
  });

  it("refuses a vocabulary of another size than the model's", async () => {
    await expect(generate({ ...base, vocabulary: proteinVocabulary })).rejects.toThrow(
      /vocabulary must have the model's vocabSize 11, got 29/,
    );
  });
});
