/** Tokenizer files of exports: other programs read the ids that our vocabularies give, between their special tokens. */

import { Tokenizer } from "@huggingface/tokenizers";
import { describe, expect, it } from "vitest";

import { tokenizerFiles } from "../../src/convert/onnx/tokenizer-files.ts";
import {
  byteVocabulary,
  characterVocabulary,
  proteinVocabulary,
  vocabularyFrom,
  type Vocabulary,
} from "../../src/data/index.ts";
import { loadGolden } from "./golden.ts";
import { present } from "../model/harness.ts";

const plain = { longest: 128, lowerCase: false, prompt: "" };

function open(vocabulary: Vocabulary, settings = plain) {
  const files = present(tokenizerFiles({ vocabulary, ...settings }));
  const config = present(files["tokenizer_config.json"]);
  const json = present(files["tokenizer.json"]);
  return { tokenizer: new Tokenizer(json, config), json, config };
}

const words = vocabularyFrom({ kind: "words", name: "sums", words: ["[MAX", "7", "13", "]"] });

describe("tokenizerFiles", () => {
  it.each<[string, Vocabulary, string]>([
    ["letters", proteinVocabulary, "MKVXAA"],
    ["characters, blanks and line ends among them", characterVocabulary("ab c\nñ𝔸"), "a b\n\n c𝔸ñ"],
    ["words", words, "[MAX 7 13  7 ]"],
  ])("reads %s", (_kind, vocabulary, text) => {
    const { bosId, eosId } = vocabulary;
    const ids = [bosId, ...vocabulary.encode(text), eosId];
    expect(open(vocabulary).tokenizer.encode(text).ids).toEqual(ids);
  });

  it("reads what a vocabulary does not know as hidden", () => {
    const { bosId, eosId, maskId } = proteinVocabulary;
    const { tokenizer, config } = open(proteinVocabulary);
    expect(tokenizer.encode("M-<mask>").ids).toEqual([
      bosId,
      present(proteinVocabulary.encode("M")[0]),
      maskId,
      maskId,
      eosId,
    ]);
    expect(config).toMatchObject({
      pad_token: "<pad>",
      mask_token: "<mask>",
      unk_token: "<mask>",
      model_max_length: 128,
    });
  });

  it("keeps a pretrained tokenizer but for its fixed lengths", async () => {
    const { vocabulary, encode } = await loadGolden("bert");
    const description = vocabulary.toJSON();
    if (description.kind !== "tokenizer") throw new Error("not the tokenizer's vocabulary");
    const fixed = { ...description.json, truncation: { max_length: 3 }, padding: { strategy: { Fixed: 9 } } };
    const text = "A man is eating bread";
    const { tokenizer, json } = open({ ...vocabulary, toJSON: () => ({ ...description, json: fixed }) });
    expect(json).toMatchObject({ truncation: null, padding: null });
    expect(tokenizer.encode(text).ids).toEqual([...encode(text).tokenIds]);
  });

  it("makes texts lower case and puts the prompt in front", () => {
    const vocabulary = characterVocabulary("abcq: ");
    const { tokenizer } = open(vocabulary, { ...plain, lowerCase: true, prompt: "q: " });
    const { bosId, eosId } = vocabulary;
    expect(tokenizer.encode("ABc").ids).toEqual([bosId, ...vocabulary.encode("q: abc"), eosId]);
  });

  it("has no form for bytes", () => {
    expect(tokenizerFiles({ vocabulary: byteVocabulary, ...plain })).toBeUndefined();
  });

  it("states no length where there is none", () => {
    const { config } = open(proteinVocabulary, { ...plain, longest: Number.POSITIVE_INFINITY });
    expect(config).not.toHaveProperty("model_max_length");
  });
});
