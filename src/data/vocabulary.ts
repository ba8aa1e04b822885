/** Vocabularies: which letters a model reads, and the numbers that stand for them. */
import { DataError } from "./errors.ts";

/** Where a sequence came from, for messages. */
export interface SequenceOrigin {
  readonly recordId: string;
  /** The file's name. */
  readonly fileName?: string;
  /** The line of the record's header, counted from 1. */
  readonly line?: number;
}

/** An alphabet of single letters behind four special tokens; the layout is the same for every alphabet. */
export interface Vocabulary {
  readonly name: string;
  /** The token of every id: the specials first, then the letters. */
  readonly tokens: readonly string[];
  /** Number of tokens, specials included. */
  readonly size: number;
  /** Fills up rows behind their end. */
  readonly padId: number;
  /** Stands in front of the first letter. */
  readonly bosId: number;
  /** Stands behind the last letter. */
  readonly eosId: number;
  /** Hides a letter in masked training. */
  readonly maskId: number;
  /**
   * The ids of a sequence's letters, without specials.
   *
   * @param where named in the message when a letter is refused
   * @throws DataError on the first character outside the alphabet, with its position counted from 1
   */
  encode(sequence: string, where?: SequenceOrigin): Int32Array;
  /**
   * The tokens of ids, joined; specials read "<bos>" and so on.
   *
   * @throws DataError on an id outside [0, size)
   */
  decode(ids: Iterable<number>): string;
  /** Whether an id stands for a letter rather than for a special token. */
  isResidue(id: number): boolean;
}

const SPECIAL_TOKENS = ["<pad>", "<bos>", "<eos>", "<mask>"] as const;

/**
 * A vocabulary of `<pad>` = 0, `<bos>` = 1, `<eos>` = 2, `<mask>` = 3 and then the given letters.
 *
 * @param letters distinct ASCII characters, in the order of their ids
 * @throws DataError when a letter repeats or is not ASCII
 */
export function letterVocabulary({ name, letters }: { readonly name: string; readonly letters: string }): Vocabulary {
  const tokens: readonly string[] = [...SPECIAL_TOKENS, ...Array.from(letters)];
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
    idOfCode[code] = SPECIAL_TOKENS.length + index;
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
    const fix = upper !== character && letters.includes(upper) ? "write it in upper case" : "replace or remove it";
    return new DataError({
      who: where === undefined ? `${name} vocabulary` : describeOrigin(where),
      rule: `the letters of a ${name} sequence must be among ${letters}`,
      got: `${JSON.stringify(character)} at position ${index + 1}`,
      fix,
    });
  }

  function decode(ids: Iterable<number>): string {
    let text = "";
    for (const id of ids) {
      const token = tokens[id];
      if (token === undefined) {
        throw new DataError({
          who: `${name} vocabulary`,
          rule: `ids must be integers from 0 to ${tokens.length - 1}`,
          got: String(id),
          fix: "decode only ids that this vocabulary or a model of its size produced",
        });
      }
      text += token;
    }
    return text;
  }

  return {
    name,
    tokens,
    size: tokens.length,
    padId: 0,
    bosId: 1,
    eosId: 2,
    maskId: 3,
    encode,
    decode,
    isResidue: (id) => id >= SPECIAL_TOKENS.length && id < tokens.length,
  };
}

/**
 * Amino acids by their IUPAC letters: the 20 standard ones, then B (D or N), O (pyrrolysine), U (selenocysteine),
 * X (unknown), Z (E or Q), which real databases contain. 29 tokens with the specials.
 */
export const proteinVocabulary: Vocabulary = letterVocabulary({
  name: "protein",
  letters: "ACDEFGHIKLMNPQRSTVWYBOUXZ",
});

/** For example "human.fasta, line 12, record P02768": the line is that of the record's header. */
function describeOrigin({ recordId, fileName, line }: SequenceOrigin): string {
  const parts = [`record ${recordId}`];
  if (line !== undefined) parts.unshift(`line ${line}`);
  if (fileName !== undefined) parts.unshift(fileName);
  return parts.join(", ");
}
