/** What a softmax over items answers to queries, from the table of its items. */
import { problem } from "../graph/errors.ts";
import type { AttentionArray } from "../attention/arrays.ts";
import { createRandom } from "../random/index.ts";
import { logSumExp, mean, standardError } from "../statistics/index.ts";
import { checkWidths, readRows, scaleRows, type Rows } from "./arguments.ts";
import { KernelError } from "./errors.ts";
import { dotOfRows } from "./exact.ts";
import type { ItemTable } from "./item-table.ts";
import { ROWS_PER_BLOCK, type LogFeatures } from "./log-features.ts";
import { queryTerms, sampleItems, type QueryLogs, type SampledItems } from "./sample-items.ts";

/** Estimated normalisers of queries. */
export interface Normalizers {
  /** `[Q]`: log Ẑ. */
  readonly data: Float64Array;
  readonly dims: readonly [number];
  /**
   * `[Q]`: the standard error of Ẑ as a part of Ẑ, from the spread of its terms over the rows of the projection; NaN
   * for one row. Too large for orthogonal rows, as a rule. Too small where terms are so unequal that the largest have
   * not come up: above 0.3 take it for a warning, not a figure.
   */
  readonly relativeErrors: Float64Array;
}

/** Normalised scores, row-major. */
export interface SoftmaxScores {
  readonly data: Float32Array;
  /** `[Q, I]`. */
  readonly dims: readonly [number, number];
}

/** The scores of all items for one query. */
export interface SoftmaxRow {
  readonly data: Float32Array;
  /** `[N]`. */
  readonly dims: readonly [number];
}

/** What a row is divided by: Ẑ or Z. */
export type RowNormalizer = "estimated" | "exact";

export interface QueryOptions {
  readonly table: ItemTable;
  readonly features: LogFeatures;
  /** What queries are multiplied by, as the items of the table are: 1/√τ. */
  readonly scale: number;
  readonly seed: number;
  /** What a sum over features is divided by to be an estimate. */
  readonly normaliser: number;
  /** Rows of the projection; features of one row lie this far apart. */
  readonly numRows: number;
}

/**
 * Queries whose features are held at once: their draws share the blocks of items, in memory that does not grow with the
 * queries.
 */
const QUERIES_AT_ONCE = 8 * ROWS_PER_BLOCK;

