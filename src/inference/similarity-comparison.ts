/**
 * How well similarities of amino acids agree with a substitution matrix: correlation, its uncertainty, the nearest
 * pairs.
 */
import { DataError } from "../data/errors.ts";
import { createRandom, shuffle } from "../random/index.ts";
import { pearson, quantile } from "../statistics/index.ts";
import { pairsOf, type SimilarityMatrix } from "./similarity.ts";
import type { SubstitutionMatrix } from "./substitution-matrix.ts";

/**
 * Pairs that chemistry makes alike, whose ranks are told: acids, rings, branched chains, bases. The first two are named
 * by the paper.
 */
const NOTED_PAIRS = ["DE", "FY", "IV", "KR"] as const;

export interface ComparisonOptions {
  /** Decides permutations and resamples. Default 0. */
  readonly seed?: number;
  /** Default 4999: p-values from 0.0002 on. */
  readonly permutations?: number;
  /** Default 2000, where the ends of the interval move by a few per cent of its width. */
  readonly resamples?: number;
}

export interface RankedPair {
  /** "DE". */
  readonly pair: string;
  readonly similarity: number;
  /** In the substitution matrix. */
  readonly score: number;
  /** 1 is the most similar. */
  readonly rank: number;
}

export interface SimilarityComparison {
  /** The name of the substitution matrix. */
  readonly with: string;
  /** Pairs of different amino acids that are compared. */
  readonly pairs: number;
  /** Pearson's correlation over them. */
  readonly correlation: number;
  /** The central 95 % over amino acids drawn with replacement. */
  readonly interval: { readonly low: number; readonly high: number };
  /** Share of permutations of the amino acids that correlate as well or better (Mantel's test, one-sided). */
  readonly pValue: number;
  readonly noted: readonly RankedPair[];
  /** All pairs, the most similar first. */
  readonly ranked: readonly RankedPair[];
}

/**
 * Compares similarities with the scores of a substitution matrix over all pairs of different amino acids.
 *
 * The 190 entries are not independent, as each amino acid is in 19 of them: so amino acids, not entries, are drawn anew
 * for the interval, and permuted for the p-value.
 *
 * @throws DataError when a pair has no similarity
 * Source of the test: Mantel, Cancer Research 27:209 (1967).
 */
export function compareSimilarity(
  { letters, values }: SimilarityMatrix,
  reference: SubstitutionMatrix,
  { seed = 0, permutations = 4999, resamples = 2000 }: ComparisonOptions = {},
): SimilarityComparison {
  const pairs = pairsOf(letters);
  const of = (a: number, b: number) => values[a]?.[b] ?? Number.NaN;
  const scores = Array.from(letters, (a) => Array.from(letters, (b) => reference.score(a, b)));
  const scoreOf = (a: number, b: number) => scores[a]?.[b] ?? Number.NaN;
  const own = pairs.map(({ a, b }) => of(a, b));
  const missing = pairs.find((_, index) => !Number.isFinite(own[index]));
  if (missing !== undefined) {
    throw new DataError({
      who: "compareSimilarity",
      rule: "every pair of residues must have a similarity",
      got: `none for ${missing.letters.split("").join(" and ")}`,
      fix: "give sequences in which all 20 standard residues occur",
    });
  }
  const correlation = pearson(
    own,
    pairs.map(({ a, b }) => scoreOf(a, b)),
  );
  const all = Array.from(letters, (_, index) => index);
  const permuting = createRandom(seed, "similarity", "permutation");
  let asGood = 0;
  for (let draw = 0; draw < permutations; draw++) {
    const order = shuffle(permuting, [...all]);
    const permuted = pairs.map(({ a, b }) => scoreOf(order[a] ?? 0, order[b] ?? 0));
    if (!(pearson(own, permuted) < correlation)) asGood += 1;
  }
  const drawing = createRandom(seed, "similarity", "bootstrap");
  const redrawn = Array.from({ length: resamples }, () => {
    const drawn = all.map(() => drawing.integer(all.length));
    // A pair of one amino acid with itself, drawn twice, is none.
    const kept = pairs.flatMap(({ a, b }): [number, number][] => {
      const [first = 0, second = 0] = [drawn[a], drawn[b]];
      return first === second ? [] : [[first, second]];
    });
    return pearson(
      kept.map(([a, b]) => of(a, b)),
      kept.map(([a, b]) => scoreOf(a, b)),
    );
  });
  const ranked = pairs
    .map(({ a, b, letters: pair }) => ({ pair, similarity: of(a, b), score: scoreOf(a, b) }))
    .toSorted((x, y) => y.similarity - x.similarity)
    .map((each, index): RankedPair => ({ ...each, rank: index + 1 }));
  return {
    with: reference.name,
    pairs: pairs.length,
    correlation,
    interval: { low: quantile(redrawn, 0.025), high: quantile(redrawn, 0.975) },
    pValue: (1 + asGood) / (1 + permutations),
    noted: NOTED_PAIRS.flatMap((pair) => ranked.filter((each) => each.pair === pair)),
    ranked,
  };
}
