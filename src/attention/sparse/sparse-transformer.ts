/** The two factorised patterns of the Sparse Transformer: strided and fixed. */
import * as z from "zod";
import { reshape } from "../../ops/layout.ts";
import { slice } from "../../ops/slicing.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { configurable } from "../configurable.ts";
import { ConfigError, GraphError, problem } from "../../graph/errors.ts";
import {
  attendSets,
  bias,
  blockSet,
  columnSet,
  fromBlocks,
  matrix,
  neighbourSet,
  OUTSIDE,
  ownBlocks,
  sharedSet,
  toBlocks,
  type Blocks,
} from "./block-sparse.ts";
import { expectSelfAttention, refuseCross, refuseTooLong } from "./shapes.ts";
import { withinWindow } from "./window.ts";

/**
 * Near √L for sequences of 4096 to 65536, between which time grows least with L, and that of nearly all the published
 * runs.
 */
const stride = z.int().positive().default(128);

const stridedOptions = z.strictObject({
  /**
   * Every position reads the last `stride` ones, and every stride-th before them. It does not follow the length, so
   * that a position reads the same in a longer sequence. Default 128, near √L for 4096 to 65536 positions, and that of
   * the published runs.
   */
  stride,
});

/** A constant `[N, N]`: what the queries of a block may read in the others. */
function betweenBlocks(count: number, causal: boolean): Tensor {
  return matrix(count, count, (n, m) => (m < n || (!causal && m > n) ? 0 : OUTSIDE));
}

/**
 * softmax(q kᵀ / √D) v over 0 ≤ i − j < stride, and i − j a multiple of stride: the union of the paper's two heads in
 * one, as its merged head (section 5.1). Bidirectional, the same to the other side.
 *
 * Source: section 4.3, arXiv:1904.10509.
 */
export const sparseStrided = configurable("sparse-strided", stridedOptions, ({ stride }) => ({
  name: "sparse-strided",
  summary: "exact attention to the last positions and to every stride-th before them",
  complexity: "O(L·(s + L/s)), O(L·√L) for s = √L",
  basisFree: true,
  wholeBlocks: { least: stride, multipleOf: stride },
  initialise: () => undefined,
  refuse: (use) => refuseCross(use) ?? refuseTooLong(use, { stride }),
  apply: (q, k, v, { causal, keyMask, blockLength }) => {
    const { L } = expectSelfAttention("stridedAttention", q, k, v, keyMask);
    requireWholeStrides("stridedAttention", blockLength, stride);
    const alwaysNeighbours = blockLength !== undefined;
    const before = L > stride || alwaysNeighbours ? 1 : 0;
    const cut = { block: stride, before, after: causal ? 0 : before, alwaysNeighbours };
    const blocks = toBlocks({ q, k, v, keyMask }, cut);
    const near = neighbourSet(blocks, bias(blocks, withinWindow(stride, causal)));
    const far = () =>
      columnSet(ownBlocks(blocks.k, blocks), ownBlocks(blocks.v, blocks), betweenBlocks(blocks.count, causal));
    return fromBlocks(attendSets(blocks.q, blocks.single ? [near] : [near, far()]), blocks);
  },
}));

const fixedOptions = z.strictObject({
  /** Positions of a block. Default 128, as for `sparse-strided`. */
  stride,
  /**
   * The last so many positions of a block are read by all later blocks, c. Default 8, the smallest that the paper found
   * to serve well.
   */
  summaryPositions: z.int().positive().default(8),
});

/**
 * softmax(q kᵀ / √D) v over the own block up to the position, and the last `summaryPositions` of every earlier block:
 * the union of the paper's two heads in one. Bidirectional, the whole own block, and those of every other block.
 *
 * Source: section 4.3, arXiv:1904.10509.
 */
export const sparseFixed = configurable("sparse-fixed", fixedOptions, ({ stride, summaryPositions }) => {
  if (summaryPositions > stride) {
    throw new ConfigError(
      problem`sparse-fixed: summaryPositions must be at most stride, ${stride}, got ${summaryPositions}; make it
      smaller`,
    );
  }
  return {
    name: "sparse-fixed",
    summary: "exact attention within blocks and to the last positions of every other block",
    complexity: "O(L·(s + c·L/s)), O(L·√L) for s = √L",
    basisFree: true,
    wholeBlocks: { least: stride, multipleOf: stride },
    initialise: () => undefined,
    refuse: (use) => refuseCross(use) ?? refuseTooLong(use, { stride }),
    apply: (q, k, v, { causal, keyMask, blockLength }) => {
      expectSelfAttention("fixedAttention", q, k, v, keyMask);
      requireWholeStrides("fixedAttention", blockLength, stride);
      const cut = { block: stride, before: 0, after: 0, alwaysNeighbours: blockLength !== undefined };
      const blocks = toBlocks({ q, k, v, keyMask }, cut);
      const { count, block } = blocks;
      const [keys, values] = [ownBlocks(blocks.k, blocks), ownBlocks(blocks.v, blocks)];
      const own = blockSet(keys, values, causal ? bias(blocks, (distance) => distance >= 0) : undefined);
      if (blocks.single) return fromBlocks(attendSets(blocks.q, [own]), blocks);
      const last = (x: Tensor) => {
        const [B = 0, H = 0, , , D = 0] = x.shape;
        return reshape(slice(x, 3, block - summaryPositions, block), [B, H, count * summaryPositions, D]);
      };
      const summaries = sharedSet(last(keys), last(values), summaryBias(blocks, summaryPositions, causal));
      return fromBlocks(attendSets(blocks.q, [own, summaries]), blocks);
    },
  };
});

/** A stride cannot be another one, as windows' blocks can. */
function requireWholeStrides(who: string, blockLength: number | undefined, stride: number): void {
  if (blockLength === undefined || blockLength % stride === 0) return;
  throw new GraphError(
    problem`${who}: blocks of a graph for all lengths must be whole strides of ${stride} positions, got ${blockLength};
    use a stride that divides it`,
  );
}

/** `[N, 1, N · c]`: `betweenBlocks` for each of a block's c positions. */
function summaryBias({ count }: Blocks, positions: number, causal: boolean): Tensor {
  const added = matrix(count, count * positions, (n, c) => {
    const m = Math.floor(c / positions);
    return m < n || (!causal && m > n) ? 0 : OUTSIDE;
  });
  return reshape(added, [count, 1, count * positions]);
}