/** The answers; `Softmax` says what each is. */
export function createQueries(options: QueryOptions) {
  const { table, features, scale } = options;
  const { numFeatures, items, numItems } = table;

  function read(who: string, array: AttentionArray): Rows {
    const rows = readRows(who, "queries", array, items.width);
    checkWidths(who, ["queries", "the items"], [rows.width, items.width]);
    return scaleRows(who, "queries", rows, scale);
  }

  /** Features of all queries, some blocks at a time. */
  async function* inParts(queries: Rows): AsyncGenerator<QueryLogs> {
    for (let first = 0; first < queries.length; first += QUERIES_AT_ONCE) {
      const numQueries = Math.min(QUERIES_AT_ONCE, queries.length - first);
      const logs = new Float32Array(numQueries * numFeatures);
      for (let from = 0; from < numQueries; from += ROWS_PER_BLOCK) {
        const count = Math.min(ROWS_PER_BLOCK, numQueries - from);
        const rows = new Float32Array(ROWS_PER_BLOCK * items.width);
        rows.set(queries.data.subarray((first + from) * items.width, (first + from + count) * items.width));
        const block = await features.queries(rows);
        logs.set(block.subarray(0, count * numFeatures), from * numFeatures);
      }
      yield { logs, numQueries, firstQuery: first };
    }
  }

  async function estimate(who: string, queries: Rows): Promise<Normalizers> {
    const data = new Float64Array(queries.length);
    const relativeErrors = new Float64Array(queries.length);
    const terms = new Float64Array(numFeatures);
    for await (const part of inParts(queries)) {
      for (let query = 0; query < part.numQueries; query++) {
        const logSum = queryTerms(who, part, query, table, terms);
        data[part.firstQuery + query] = logSum - Math.log(options.normaliser);
        relativeErrors[part.firstQuery + query] = relativeError(terms, logSum, options.numRows);
      }
    }
    return { data, dims: [queries.length], relativeErrors };
  }

  /** q·k_i/τ for all items. */
  function logits(queries: Rows, query: number): Float64Array {
    const values = new Float64Array(numItems);
    for (let item = 0; item < numItems; item++) values[item] = dotOfRows(queries, query, items, item);
    return values;
  }

  async function scores(array: AttentionArray, itemIndices: ArrayLike<number>): Promise<SoftmaxScores> {
    const chosen = checkIndices(itemIndices, numItems);
    const queries = read("scores", array);
    const { data: logNormalizers } = await estimate("scores", queries);
    const data = new Float32Array(queries.length * chosen.length);
    logNormalizers.forEach((logNormalizer, query) => {
      chosen.forEach((item, column) => {
        const score = Math.exp(dotOfRows(queries, query, items, item) - logNormalizer);
        data[query * chosen.length + column] = checkScore("scores", score, query, item);
      });
    });
    return { data, dims: [queries.length, chosen.length] };
  }

  async function sample(array: AttentionArray, count: number, seed = options.seed): Promise<SampledItems> {
    if (!Number.isInteger(count) || count < 1) {
      throw new KernelError(
        problem`sample: count must be a positive integer, got ${count}; it is the draws for each query`,
      );
    }
    const queries = read("sample", array);
    const indices = new Int32Array(queries.length * count);
    const probabilities = new Float64Array(queries.length * count);
    for await (const part of inParts(queries)) {
      const stream = (query: number) => createRandom(seed, "sample", part.firstQuery + query);
      const drawn = await sampleItems(table, features, part, count, stream);
      indices.set(drawn.indices, part.firstQuery * count);
      probabilities.set(drawn.probabilities, part.firstQuery * count);
    }
    return { indices, probabilities, dims: [queries.length, count] };
  }

  async function row(query: ArrayLike<number>, normalizer: RowNormalizer = "estimated"): Promise<SoftmaxRow> {
    if (normalizer !== "estimated" && normalizer !== "exact") {
      throw new KernelError(
        problem`row: normalizer must be 'estimated' or 'exact', got '${String(normalizer)}'; give one of these`,
      );
    }
    const queries = read("row", [query]);
    const numerators = logits(queries, 0);
    const logNormalizer =
      normalizer === "exact" ? logSumExp(numerators) : ((await estimate("row", queries)).data[0] ?? Number.NaN);
    const data = Float32Array.from(numerators, (logit, item) =>
      checkScore("row", Math.exp(logit - logNormalizer), 0, item),
    );
    return { data, dims: [numItems] };
  }

  return {
    logNormalizers: async (array: AttentionArray) => estimate("logNormalizers", read("logNormalizers", array)),
    exactLogNormalizers: (array: AttentionArray) => {
      const queries = read("exactLogNormalizers", array);
      return Float64Array.from({ length: queries.length }, (_, query) => logSumExp(logits(queries, query)));
    },
    scores,
    sample,
    row,
  };
}

/** Standard error of the rows' terms over their mean, with the terms as logarithms; NaN for one row. */
function relativeError(logTerms: Float64Array, logSum: number, numRows: number): number {
  const shares = Float64Array.from({ length: numRows }, (_, row) => {
    let share = 0;
    for (let m = row; m < logTerms.length; m += numRows) share += Math.exp((logTerms[m] ?? 0) - logSum);
    return share;
  });
  return standardError(shares) / mean(shares);
}

function checkIndices(itemIndices: ArrayLike<number>, numItems: number): readonly number[] {
  // Nothing at all is as wrong as an empty list.
  const chosen = Array.from(itemIndices ?? []);
  const wrong = chosen.find((item) => !Number.isInteger(item) || item < 0 || item >= numItems);
  if (chosen.length > 0 && wrong === undefined) return chosen;
  throw new KernelError(
    problem`scores: itemIndices must be whole numbers from 0 to ${numItems - 1}, at least one, got ${wrong ?? "none"};
    they count the rows of the items`,
  );
}

/** The largest number of float32. */
const LARGEST_FLOAT32 = (2 - 2 ** -23) * 2 ** 127;

function checkScore(who: string, score: number, query: number, item: number): number {
  if (score <= LARGEST_FLOAT32) return score;
  throw new KernelError(
    problem`${who}: the score of item ${item} for query ${query} must stay within float32, got ${score}: the normaliser
    is underestimated by far; raise numFeatures or the temperature, or use the exact row`,
  );
}
