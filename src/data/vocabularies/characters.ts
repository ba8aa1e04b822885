/** Text as the characters that it is known to consist of. */
import { DataError } from "../errors.ts";
import { complainant, FIRST_ORDINARY_ID, vocabularyBehindSpecials } from "./specials.ts";
import type { SequenceOrigin, Vocabulary } from "../vocabulary.ts";

/**
 * The distinct characters (Unicode code points) of all given texts behind the specials, in ascending order.
 *
 * @param texts one text, several, or a list of characters, which is the same
 * @throws DataError when the texts hold no character
 */
export function characterVocabulary(texts: string | Iterable<string>): Vocabulary {
  const distinct = new Set<string>();
  for (const text of typeof texts === "string" ? [texts] : texts) {
    for (const character of text) distinct.add(character);
  }
  const characters = [...distinct].sort((a, b) => codePoint(a) - codePoint(b));
  if (characters.length === 0) {
    throw new DataError({
      who: "characterVocabulary",
      rule: "there must be at least one character",
      got: "texts without any",
      fix: "pass the training text, or the list of characters",
    });
  }
  const idOf = new Map(characters.map((character, index) => [character, FIRST_ORDINARY_ID + index]));

  function encode(text: string, where?: SequenceOrigin): Int32Array {
    const ids = new Int32Array(text.length);
    let count = 0;
    for (const character of text) {
      const id = idOf.get(character);
      if (id === undefined) {
        throw new DataError({
          who: complainant("character", where),
          rule: `characters must be among the ${characters.length} of the vocabulary`,
          got: `${JSON.stringify(character)} at position ${count + 1}`,
          fix:
            "replace or remove it, make the vocabulary from all texts, or use byteVocabulary, which knows every " +
            "text",
        });
      }
      ids[count++] = id;
    }
    // Shorter than text.length where characters outside the basic plane take two UTF-16 units.
    return count === ids.length ? ids : ids.slice(0, count);
  }

  return vocabularyBehindSpecials({
    name: "character",
    ordinary: characters,
    encode,
    description: { kind: "characters", characters: characters.join("") },
  });
}

function codePoint(character: string): number {
  return character.codePointAt(0) ?? 0;
}
