/**
 * Which amino acids a model treats alike: similarities of all pairs, from its attention, its embeddings or its
 * predictions.
 */
import { ConfigError, problem } from "../graph/errors.ts";
import { DataError } from "../data/errors.ts";
import { standardResidues } from "../data/vocabularies/letters.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import type { NdArray } from "../graph/ndarray.ts";
import type { Named } from "../model/parameters.ts";
import { pearson } from "../statistics/index.ts";
import type { ResidueAttention } from "./residue-attention.ts";
import type { ResiduePredictions } from "./residue-predictions.ts";
import { cosine } from "./retrieval.ts";

/** Similarities of the 20 standard residues. */
export interface SimilarityMatrix {
  /** The residues, in the order of rows and columns. */
  readonly letters: string;
  /** `[20][20]`, symmetric. The diagonal, a residue and itself, is NaN: it says nothing, and counts nowhere. */
  readonly values: readonly (readonly number[])[];
}

/** The quantities that similarity can be computed from. */
export const similarityViews = ["heads", "pairs", "embeddings", "predictions"] as const;
export type SimilarityView = (typeof similarityViews)[number];

/** Each in a sentence. */
export const similarityMeanings = {
  heads: "Pearson correlation, over all heads, of the shares of attention that two amino acids receive",
  pairs: "attention of two amino acids to each other, all heads together, over that of uniform attention",
  embeddings: "cosine of the token embeddings",
  predictions: "how much more one amino acid is expected where the other stands than elsewhere, in nats",
} as const satisfies Record<SimilarityView, string>;

/** Fewer points give correlations of ±1. */
export const LEAST_HEADS = 3;

/**
 * Two amino acids are alike if the same heads look at them: the Pearson correlation, over heads h, of the shares p_h(a)
 * = Σ_ij A_ij [x_j = a] / Σ_ij A_ij of each head's attention that they receive. Attention to and from special tokens is
 * left out.
 *
 * A correlation over few heads is noisy: a model of 16 heads has a standard error of 0.26 in each entry.
 *
 * @throws ConfigError below 3 heads
 * Source: section 4.1 of arXiv:2006.15222, as figure 10 of arXiv:2009.14794 uses it.
 */
export function headSimilarity({ maps, sums }: Pick<ResidueAttention, "maps" | "sums">): SimilarityMatrix {
  if (maps.length < LEAST_HEADS) {
    throw new ConfigError(
      problem`headSimilarity: there must be at least ${LEAST_HEADS} heads, as a correlation over heads is taken, got
      ${maps.length}; take more layers and heads, or the view 'pairs'`,
    );
  }
  const shares = maps.map((_, map) => {
    const received = Array.from(standardResidues, (_, key) =>
      total(standardResidues.length, (query) => entry(sums, map, query, key)),
    );
    const all = total(received.length, (key) => received[key] ?? 0);
    return received.map((attention) => attention / all);
  });
  const profiles = Array.from(standardResidues, (_, key) => shares.map((share) => share[key] ?? Number.NaN));
  return similarityOf((a, b) => pearson(profiles[a] ?? [], profiles[b] ?? []));
}

/**
 * How much more two amino acids attend to each other than chance would have it: with sums S_ab over all heads, and U_ab
 * if every residue attended alike to all that it may see,
 *
 * r_ab = (S_ab / Σ_{c≠a} S_ac) / (U_ab / Σ_{c≠a} U_ac), similarity = (r_ab + r_ba) / 2; 1 is chance.
 *
 * Rows are normalised without the diagonal, so that neither a frequent residue nor attention to oneself counts.
 *
 * @throws DataError when some pair never met in the sequences
 */
