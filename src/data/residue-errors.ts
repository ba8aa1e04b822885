/** The error for a character that is no residue, with a remedy for each kind. */
import { DataError } from "./errors.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** A character that was met in a sequence. */
export interface MetCharacter {
  readonly bytes: Uint8Array;
  /** The index of the character's first byte. */
  readonly index: number;
  /** The residue's position, counted from 1. */
  readonly position: number;
  readonly vocabulary: Vocabulary;
  /** File, line and record. */
  readonly who: string;
}

/** The refusal of a character: gaps and stops get remedies of their own. */
export function refuseResidue({ bytes, index, position, vocabulary, who }: MetCharacter): DataError {
  const [character = ""] = new TextDecoder().decode(bytes.subarray(index, index + 4));
  const letters = vocabulary.tokens.filter((_, id) => vocabulary.isResidue(id)).join("");
  return new DataError({
    who,
    rule: `the letters of a ${vocabulary.name} sequence must be among ${letters}`,
    got: `${JSON.stringify(character)} at position ${position}`,
    fix: remedies[character] ?? "replace or remove it",
  });
}

const remedies: Readonly<Record<string, string>> = {
  "-":
    "replace or remove it: this is a gap, as in an alignment; take the file of unaligned sequences, or remove the " +
    "gaps",
  ".":
    "replace or remove it: this is a gap, as in an alignment; take the file of unaligned sequences, or remove the " +
    "gaps",
  "*":
    "replace or remove it: this is a stop, which may stand at the end of a sequence only; cut the sequence there, " +
    "or write X if it is read through",
  J: "replace or remove it: J (I or L) is written X here",
};
