/** Alphabets of letters as vocabularies, and that of proteins. */
import { DataError } from "../errors.ts";
import type { SequenceOrigin, Vocabulary } from "../vocabulary.ts";
import { complainant, FIRST_ORDINARY_ID, vocabularyBehindSpecials } from "./specials.ts";

/** Options of an alphabet. */
export interface LetterOptions {
  /** The name, for messages and tables. */
  readonly name: string;
  /** Distinct ASCII characters, in the order of their ids. */
  readonly letters: string;
  /**
   * Names of conditioning tags, each of which can stand in front of a sequence in place of <bos>
   * (`EncodedSequence.startId`); the token of "globin" is <globin>. Special tokens: no text encodes to them, and they
   * are neither predicted nor hidden. Default none.
   */
  readonly tags?: readonly string[];
}

/**
 * A vocabulary of `<pad>` = 0, `<bos>` = 1, `<eos>` = 2, `<mask>` = 3, then the given letters, and behind them the
 * tags.
 *
 * @throws DataError when a letter repeats or is not ASCII, and on tags that `checkTags` refuses
 */
export function letterVocabulary({ name, letters, tags = [] }: LetterOptions): Vocabulary {
  const idOfCode = new Int32Array(128).fill(-1);
  for (const [index, letter] of Array.from(letters).entries()) {
    const code = letter.charCodeAt(0);
    if (code >= 128 || idOfCode[code] !== -1) {
      throw new DataError({
        who: `letterVocabulary ${name}`,
        rule: "letters must be distinct ASCII characters",
        got: `${JSON.stringify(letter)} at position ${index + 1}`,
        fix: "remove it from the letters",
      });
    }
    idOfCode[code] = FIRST_ORDINARY_ID + index;
  }

  function encode(sequence: string, where?: SequenceOrigin): Int32Array {
    const ids = new Int32Array(sequence.length);
    for (let i = 0; i < sequence.length; i++) {
      const id = idOfCode[sequence.charCodeAt(i)] ?? -1;
      if (id < 0) throw illegalCharacter(sequence, i, where);
      ids[i] = id;
    }
    return ids;
  }

  function illegalCharacter(sequence: string, index: number, where?: SequenceOrigin): DataError {
    const character = String.fromCodePoint(sequence.codePointAt(index) ?? 0);
    const upper = character.toUpperCase();
    const mend = upper !== character && letters.includes(upper) ? "write it in upper case" : "replace or remove it";
    const fix = `${mend}; for text take another vocabulary: bytes, characters or a tokenizer`;
    return new DataError({
      who: complainant(name, where),
      rule: `the letters of a ${name} sequence must be among ${letters}`,
      got: `${JSON.stringify(character)} at position ${index + 1}`,
      fix,
    });
  }

  return vocabularyBehindSpecials({
    name,
    ordinary: Array.from(letters),
    tags,
    encode,
    description: { kind: "letters", name, letters, ...(tags.length > 0 && { tags }) },
  });
}

/** The 20 amino acids of the genetic code, in alphabetical order of their one-letter codes. */
export const standardResidues = "ACDEFGHIKLMNPQRSTVWY";

/**
 * Amino acids by their IUPAC letters: the 20 standard ones, then B (D or N), O (pyrrolysine), U (selenocysteine),
 * X (unknown), Z (E or Q), which real databases contain. 29 tokens with the specials.
 */
export const proteinVocabulary: Vocabulary = letterVocabulary({
  name: "protein",
  letters: `${standardResidues}BOUXZ`,
});
