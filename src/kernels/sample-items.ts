/** Draws of items from a softmax that features approximate, without a pass over all items. */
import { problem } from "../graph/errors.ts";
import type { Random } from "../random/index.ts";
import { KernelError } from "./errors.ts";
import { logSumExp } from "../statistics/index.ts";
import { drawFromSums, type ItemTable } from "./item-table.ts";
import { ROWS_PER_BLOCK, type LogFeatures } from "./log-features.ts";

/** Items drawn with replacement. */
export interface SampledItems {
  /** `[Q, count]`, row-major: which item. */
  readonly indices: Int32Array;
  /** `[Q, count]`: the probability of that item in the distribution that it was drawn from. */
  readonly probabilities: Float64Array;
  readonly dims: readonly [number, number];
}

/** Queries by their features: log φ_m(q), `[Q, M']`. */
export interface QueryLogs {
  readonly logs: Float32Array;
  readonly numQueries: number;
  /** What the caller calls the first of them, in messages. */
  readonly firstQuery: number;
}

/**
 * log φ_m(q) Σ_i φ_m(k_i) for every feature m, and the logarithm of their sum.
 *
 * @param into `[M']`, filled with the terms
 * @throws KernelError when the sum is no number above 0
 */
export function queryTerms(
  who: string,
  { logs, firstQuery }: QueryLogs,
  query: number,
  { numFeatures, logSums }: ItemTable,
  into: Float64Array,
): number {
  for (let m = 0; m < numFeatures; m++) into[m] = (logs[query * numFeatures + m] ?? 0) + (logSums[m] ?? 0);
  const logSum = logSumExp(into);
  if (Number.isFinite(logSum)) return logSum;
  throw new KernelError(
    problem`${who}: the normaliser of query ${firstQuery + query} must be a number above 0 in float32 features, got
    exp(${logSum}); scale queries and items down, raise the temperature, or raise numFeatures`,
  );
}

/**
 * Draws items with probability φ(q)·φ(k_i) / Σ_j φ(q)·φ(k_j), as a mixture: first a feature m in proportion to φ_m(q)
 * Σ_i φ_m(k_i), then a block of items in proportion to its share of Σ_i φ_m(k_i), then an item of the block in
 * proportion to φ_m(k_i).
 *
 * The features of a block are computed again for the draws that fall into it, all draws of a block together: O(M + log
 * N) a draw and O(M · D) for each item of a block that was hit.
 *
 * @param streams one a query
 */
export async function sampleItems(
  table: ItemTable,
  features: LogFeatures,
  queries: QueryLogs,
  count: number,
  streams: (query: number) => Random,
): Promise<Pick<SampledItems, "indices" | "probabilities">> {
  const { logs, numQueries } = queries;
  const { numFeatures, shares, numBlocks } = table;
  const numDraws = numQueries * count;
  const [drawnFeature, drawnBlock] = [new Int32Array(numDraws), new Int32Array(numDraws)];
  const withinBlock = new Float64Array(numDraws);
  const logNormalizers = new Float64Array(numQueries);
  const scratch = new Float64Array(numFeatures);
  for (let query = 0; query < numQueries; query++) {
    const logNormalizer = queryTerms("sample", queries, query, table, scratch);
    logNormalizers[query] = logNormalizer;
    runningSums(scratch, logNormalizer);
    const random = streams(query);
    for (let draw = query * count; draw < (query + 1) * count; draw++) {
      const m = drawFromSums(scratch, 0, numFeatures, random.uniform());
      drawnFeature[draw] = m;
      drawnBlock[draw] = drawFromSums(shares, m * numBlocks, (m + 1) * numBlocks, random.uniform());
      withinBlock[draw] = random.uniform();
    }
  }
  const indices = new Int32Array(numDraws);
  const probabilities = new Float64Array(numDraws);
  const weights = new Float64Array(ROWS_PER_BLOCK);
  // Draws that share a block stand together, and among them those that share a feature: each is read once.
  const key = (draw: number) => (drawnBlock[draw] ?? 0) * numFeatures + (drawnFeature[draw] ?? 0);
  const order = Int32Array.from(drawnBlock.keys()).sort((a, b) => key(a) - key(b));
  let [loadedBlock, loadedKey] = [-1, -1];
  let itemLogs: Float32Array = new Float32Array();
  for (const draw of order) {
    const block = drawnBlock[draw] ?? 0;
    if (block !== loadedBlock) {
      itemLogs = await logsOfBlock(table, features, block);
      loadedBlock = block;
    }
    if (key(draw) !== loadedKey) {
      loadedKey = key(draw);
      const m = drawnFeature[draw] ?? 0;
      for (let i = 0; i < ROWS_PER_BLOCK; i++) weights[i] = itemLogs[i * numFeatures + m] ?? 0;
      runningSums(weights, logSumExp(weights));
    }
    const item = drawFromSums(weights, 0, ROWS_PER_BLOCK, withinBlock[draw] ?? 0);
    indices[draw] = block * ROWS_PER_BLOCK + item;
    const query = Math.floor(draw / count);
    for (let m = 0; m < numFeatures; m++) {
      scratch[m] = (logs[query * numFeatures + m] ?? 0) + (itemLogs[item * numFeatures + m] ?? 0);
    }
    probabilities[draw] = Math.exp(logSumExp(scratch) - (logNormalizers[query] ?? 0));
  }
  return { indices, probabilities };
}

/** Turns logarithms into running sums of e^(x − reference), in place. */
function runningSums(values: Float64Array, reference: number): void {
  let running = 0;
  for (let i = 0; i < values.length; i++) {
    running += Math.exp((values[i] ?? 0) - reference);
    values[i] = running;
  }
}

async function logsOfBlock(table: ItemTable, features: LogFeatures, block: number): Promise<Float32Array> {
  const { items, numItems } = table;
  const first = block * ROWS_PER_BLOCK;
  const rows = items.data.subarray(first * items.width, (first + ROWS_PER_BLOCK) * items.width);
  const { logs } = await features.items(rows, Math.min(ROWS_PER_BLOCK, numItems - first));
  return logs;
}
