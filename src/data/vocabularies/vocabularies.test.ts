/** Every kind of vocabulary: there and back, its special tokens, its complaints, and its way through JSON. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { letterVocabulary, proteinVocabulary } from "./letters.ts";
import { byteVocabulary, encodeBytes } from "./bytes.ts";
import { characterVocabulary } from "./characters.ts";
import { vocabularyFrom, vocabularyKinds } from "./description.ts";
import { encodePixels, imageShapeOf, imageVocabulary, pixelVocabulary } from "./pixels.ts";
import { tokenizerVocabulary } from "./tokenizer.ts";
import { wordVocabulary } from "./words.ts";
import type { Vocabulary } from "../vocabulary.ts";

const added = (id: number, content: string) => ({
  id,
  content,
  special: true,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
});

/** A byte-level BPE tokenizer in the manner of GPT-2, of four letters and two merges. "Ġ" is the blank. */
const bpe = {
  model: {
    type: "BPE",
    vocab: { l: 0, o: 1, w: 2, Ġ: 3, lo: 4, low: 5, "<|endoftext|>": 6 },
    merges: ["l o", "lo w"],
  },
  added_tokens: [added(6, "<|endoftext|>")],
  normalizer: null,
  pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
  post_processor: null,
  decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
};

/** A tokenizer in the manner of BERT, with all four special tokens. */
const wordPiece = {
  model: {
    type: "WordPiece",
    continuing_subword_prefix: "##",
    max_input_chars_per_word: 100,
    vocab: { "[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, a: 5, b: 6 },
    unk_token: "[UNK]",
  },
  added_tokens: ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map((content, id) => added(id, content)),
  pre_tokenizer: { type: "Whitespace" },
};

const samples: Readonly<
  Record<(typeof vocabularyKinds)[number], { readonly vocabulary: Vocabulary; readonly text: string }>
> = {
  letters: { vocabulary: letterVocabulary({ name: "DNA", letters: "ACGT" }), text: "GATTACA" },
  bytes: { vocabulary: byteVocabulary, text: "Größe 😀\n\0" },
  characters: { vocabulary: characterVocabulary("zürich 😀"), text: "rüh😀 z" },
  words: { vocabulary: wordVocabulary({ name: "ops", words: ["[MAX", "7", "]"] }), text: "[MAX 7 7 ]" },
  pixels: { vocabulary: imageVocabulary({ width: 3, height: 2, channels: 1 }), text: "0 17 255" },
  tokenizer: { vocabulary: tokenizerVocabulary({ json: bpe, name: "tiny" }), text: "low lo w" },
};

describe.each(Object.entries(samples))("a vocabulary of %s", (kind, { vocabulary, text }) => {
  test("decodes what it encoded, into ordinary tokens", () => {
    const ids = vocabulary.encode(text);
    expect(vocabulary.decode(ids)).toBe(text);
    expect(ids.every((id) => vocabulary.isResidue(id))).toBe(true);
  });

  test("has four different special tokens that are not ordinary, and a token for every id", () => {
    const { padId, bosId, eosId, maskId, size, tokens } = vocabulary;
    const specials = [padId, bosId, eosId, maskId];
    // One token may open and close, as <|endoftext|> does; padding and the mask are always their own.
    expect(new Set(specials).size).toBe(kind === "tokenizer" ? 3 : 4);
    expect(specials.some((id) => vocabulary.isResidue(id))).toBe(false);
    expect(tokens).toHaveLength(size);
    expect([-1, size, 0.5].some((id) => vocabulary.isResidue(id))).toBe(false);
  });

  test("refuses to decode ids that it does not have", () => {
    for (const id of [-1, vocabulary.size, 1.5]) {
      expect(() => vocabulary.decode([id])).toThrow(`ids must be integers from 0 to ${vocabulary.size - 1}, got ${id}`);
    }
  });

  test("is the same after a way through JSON", () => {
    const again = vocabularyFrom(JSON.parse(JSON.stringify(vocabulary)));
    expect(vocabulary.toJSON().kind).toBe(kind);
    const { tokens, padId, bosId, eosId, maskId } = vocabulary;
    expect(again).toMatchObject({ tokens, padId, bosId, eosId, maskId });
    expect(again.encode(text)).toEqual(vocabulary.encode(text));
    expect(again.toJSON()).toEqual(vocabulary.toJSON());
  });
});

test("every kind of vocabulary has its sample above", () => {
  expect(Object.keys(samples).sort()).toEqual([...vocabularyKinds].sort());
});

describe("byteVocabulary", () => {
  test("encodes any text, and any bytes", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("a", "é", "€", "😀", "\0", "\n", "\uFEFF")), (characters) => {
        const text = characters.join("");
        expect(byteVocabulary.decode(byteVocabulary.encode(text))).toBe(text);
      }),
      { numRuns: 50 },
    );
    expect([...encodeBytes(Uint8Array.of(0, 10, 255))]).toEqual([4, 14, 259]);
    expect(byteVocabulary.size).toBe(260);
  });

  test("shows special tokens, and bytes that are no text, where they stand", () => {
    const [h = 0, i = 0] = byteVocabulary.encode("hi");
    expect(byteVocabulary.decode([1, h, 3, i, 4 + 0xff, 2])).toBe("<bos>h<mask>i\uFFFD<eos>");
    expect(byteVocabulary.tokens.slice(4 + 0x40, 4 + 0x42)).toEqual(["@", "A"]);
    expect(byteVocabulary.tokens[4 + 10]).toBe("<0x0A>");
  });
});

