/**
 * The ready models beside the language model: each learns, predicts, and gives the same after it was saved and loaded.
 */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { present } from "../../tests/model/harness.ts";
import { byteVocabulary, loadLabelled, loadTagged, proteinVocabulary } from "../data/index.ts";
import { PerformerForCausalLM } from "./performer-for-causal-lm.ts";
import { PerformerForMaskedLM } from "./performer-for-masked-lm.ts";
import { PerformerForSeq2SeqLM } from "./performer-for-seq2seq-lm.ts";
import { PerformerForSequenceClassification } from "./performer-for-sequence-classification.ts";
import { PerformerForTokenClassification } from "./performer-for-token-classification.ts";

const tiny = { modelDim: 32, numLayers: 1, numHeads: 2, mlpDim: 48, maxSeqLen: 16, dropout: 0, seed: 7 } as const;
const training = { steps: 120, warmupSteps: 5, learningRate: 0.01, tokensPerBatch: 64, bucketStep: 16, clipNorm: 0 };

describe("PerformerForMaskedLM", () => {
  it("learns to fill in, and gives the same after it was saved and loaded", async () => {
    const sequences = ["MKVLATMKVLAT", "KVLATMKVLATM"];
    const model = PerformerForMaskedLM.create(tiny);
    const before = await model.evaluate(sequences);
    await model.train(sequences, training);
    const after = await model.evaluate(sequences);
    expect(after.lossNats).toBeLessThan(before.lossNats - 0.5);
    expect(await PerformerForMaskedLM.fromFiles(model.toFiles()).evaluate(sequences)).toEqual(after);
  });

  it("fills in what is hidden, by the mask or by position", async () => {
    const sequences = ["MKVLATMKVLAT", "KVLATMKVLATM"];
    const model = PerformerForMaskedLM.create({ ...tiny, mechanism: "exact", positions: "learned" });
    await model.train(sequences, { ...training, steps: 300 });
    const found = await model.fill_mask("MK<mask>LATM<mask>VLAT", { top_k: 3 });
    expect(found.map(({ position }) => position)).toEqual([2, 7]);
    expect(found.map(({ tokens }) => present(tokens[0]).token_str)).toEqual(["V", "K"]);
    expect(await model.fill_mask("MKVLATMKVLAT", { top_k: 3, positions: [7, 2] })).toEqual(found);

    const [all] = await model.fill_mask("<mask>KVLAT", { top_k: 1000 });
    const scores = present(all).tokens.map(({ score }) => score);
    expect(scores).toHaveLength(25);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    expect(scores.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
    for (const { token, token_str } of present(all).tokens) expect(model.vocabulary.tokens[token]).toBe(token_str);
  });
});

describe("tables", () => {
  it("fit train() as loadLabelled and loadTagged read them, and classes keep their names", async () => {
    const folder = mkdtempSync(join(tmpdir(), "performer-tables-"));
    const path = join(folder, "mails.csv");
    const rows = Array.from({ length: 60 }, (_, row) => (row % 2 ? `dear friend ${row},ham` : `win money ${row},spam`));
    writeFileSync(path, `text,label\n${rows.join("\n")}\n`);
    const mails = await loadLabelled({ source: path, vocabulary: byteVocabulary });
    expect(mails).toMatchObject({ name: "mails.csv", classNames: ["ham", "spam"] });
    const { vocabulary, classNames, splits } = mails;
    const model = PerformerForSequenceClassification.create({ ...tiny, maxSeqLen: 32, vocabulary, classNames });
    await model.train(splits.train, { ...training, steps: 60, validation: splits.valid });
    expect((await model.evaluate(splits.test)).accuracy).toBe(1);
    const again = PerformerForSequenceClassification.fromFiles(model.toFiles());
    expect(await again.predict(["win money 8"])).toMatchObject([{ label: 1, className: "spam" }]);

    writeFileSync(path, "sequence,tags\nMKV,HHE\nKVM,HEH\nVMK,EHH\nMVK,HEH\n");
    const tagged = await loadTagged({ source: path, vocabulary: proteinVocabulary });
    const tagger = PerformerForTokenClassification.create({ ...tiny, classNames: tagged.classNames });
    const all = Object.values(tagged.splits).flat();
    await tagger.train(all, training);
    const [tags = []] = await tagger.predict(["MKV"]);
    expect(tags.map(({ className }) => className)).toEqual(["H", "H", "E"]);
  });

  it("refuses tokens of another vocabulary, and bytes without a name", async () => {
    const model = PerformerForSequenceClassification.create({ ...tiny, numLabels: 2 });
    const example = { id: "mail 1", tokenIds: Int32Array.of(5, 200), label: 0 };
    await expect(model.train([example], { steps: 1 })).rejects.toThrow(
      /tokens of sequence 1 must be below 29, the size of the model's vocabulary, got 200; load the data with/,
    );
    async function* bytes() {
      yield new TextEncoder().encode("text,label\na,b\n");
    }
    await expect(loadLabelled({ source: bytes(), vocabulary: byteVocabulary })).rejects.toThrow(
      /bytes must come with a name/,
    );
  });
});

describe("PerformerForSequenceClassification", () => {
  const examples = ["MKMKMK", "KKMM", "MKKM", "VLVLVL", "LLVV", "VLLVLV"].map((sequence) => ({
    sequence,
    label: Number(sequence.includes("V")),
  }));

  it("learns classes, and predicts them in the order asked", async () => {
    const model = PerformerForSequenceClassification.create({ ...tiny, numLabels: 2 });
    await model.train(examples, training);
    expect((await model.evaluate(examples)).accuracy).toBe(1);
    const asked = ["VVLL", "MKMM", "LV"];
    const found = await model.predict(asked);
    expect(found.map(({ label }) => label)).toEqual([1, 0, 1]);
    for (const { probabilities } of found) expect(probabilities.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
    expect(await PerformerForSequenceClassification.fromFiles(model.toFiles()).predict(asked)).toEqual(found);
  });

  it("learns numbers", async () => {
    const numbers = examples.map(({ sequence }) => ({ sequence, label: sequence.length / 4 }));
    const model = PerformerForSequenceClassification.create({ ...tiny, head: "regression" });
    await model.train(numbers, { ...training, steps: 200 });
    const { regression } = await model.evaluate(numbers);
    expect(present(regression).rSquared).toBeGreaterThan(0.9);
    expect(present(regression).pearson).toBeGreaterThan(0.9);
    const [first] = await model.predict(["MKMKMK"]);
    expect(Math.abs(present(first).label - 1.5)).toBeLessThan(0.3);
  });
});

describe("PerformerForTokenClassification", () => {
  it("learns the class of every token", async () => {
    // Whether the token before is the same: to be known from the neighbours alone.
    const tagsOf = (sequence: string) => Array.from(sequence, (token, at) => Number(sequence[at - 1] === token));
    const sequences = ["MKKVVLMM", "KKMVLLKV", "VVMMKLKK", "MLLKKVMV"];
    const model = PerformerForTokenClassification.create({ ...tiny, numLabels: 2, tokenShift: true });
    const examples = sequences.map((sequence) => ({ sequence, labels: tagsOf(sequence) }));
    await model.train(examples, { ...training, steps: 200 });
    expect((await model.evaluate(examples)).accuracy).toBeGreaterThan(0.95);
    const [found] = await model.predict([present(sequences[0])]);
    expect(present(found).map(({ label }) => label)).toEqual(tagsOf(present(sequences[0])));
  });

  it("refuses labels that are not one a token", async () => {
    const model = PerformerForTokenClassification.create({ ...tiny, numLabels: 2 });
    await expect(model.train([{ sequence: "MKV", labels: [1] }])).rejects.toThrow(
      /labels must be one for each of the 3 tokens of sequence 1, got 1; use −1/,
    );
  });
});

describe("PerformerForSeq2SeqLM", () => {
  it("learns to reverse what it has read", async () => {
    const sources = ["MKV", "VLA", "ATK", "LMA", "KKV", "TAM", "VMT", "ALK"];
    const pairs = sources.map((source) => ({ source, target: Array.from(source).toReversed().join("") }));
    const model = PerformerForSeq2SeqLM.create({ ...tiny, mechanism: "exact", positions: "learned" });
    await model.train(pairs, { ...training, steps: 250, tokensPerBatch: 128 });
    expect((await model.evaluate(pairs)).accuracy).toBeGreaterThan(0.95);
    const found = await model.generate(sources, { temperature: 0, max_new_tokens: 8 });
    expect(found.map(({ sequence }) => sequence)).toEqual(pairs.map(({ target }) => target));
    expect(found.every(({ finished }) => finished)).toBe(true);
    const again = PerformerForSeq2SeqLM.fromFiles(model.toFiles());
    expect(await again.generate(sources, { temperature: 0, max_new_tokens: 8 })).toEqual(found);
  });

  it("refuses unknown options of generation, with the nearest", async () => {
    const model = PerformerForSeq2SeqLM.create(tiny);
    await expect(model.generate(["MKV"], { max_new_token: 3 } as object)).rejects.toThrow(
      /'max_new_token' is not an option; did you mean 'max_new_tokens'\?/,
    );
  });

  it("refuses pairs that are longer than the model", async () => {
    const model = PerformerForSeq2SeqLM.create(tiny);
    await expect(model.train([{ source: "MKVLATMKVLATMKV", target: "M" }])).rejects.toThrow(
      /a source must have at most 14 tokens and a target at most 15, got 15 and 1 \(pair 1\)/,
    );
  });
});

describe("a ready model", () => {
  it("is not loaded as one of another class", () => {
    const files = PerformerForCausalLM.create(tiny).toFiles();
    expect(() => PerformerForMaskedLM.fromFiles(files)).toThrow(
      /^from_pretrained: PerformerForMaskedLM must be 'encoder' with head 'language-modeling', got 'decoder' with head 'language-modeling'; /,
    );
  });
});

describe("embed", () => {
  const sequences = ["MKVLATMKV", "W", "KVLATMKVLATM"];
  const models = [
    PerformerForCausalLM.create(tiny),
    PerformerForMaskedLM.create(tiny),
    PerformerForSequenceClassification.create({ ...tiny, numLabels: 2 }),
  ];

  it.each(models)("gives a vector a sequence, and the same after the model was saved and loaded", async (model) => {
    const found = await model.embed(sequences);
    expect(found.map(({ shape }) => shape)).toEqual([[32], [32], [32]]);
    const loaded = (model.constructor as typeof PerformerForMaskedLM).fromFiles(model.toFiles()); // its own class
    expect(await loaded.embed(sequences)).toEqual(found);
    const [unit] = await model.embed(sequences, { normalize: true });
    expect(Math.hypot(...present(unit).data)).toBeCloseTo(1, 5);
  });

  it("gives a vector a residue, of which the mean is the sequence's", async () => {
    const [model] = models;
    const each = await present(model).embed(sequences, { pooling: "residues" });
    expect(each.map(({ shape }) => shape)).toEqual([
      [9, 32],
      [1, 32],
      [12, 32],
    ]);
    const [mean] = await present(model).embed(sequences);
    const rows = present(each[0]).data;
    present(mean).data.forEach((value, at) => {
      const own = Array.from({ length: 9 }, (_, row) => rows[row * 32 + at] ?? Number.NaN);
      expect(own.reduce((a, b) => a + b, 0) / 9).toBeCloseTo(value, 5);
    });
  });
});
