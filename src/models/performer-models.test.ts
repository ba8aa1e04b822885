/**
 * What ready models refuse before anything is compiled: mistakes of callers without types, and labels that are no
 * class.
 */
import { describe, expect, it } from "vitest";
import { DataError } from "../data/index.ts";
import { PerformerForCausalLM } from "./performer-for-causal-lm.ts";
import { PerformerForMaskedLM, type FillMaskOptions } from "./performer-for-masked-lm.ts";
import { PerformerForSeq2SeqLM } from "./performer-for-seq2seq-lm.ts";
import { PerformerForSequenceClassification } from "./performer-for-sequence-classification.ts";
import { PerformerForTokenClassification } from "./performer-for-token-classification.ts";

const tiny = { modelDim: 4, numLayers: 1, numHeads: 1, mlpDim: 3, numFeatures: 2, maxSeqLen: 16 } as const;
const training = { steps: 1 };
const causal = PerformerForCausalLM.create(tiny);
const masked = PerformerForMaskedLM.create(tiny);
const classifier = PerformerForSequenceClassification.create({ ...tiny, numLabels: 2 });
const regression = PerformerForSequenceClassification.create({ ...tiny, head: "regression" });
const tagger = PerformerForTokenClassification.create({ ...tiny, numLabels: 3 });
const translator = PerformerForSeq2SeqLM.create(tiny);
const classes = [
  PerformerForCausalLM,
  PerformerForMaskedLM,
  PerformerForSequenceClassification,
  PerformerForTokenClassification,
  PerformerForSeq2SeqLM,
];

/** A value as callers without types give it. */
const untyped = (value: unknown) => value as never;

describe("labels", () => {
  it.each([5, 2, -1, 1.5, Number.NaN, "a", "1", null])("of a classifier refuse %j", async (label) => {
    const examples = [
      { sequence: "MKV", label: 1 },
      { sequence: "MK", label: untyped(label) },
    ];
    for (const failing of [classifier.train(examples, training), classifier.evaluate(examples)]) {
      await expect(failing).rejects.toThrow(DataError);
      await expect(failing).rejects.toThrow(
        /^PerformerForSequenceClassification: label of example 2 must be a whole number from 0 to numLabels − 1 = 1, got .+; number the classes from 0/,
      );
    }
  });

  it("of validation are looked at before training begins", async () => {
    const failing = classifier.train([{ sequence: "MKV", label: 1 }], {
      ...training,
      validation: [{ sequence: "MK", label: 2 }],
    });
    await expect(failing).rejects.toThrow(/label of example 1 .*got 2/);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, "1.5", null])("of a regression refuse %j", async (label) => {
    await expect(regression.train([{ sequence: "MK", label: untyped(label) }], training)).rejects.toThrow(
      /label of example 1 must be a finite number, got /,
    );
  });

  it.each([
    [[0, 2, 3], /label 3 of example 1 must be .* from 0 to numLabels − 1 = 2, or −1 where there is none .*, got 3/],
    [[0, -2, 1], /label 2 of example 1 .*got -2/],
    [[1.5, 0, 1], /label 1 of example 1 .*got 1.5/],
    [Float32Array.of(0, 1, Number.NaN), /label 3 of example 1 .*got NaN/],
    [["0", 1, 1], /label 1 of example 1 .*got "0"/],
    [[0, 1], /labels must be one for each of the 3 tokens of sequence 1, got 2; use −1/],
    ["012", /labels must be one for each of the 3 tokens of sequence 1, got "012"/],
  ])("of a tagger refuse %j", async (labels, message) => {
    const failing = tagger.train([{ sequence: "MKV", labels: untyped(labels) }], training);
    await expect(failing).rejects.toThrow(DataError);
    await expect(failing).rejects.toThrow(message);
  });
});