describe("characterVocabulary", () => {
  test("collects the distinct characters of all texts in ascending order", () => {
    expect(characterVocabulary(["ba", "c😀a"]).tokens.slice(4)).toEqual(["a", "b", "c", "😀"]);
    expect(characterVocabulary("cab").toJSON()).toEqual({ kind: "characters", characters: "abc" });
  });

  test("counts characters, not UTF-16 units, and names the one that it refuses", () => {
    const vocabulary = characterVocabulary("a😀");
    expect(vocabulary.encode("😀a😀")).toEqual(Int32Array.of(5, 4, 5));
    expect(() => vocabulary.encode("😀ab", { recordId: "emma.txt" })).toThrow(
      'record emma.txt: characters must be among the 2 of the vocabulary, got "b" at position 3',
    );
    expect(() => characterVocabulary([])).toThrow("there must be at least one character");
  });
});

test("wordVocabulary refuses unknown words, and lists with repeated ones", () => {
  const vocabulary = wordVocabulary({ name: "ops", words: ["a", "b"] });
  expect(() => vocabulary.encode(" a  b c")).toThrow(
    'ops vocabulary: the words of a ops sequence must be among a b, got "c" at position 3',
  );
  expect(() => wordVocabulary({ name: "ops", words: ["a", "a"] })).toThrow('got "a" at position 2');
  expect(() => wordVocabulary({ name: "ops", words: ["a b"] })).toThrow("without blanks");
});

describe("pixelVocabulary", () => {
  test("puts intensities behind the specials and refuses what is none", () => {
    expect(encodePixels(Uint8Array.of(0, 255))).toEqual(Int32Array.of(4, 259));
    expect(pixelVocabulary.encode("0, 255")).toEqual(Int32Array.of(4, 259));
    for (const text of ["256", "-1", "1.5", "1e2", "x"]) {
      expect(() => pixelVocabulary.encode(`3 ${text}`)).toThrow(`got "${text}" at position 2`);
    }
  });

  test("knows the shape of its images only where it was given", () => {
    expect(imageShapeOf(imageVocabulary({ width: 2, height: 5, channels: 3 }))).toEqual({
      width: 2,
      height: 5,
      channels: 3,
    });
    expect(imageShapeOf(vocabularyFrom({ kind: "pixels" }))).toBeUndefined();
    expect(imageShapeOf(proteinVocabulary)).toBeUndefined();
  });
});

describe("tokenizerVocabulary", () => {
  test("keeps the tokenizer's ids and adds the special tokens that it lacks behind them", () => {
    const vocabulary = tokenizerVocabulary({ json: bpe });
    expect(vocabulary.encode("low lo")).toEqual(Int32Array.of(5, 3, 4));
    expect(vocabulary).toMatchObject({ bosId: 6, eosId: 6, padId: 7, maskId: 8, size: 9 });
    expect(vocabulary.tokens.slice(7)).toEqual(["<pad>", "<mask>"]);
    expect(vocabulary.decode([6, 5, 8, 3, 4, 7])).toBe("<|endoftext|>low<mask> lo<pad>");
  });

  test("finds special tokens by their usual names, and by those of tokenizer_config.json first", () => {
    expect(tokenizerVocabulary({ json: wordPiece })).toMatchObject({
      padId: 0,
      bosId: 2,
      eosId: 3,
      maskId: 4,
      size: 7,
    });
    const config = { bos_token: { content: "[UNK]" }, pad_token: "[SEP]" };
    // [SEP] is the end already, so padding is another token.
    expect(tokenizerVocabulary({ json: wordPiece, config })).toMatchObject({ bosId: 1, eosId: 3, padId: 0 });
  });

  test("adds no special tokens to what it encodes", () => {
    const vocabulary = tokenizerVocabulary({ json: wordPiece });
    expect(vocabulary.encode("a c b")).toEqual(Int32Array.of(5, 1, 6));
    expect(vocabulary.encode("")).toEqual(new Int32Array(0));
  });

  test("refuses JSON that is no tokenizer, and text without tokens", () => {
    expect(() => tokenizerVocabulary({ json: { vocab: {} }, name: "mine" })).toThrow(
      /^tokenizerVocabulary mine: the JSON must be that of a tokenizer\.json, got .*added_tokens/,
    );
    expect(() => tokenizerVocabulary({ json: { ...bpe, model: { type: "Nonsense" } } })).toThrow(
      "the JSON must be that of a tokenizer.json",
    );
    const words = { ...wordPiece, model: { type: "WordLevel", vocab: { a: 5 } } };
    expect(() => tokenizerVocabulary({ json: words }).encode("a c")).toThrow(
      "every part of the text must have a token",
    );
  });
});

test("vocabularyFrom refuses what describes no vocabulary", () => {
  for (const description of [undefined, null, {}, { kind: "runes" }, { kind: "letters" }, { kind: "bytes", more: 1 }]) {
    expect(() => vocabularyFrom(description)).toThrow(
      "vocabularyFrom: a description must have a kind (letters, bytes,",
    );
  }
});
