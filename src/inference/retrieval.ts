/** How well vectors find what belongs together: of every query the rank of its own document among all. */
import { ConfigError, problem } from "../graph/errors.ts";
import { mean } from "../statistics/index.ts";

export interface RetrievalFigures {
  /** Queries, and as many documents. */
  readonly count: number;
  /** Share of queries whose own document is the nearest. */
  readonly recallAt1: number;
  /** Share of queries whose own document is among the nearest ten. */
  readonly recallAt10: number;
  /** Mean of 1 / rank. */
  readonly meanReciprocalRank: number;
}

/**
 * Ranks all documents by their cosine with each query.
 *
 * A document as near as a query's own comes before it, so that vectors which are all alike find nothing.
 *
 * @param queries vectors of one width, none of them zero
 * @param documents as many; the one at a query's own index is the one it should find
 * @throws ConfigError for other numbers of vectors and for none
 */
export function measureRetrieval(
  queries: readonly ArrayLike<number>[],
  documents: readonly ArrayLike<number>[],
): RetrievalFigures {
  const count = queries.length;
  if (count === 0 || count !== documents.length) {
    throw new ConfigError(
      problem`measureRetrieval: there must be a document for each query, got ${count} queries and ${documents.length}
      documents; give pairs`,
    );
  }
  const units = documents.map(unit);
  const ranks = queries.map((query, own) => {
    const direction = unit(query);
    const cosines = units.map((document) => dot(direction, document));
    const wanted = cosines[own] ?? Number.NaN;
    // Not "at least": a cosine that is no number comes before all.
    return cosines.filter((cosine, index) => index !== own && !(cosine < wanted)).length + 1;
  });
  const share = (most: number) => ranks.filter((rank) => rank <= most).length / count;
  const meanReciprocalRank = mean(ranks.map((rank) => 1 / rank));
  return { count, recallAt1: share(1), recallAt10: share(10), meanReciprocalRank };
}

/** a·b / (‖a‖ ‖b‖); NaN where one of them is zero or not finite. */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return dot(unit(a), unit(b));
}

function unit(vector: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(vector);
  const length = Math.sqrt(dot(values, values));
  return values.map((value) => value / length);
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] ?? Number.NaN) * (b[index] ?? Number.NaN);
  return sum;
}
