/**
 * A saved model of another kind becomes a classifier or a regression: the body stays to the bit, the output layer is
 * new, and it is told.
 */
import { describe, expect, it } from "vitest";
import { PerformerForCausalLM } from "./performer-for-causal-lm.ts";
import { PerformerForMaskedLM } from "./performer-for-masked-lm.ts";
import { PerformerForSeq2SeqLM } from "./performer-for-seq2seq-lm.ts";
import { PerformerForSequenceClassification } from "./performer-for-sequence-classification.ts";
import { PerformerForTokenClassification } from "./performer-for-token-classification.ts";

const tiny = { modelDim: 4, numLayers: 1, numHeads: 1, mlpDim: 3, numFeatures: 2, maxSeqLen: 16, seed: 7 } as const;
const causal = PerformerForCausalLM.create({ ...tiny, tieEmbeddings: false }).toFiles();
const masked = PerformerForMaskedLM.create(tiny).toFiles();
const classifier = PerformerForSequenceClassification.create({ ...tiny, numLabels: 3 });

describe("a new output layer", () => {
  it("goes on the body of a decoder, which stays one", () => {
    const told: string[] = [];
    const onNotice = (notice: string) => void told.push(notice);
    const model = PerformerForSequenceClassification.fromFiles(causal, { numLabels: 3, onNotice });
    expect(model.config).toMatchObject({ architecture: "decoder", head: "sequence-classification", numLabels: 3 });
    const { tensors } = PerformerForCausalLM.fromFiles(causal);
    for (const [name, { data }] of Object.entries(model.tensors)) {
      if (!name.startsWith("classifier.")) expect(data, name).toEqual(tensors[name]?.data);
    }
    expect(model.tensors["classifier.weight"]?.shape).toEqual([3, 4]);
    expect(told).toEqual([
      "PerformerForSequenceClassification: classifier.weight, classifier.bias were drawn anew with seed 7; left behind: head.weight; " +
        "train the model before you use it",
    ]);
    expect(model.toFiles().config).toContain('"PerformerForSequenceClassification"');
    expect(PerformerForSequenceClassification.fromFiles(model.toFiles()).tensors).toEqual(model.tensors);
  });

  it("is one of numbers where that is asked for, with the scale of the labels", async () => {
    const options = { head: "regression", labelMean: 50, labelDeviation: 7 } as const;
    const model = PerformerForSequenceClassification.fromFiles(masked, options);
    expect(model.config).toMatchObject({ architecture: "encoder", head: "regression", numLabels: 1, labelMean: 50 });
    const [found] = await model.predict(["MKV"]);
    // The first output is small: weights are drawn with a spread of 0.02.
    expect(Math.abs((found?.label ?? 0) - 50)).toBeLessThan(3);
  });

  it("tags tokens on the body of an encoder", () => {
    const model = PerformerForTokenClassification.fromFiles(masked, { numLabels: 2 });
    expect(model.config).toMatchObject({ head: "token-classification", numLabels: 2 });
  });

  it("takes the place of one with another number of classes, and is left alone where it fits", () => {
    const files = classifier.toFiles();
    const told: string[] = [];
    const onNotice = (notice: string) => void told.push(notice);
    const same = PerformerForSequenceClassification.fromFiles(files, { numLabels: 3, onNotice });
    expect(same.tensors).toEqual(classifier.tensors);
    expect(told).toEqual([]);
    const other = PerformerForSequenceClassification.fromFiles(files, { numLabels: 5, onNotice });
    expect(other.tensors["classifier.bias"]?.shape).toEqual([5]);
    expect(told[0]).toMatch(/left behind: classifier\.[a-z]+, classifier\.[a-z]+; train/);
  });
});

describe("names of classes", () => {
  const names = ["no", "maybe", "yes"];
  const named = PerformerForSequenceClassification.create({ ...tiny, classNames: names });

  it("say how many there are, and are saved and read", () => {
    expect(named.config.numLabels).toBe(3);
    expect(PerformerForSequenceClassification.fromFiles(named.toFiles()).classNames).toEqual(names);
    const model = PerformerForTokenClassification.fromFiles(masked, { classNames: names });
    expect(PerformerForTokenClassification.fromFiles(model.toFiles()).classNames).toEqual(names);
    expect(classifier.classNames).toEqual([]);
  });

  it("are left behind with the output layer that they belong to", () => {
    expect(PerformerForSequenceClassification.fromFiles(named.toFiles(), { numLabels: 4 }).classNames).toEqual([]);
  });

  it.each([
    [
      () => PerformerForSequenceClassification.create({ ...tiny, numLabels: 2, classNames: names }),
      /one for each of 2 classes, got 3/,
    ],
    [
      () => PerformerForMaskedLM.fromFiles(masked, { classNames: names }),
      /^PerformerForMaskedLM: classNames must be left out with head 'language-modeling', got 3; leave them out$/,
    ],
    [
      () => PerformerForSequenceClassification.create({ ...tiny, classNames: "no" as never }),
      /^PerformerForSequenceClassification: classNames must be a list of strings, got "no"; write /,
    ],
  ])("are refused where they do not fit (%#)", (make, message) => {
    expect(make).toThrow(message);
  });
});

describe("refusals", () => {
  it.each([
    [
      "no labels are asked for",
      () => PerformerForSequenceClassification.fromFiles(causal),
      /got 'decoder' with head 'language-modeling'; use PerformerForCausalLM, or give numLabels for a new output layer on its body$/,
    ],
    [
      "the body is of an architecture that the class does not have",
      () => PerformerForTokenClassification.fromFiles(causal, { numLabels: 2 }),
      /PerformerForTokenClassification must be 'encoder' with head 'token-classification', got 'decoder' .*; use PerformerForCausalLM$/,
    ],
    [
      "the body has two stacks",
      () =>
        PerformerForSequenceClassification.fromFiles(PerformerForSeq2SeqLM.create(tiny).toFiles(), { numLabels: 2 }),
      /got 'encoder-decoder' with head 'language-modeling'; use PerformerForSeq2SeqLM$/,
    ],
    [
      "options of a new layer come with a saved one",
      () => PerformerForSequenceClassification.fromFiles(classifier.toFiles(), { pooling: "last" }),
      /^from_pretrained: pooling must come with a new output layer, got a saved model that has its own; leave it out$/,
    ],
    [
      "a class is one of one",
      () => PerformerForSequenceClassification.fromFiles(masked, { numLabels: 1 }),
      /numLabels must be 2 or more/,
    ],
  ])("where %s", (_name, load, message) => {
    expect(load).toThrow(message);
  });
});