describe("mistakes of callers without types", () => {
  it.each([
    [
      "a tagger's example",
      () => tagger.train(untyped(["MKV"])),
      /: example 1 must have 'sequence' and 'labels', got "MKV"; write \{ sequence: "MKV", labels/,
    ],
    [
      "a pair",
      () => translator.train(untyped(["MKV"])),
      /: example 1 must have 'source' and 'target', got "MKV"; write \{ source/,
    ],
    [
      "a pair without target",
      () => translator.train(untyped([{ source: "MKV" }])),
      /must have 'source' and 'target', got \{"source":"MKV"\}/,
    ],
    [
      "a number as target",
      () => translator.train(untyped([{ source: "MKV", target: 3 }])),
      /: target 1 must be a string, got 3/,
    ],
    [
      "an example without label",
      () => classifier.evaluate(untyped([{ sequence: "MKV" }])),
      /must have 'sequence' and 'label', got /,
    ],
    [
      "no list",
      () => classifier.train(untyped({ sequence: "MKV", label: 0 })),
      /: examples must be a list, got \{.*write \[\{ sequence/,
    ],
    [
      "one sequence to train on",
      () => causal.train(untyped("MKV")),
      /^PerformerForCausalLM: sequences must be a list, got "MKV"; write \["MKV", …\]/,
    ],
    [
      "no sequence",
      () => masked.train(untyped([undefined])),
      /^PerformerForMaskedLM: sequence 1 must be a string, got nothing/,
    ],
    [
      "one sequence to classify",
      () => classifier.predict(untyped("MKV")),
      /^predict: sequences must be a list, got "MKV"/,
    ],
    ["one sequence to tag", () => tagger.predict(untyped("MKV")), /^predict: sequences must be a list, got "MKV"/],
    ["one source", () => translator.generate(untyped("MKV")), /^generate: sources must be a list, got "MKV"/],
    [
      "options as prompt",
      () => causal.generate(untyped({ max_new_tokens: 3 })),
      /^generate: the prompt must be a string, got \{/,
    ],
    [
      "a number as options",
      () => causal.generate("MKV", untyped(3)),
      /^generate: options must be an object, got 3; the options are max_new_tokens/,
    ],
  ] as const)("%s", async (_name, call, message) => {
    await expect(call()).rejects.toThrow(message);
  });

  it.each(classes)("new without a state: $architectureName", (Model) => {
    expect(() => new Model(untyped(undefined))).toThrow(
      new RegExp(
        `^${Model.architectureName}: a model must be made from .*, got nothing; use ${Model.architectureName}\\.create`,
      ),
    );
  });
});

describe("a model of another class", () => {
  const models = [causal, masked, classifier, regression, tagger, translator];

  it.each(models.map((model) => [model.constructor.name, model] as const))("names %s as its own", (name, model) => {
    const files = model.toFiles();
    const load = () =>
      model === causal ? PerformerForMaskedLM.fromFiles(files) : PerformerForCausalLM.fromFiles(files);
    expect(load).toThrow(new RegExp(`^from_pretrained: .*; use ${name}$`));
  });
});

describe("sources that are longer than the model", () => {
  it("are refused, with their number", async () => {
    await expect(translator.generate(["MKV", "MKVLATMKVLATMKV"])).rejects.toThrow(
      /^generate: a source must have at most maxSeqLen − 2 = 14 tokens, got 15 \(source 2\); cut it/,
    );
  });
});

describe("fill_mask refuses", () => {
  it.each([
    ["MKV", {}, /^fill_mask: the sequence must hide a token, got "MKV"; write <mask> in its place, or give positions/],
    ["MKV", { positions: [3] }, /positions must be whole numbers from 0 to 2, .*got 3/],
    ["MKV", { positions: [-1] }, /got -1/],
    ["MKV", { positions: untyped(1) }, /positions must be a list, got 1; write \[2, 5\]/],
    ["M<mask>V", { top_k: 0 }, /^fill_mask: top_k must be a positive whole number, got 0/],
    ["M<mask>V", untyped({ topK: 3 }), /'topK' is not an option; did you mean 'top_k'/],
    ["M<mask>v", {}, /the sequence: .*got "v"/],
    [`${"M".repeat(14)}<mask>`, {}, /at most maxSeqLen − 2 = 14 tokens, got 15/],
    [untyped(["M<mask>V"]), {}, /the sequence must be a string, got \["M<mask>V"\]/],
  ] as [string, FillMaskOptions, RegExp][])("%j with %j", async (sequence, options, message) => {
    await expect(masked.fill_mask(sequence, options)).rejects.toThrow(message);
  });
});

describe("embed refuses", () => {
  it.each([
    [causal, ["MKV"], { pooling: "cls" }, /'cls' must come with an encoder, got a decoder/],
    [masked, ["MKV"], { pooling: "last" }, /'last' must come with a decoder, got an encoder/],
    [translator, ["MKV"], {}, /the model must be a decoder or an encoder, got 'encoder-decoder'/],
    [masked, ["MKV"], { poling: "cls" }, /'poling' is not an option; did you mean 'pooling'/],
    [masked, "MKV", {}, /^embed: sequences must be a list, got "MKV"/],
    [masked, ["MKv"], {}, /sequence 1: .*got "v"/],
    [masked, ["MKV", ""], {}, /sequence 2: a sequence must have at least one token/],
  ] as const)("a model (%#) that is asked what it cannot do", async (model, sequences, options, message) => {
    await expect(model.embed(untyped(sequences), untyped(options))).rejects.toThrow(message);
  });
});
