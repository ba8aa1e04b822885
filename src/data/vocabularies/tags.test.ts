/** Tags as tokens: where they stand, what they are not, and the names that are refused. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { letterVocabulary, proteinVocabulary } from "./letters.ts";
import { vocabularyFrom } from "./description.ts";
import { tagId, tagIds } from "./tags.ts";

const options = { name: "protein", letters: "ACDEF" };
const vocabulary = letterVocabulary({ ...options, tags: ["Bos taurus", "PS00280", "A"] });

describe("a vocabulary with tags", () => {
  test("has them behind the letters, as special tokens", () => {
    expect(vocabulary.tokens.slice(4)).toEqual(["A", "C", "D", "E", "F", "<Bos taurus>", "<PS00280>", "<A>"]);
    expect(vocabulary.size).toBe(12);
    expect(tagIds(vocabulary)).toEqual([9, 10, 11]);
    expect([3, 4, 8, 9, 11].filter((id) => vocabulary.isResidue(id))).toEqual([4, 8]);
    expect(vocabulary.decode([10, ...vocabulary.encode("ACE")])).toBe("<PS00280>ACE");
    expect(() => vocabulary.encode("<A>")).toThrow('must be among ACDEF, got "<" at position 1');
  });

  test("is the same after a way through JSON, and without tags as it always was", () => {
    const again = vocabularyFrom(JSON.parse(JSON.stringify(vocabulary)));
    expect(again.tags).toEqual(vocabulary.tags);
    expect(again.tokens).toEqual(vocabulary.tokens);
    expect(JSON.stringify(letterVocabulary({ ...options, tags: [] }))).toBe(
      '{"kind":"letters","name":"protein","letters":"ACDEF"}',
    );
    expect(tagIds(proteinVocabulary)).toEqual([]);
  });

  test("finds any of many tags by its name", () => {
    const names = fc.uniqueArray(
      fc.string().filter((name) => name.trim() !== "" && !/[\p{Cc}<>]|^(pad|bos|eos|mask)$/u.test(name)),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(names, (tags) => {
        const many = letterVocabulary({ ...options, tags });
        expect(tags.map((name) => many.tokens[tagId(many, name, "here")])).toEqual(tags.map((name) => `<${name}>`));
      }),
    );
  });
});

describe("tagId", () => {
  test("names the number of tags and the nearest one", () => {
    expect(tagId(vocabulary, "Bos taurus", "here")).toBe(9);
    expect(() => tagId(vocabulary, "bos tauris", "--tag")).toThrow(
      '--tag: a tag must be one of the 3 of the model, got "bos tauris"; did you mean "Bos taurus"? config.json of the model lists all of them.',
    );
    expect(() => tagId(vocabulary, "nonsense", "--tag")).toThrow('got "nonsense"; config.json');
  });

  test("tells how a model without tags comes by some", () => {
    expect(() => tagId(proteinVocabulary, "x", "generate")).toThrow(
      'generate: a model must have been trained with tags to follow one, got "x" for a model without any; leave the tag out, or train a model with --set data.tags=family.',
    );
  });
});

test.each(["", " ", "a\nb", "a\u0000", "<a", "a>", "A", "bos", "mask"])("a tag is not called %j", (name) => {
  expect(() => letterVocabulary({ ...options, tags: ["A", name] })).toThrow(
    `protein vocabulary: tags must be distinct, not empty, without control characters, < and >, and none of <pad> <bos> <eos> <mask>, got ${JSON.stringify(name)} at position 2`,
  );
});
