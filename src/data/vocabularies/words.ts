/** Sequences of words from a fixed list, separated by blanks: formal languages such as ListOps. */
import { DataError, quoted } from "../errors.ts";
import { complainant, FIRST_ORDINARY_ID, vocabularyBehindSpecials } from "./specials.ts";
import type { SequenceOrigin, Vocabulary } from "../vocabulary.ts";

/**
 * The given words behind the specials.
 *
 * @param words distinct, not empty, without blanks, in the order of their ids
 * @throws DataError when a word repeats, is empty or holds a blank
 */
export function wordVocabulary(options: { readonly name: string; readonly words: readonly string[] }): Vocabulary {
  const { name, words } = options;
  const idOf = new Map<string, number>();
  for (const [index, word] of words.entries()) {
    if (!/^\S+$/u.test(word) || idOf.has(word)) {
      throw new DataError({
        who: `wordVocabulary ${name}`,
        rule: "words must be distinct, not empty and without blanks",
        got: `${quoted(word)} at position ${index + 1}`,
        fix: "remove it from the words",
      });
    }
    idOf.set(word, FIRST_ORDINARY_ID + index);
  }

  function encode(sequence: string, where?: SequenceOrigin): Int32Array {
    const found = sequence.split(/\s+/).filter((word) => word !== "");
    return Int32Array.from(found, (word, index) => {
      const id = idOf.get(word);
      if (id !== undefined) return id;
      const shown = words.length > 30 ? `the ${words.length} of the vocabulary` : words.join(" ");
      throw new DataError({
        who: complainant(name, where),
        rule: `the words of a ${name} sequence must be among ${shown}`,
        got: `${quoted(word)} at position ${index + 1}`,
        fix: "replace or remove it",
      });
    });
  }

  return vocabularyBehindSpecials({
    name,
    ordinary: words,
    encode,
    separator: " ",
    description: { kind: "words", name, words },
  });
}
