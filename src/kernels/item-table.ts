/**
 * Sums of the features of many items: over all of them, and up to each block, so that items can be drawn by their
 * features.
 */
import { problem } from "../graph/errors.ts";
import { logSumExp } from "../statistics/index.ts";
import type { Rows } from "./arguments.ts";
import { KernelError } from "./errors.ts";
import { ROWS_PER_BLOCK, type LogFeatures } from "./log-features.ts";

export interface ItemTable {
  readonly numFeatures: number;
  /** Filled with zeros to whole blocks: `[numBlocks · ROWS_PER_BLOCK, D]`. */
  readonly items: Rows;
  readonly numItems: number;
  /** `[M']`: log Σ_i φ_m(k_i). */
  readonly logSums: Float64Array;
  /** `[M', numBlocks]`: the share of Σ_i φ_m(k_i) that lies in the blocks up to this one. Rows rise to 1. */
  readonly shares: Float64Array;
  readonly numBlocks: number;
}

/**
 * Reads all items once: O(N · M · D), in blocks.
 *
 * Everything is a logarithm until it is a share, each feature under its own sum, so that neither long items nor
 * features that hardly any item has overflow or vanish.
 *
 * @param items at least one, already divided by √τ
 * @param numFeatures M', features of a row
 * @throws KernelError when features of an item are not numbers in float32
 */
export async function createItemTable(items: Rows, numFeatures: number, features: LogFeatures): Promise<ItemTable> {
  const numBlocks = Math.ceil(items.length / ROWS_PER_BLOCK);
  const blockSize = ROWS_PER_BLOCK * items.width;
  const data = new Float32Array(numBlocks * blockSize);
  data.set(items.data);
  // log Σ φ_m over each block, and then, in the same place, shares.
  const shares = new Float64Array(numFeatures * numBlocks);
  for (let block = 0; block < numBlocks; block++) {
    const first = block * ROWS_PER_BLOCK;
    const rows = data.subarray(block * blockSize, (block + 1) * blockSize);
    const { top, total } = await features.items(rows, Math.min(ROWS_PER_BLOCK, items.length - first));
    for (let m = 0; m < numFeatures; m++) {
      const logSum = (top[m] ?? 0) + Math.log(total[m] ?? 0);
      if (Number.isNaN(logSum) || logSum === Number.POSITIVE_INFINITY) {
        throw new KernelError(
          problem`createSoftmax: items must be short enough for features in float32, got feature ${m} = exp(${logSum})
          among items ${first} to ${first + ROWS_PER_BLOCK - 1}; scale the items down, or raise the temperature`,
        );
      }
      shares[m * numBlocks + block] = logSum;
    }
  }
  const logSums = new Float64Array(numFeatures);
  for (let m = 0; m < numFeatures; m++) {
    logSums[m] = accumulate(shares.subarray(m * numBlocks, (m + 1) * numBlocks));
  }
  const padded = { data, length: numBlocks * ROWS_PER_BLOCK, width: items.width };
  return { numFeatures, items: padded, numItems: items.length, logSums, shares, numBlocks };
}

/** Turns logarithms into running shares of their sum, in place; returns the sum's logarithm. */
function accumulate(logs: Float64Array): number {
  const logSum = logSumExp(logs);
  // A feature that no item has is never drawn: its shares may be anything.
  const reference = Math.max(logSum, -Number.MAX_VALUE);
  let running = 0;
  for (let block = 0; block < logs.length; block++) {
    running += Math.exp((logs[block] ?? 0) - reference);
    logs[block] = running;
  }
  return logSum;
}

/**
 * Draws an index in proportion to weights that are given by their running sums, O(log n).
 *
 * @param sums rising; the part from `start` to `end`
 * @param uniform in [0, 1)
 * @returns an index from 0; of a weight of 0 never
 */
export function drawFromSums(sums: Float64Array, start: number, end: number, uniform: number): number {
  const total = sums[end - 1] ?? 0;
  const target = uniform * total;
  let [low, high] = [start, end - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const sum = sums[middle] ?? 0;
    // The product may have been rounded up to the total, which no sum exceeds.
    if (sum > target || sum === total) high = middle;
    else low = middle + 1;
  }
  return low - start;
}
