/** The 20 standard residues as numbers, for sums by kind of residue. */
import { ConfigError, problem } from "../graph/errors.ts";
import { standardResidues } from "../data/vocabularies/letters.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import { ndarray } from "../graph/ndarray.ts";
import type { Tensor } from "../graph/tensor.ts";
import { gather } from "../ops/gather.ts";
import { constant } from "../ops/source.ts";

/** Kinds of residues. */
export const RESIDUE_TYPES = standardResidues.length;

/**
 * The number of the standard residue that each id stands for, or −1.
 *
 * @throws ConfigError for a vocabulary without one of them
 */
export function residueTypes(who: string, vocabulary: Vocabulary, vocabSize: number): readonly number[] {
  const types = Array.from({ length: vocabSize }, (_, id) => {
    const token = vocabulary.tokens[id] ?? "";
    return token.length === 1 ? standardResidues.indexOf(token) : -1;
  });
  const missing = Array.from(standardResidues).filter((_, type) => !types.includes(type));
  if (missing.length === 0) return types;
  throw new ConfigError(
    problem`${who}: the vocabulary must have the ${RESIDUE_TYPES} standard residues, got one without
    ${missing.join(", ")}; use a model of proteins`,
  );
}

/** `[B, L]` → `[B, L, 20]`: 1 at a residue's type; other tokens have none. */
export function oneHotTypes(tokenIds: Tensor, types: readonly number[]): Tensor {
  return gather(typeTable(types), tokenIds);
}

/** `[V, 20]`: 1 where a token is a residue of a type. */
export function typeTable(types: readonly number[]): Tensor {
  const table = new Float32Array(types.length * RESIDUE_TYPES);
  types.forEach((type, id) => {
    if (type >= 0) table[id * RESIDUE_TYPES + type] = 1;
  });
  return constant(ndarray(table, [types.length, RESIDUE_TYPES]));
}