export function pairSimilarity({ maps, sums, uniform }: ResidueAttention): SimilarityMatrix {
  const size = standardResidues.length;
  const missing = pairsOf(standardResidues).find(
    ({ a, b }) => !(entry(uniform, 0, a, b) > 0 && entry(uniform, 0, b, a) > 0),
  );
  if (missing !== undefined) {
    throw new DataError({
      who: "pairSimilarity",
      rule: "every pair of the 20 standard residues must occur in some sequence",
      got: `none that holds ${missing.letters.split("").join(" and ")}`,
      fix: "give more sequences",
    });
  }
  const attention = (a: number, b: number) => total(maps.length, (map) => entry(sums, map, a, b));
  const chance = (a: number, b: number) => entry(uniform, 0, a, b);
  const ratio = (a: number, b: number) => {
    const others = (of: typeof chance) => total(size, (c) => (c === a ? 0 : of(a, c)));
    return attention(a, b) / others(attention) / (chance(a, b) / others(chance));
  };
  return similarityOf((a, b) => (ratio(a, b) + ratio(b, a)) / 2);
}

/** The cosine between the vectors with which a model begins: a second view, which no attention takes part in. */
export function embeddingSimilarity({
  tensors,
  vocabulary,
}: {
  readonly tensors: Named<NdArray>;
  readonly vocabulary: Vocabulary;
}): SimilarityMatrix {
  const table = tensors["tokenEmbedding.weight"];
  const width = table?.shape[1] ?? 0;
  const vectors = Array.from(standardResidues, (letter) => {
    const start = vocabulary.tokens.indexOf(letter) * width;
    if (table === undefined || start < 0) {
      throw new ConfigError(
        problem`embeddingSimilarity: the model must have an embedding of '${letter}', got none; use a model of
        proteins`,
      );
    }
    return Array.from({ length: width }, (_, column) => Number(table.data[start + column]));
  });
  return similarityOf((a, b) => cosine(vectors[a] ?? [], vectors[b] ?? []));
}

/**
 * How much more a model expects one amino acid where another stands, s_ab = mean log p(b) where a stands − mean log
 * p(b) everywhere, similarity = (s_ab + s_ba) / 2 in nats: what BLOSUM's log-odds say of aligned proteins, said of a
 * model's predictions.
 *
 * @throws DataError when some residue does not occur
 */
export function predictionSimilarity({ sums, counts }: ResiduePredictions): SimilarityMatrix {
  const size = standardResidues.length;
  const missing = Array.from(standardResidues).find((_, type) => !(Number(counts[type]) > 0));
  if (missing !== undefined) {
    throw new DataError({
      who: "predictionSimilarity",
      rule: "every one of the 20 standard residues must occur in some sequence",
      got: `none that holds ${missing}`,
      fix: "give more sequences",
    });
  }
  const places = total(size, (a) => counts[a] ?? 0);
  const everywhere = Array.from({ length: size }, (_, b) => total(size, (a) => entry(sums, 0, a, b)) / places);
  const logOdds = (a: number, b: number) => entry(sums, 0, a, b) / (counts[a] ?? Number.NaN) - (everywhere[b] ?? 0);
  return similarityOf((a, b) => (logOdds(a, b) + logOdds(b, a)) / 2);
}

/** A pair of different letters, by its numbers and as text: "DE". */
export interface LetterPair {
  readonly a: number;
  readonly b: number;
  readonly letters: string;
}

/** All pairs of different letters, each once: 190 of 20. */
export function pairsOf(letters: string): readonly LetterPair[] {
  return Array.from(letters).flatMap((first, a) =>
    Array.from(letters.slice(a + 1), (second, index) => ({ a, b: a + 1 + index, letters: first + second })),
  );
}

function similarityOf(similarity: (a: number, b: number) => number): SimilarityMatrix {
  const values = Array.from(standardResidues, (_, a) =>
    Array.from(standardResidues, (_, b) => (a === b ? Number.NaN : similarity(Math.min(a, b), Math.max(a, b)))),
  );
  return { letters: standardResidues, values };
}

function entry(sums: Float64Array, map: number, a: number, b: number): number {
  const size = standardResidues.length;
  return sums[(map * size + a) * size + b] ?? Number.NaN;
}

function total(count: number, of: (index: number) => number): number {
  let sum = 0;
  for (let index = 0; index < count; index++) sum += of(index);
  return sum;
}
