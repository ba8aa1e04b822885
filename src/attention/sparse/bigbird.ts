/** BigBird: neighbouring blocks, the first blocks, and random ones. */
import * as z from "zod";
import type { Tensor } from "../../graph/tensor.ts";
import { createRandom } from "../../random/index.ts";
import { configurable } from "../configurable.ts";
import {
  attendSets,
  bias,
  blockSet,
  fromBlocks,
  neighbourSet,
  takeBlocks,
  toBlocks,
  type Blocks,
} from "./block-sparse.ts";
import { expectSelfAttention, refuseCross, refuseTooLong } from "./shapes.ts";
import { firstTokens, withFirstReadingAll } from "./window.ts";

const options = z.strictObject({
  /** Positions of a block. Default 64, as published. */
  blockSize: z.int().positive().default(64),
  /** Blocks of the window: its own and as many to each side, so an odd number. Default 3, as published. */
  windowBlocks: z
    .int()
    .min(3)
    .refine((blocks) => blocks % 2 === 1, "an odd number: its own and as many to each side")
    .default(3),
  /** So many first blocks read all and are read by all. Default 2, as published. */
  globalBlocks: z.int().positive().default(2),
  /** Blocks that each block reads beside, drawn once. Default 3, as published. */
  randomBlocks: z.int().min(0).default(3),
  /** Decides the random blocks, which all layers share. Default 0. */
  seed: z.int().min(0).default(0),
});

export type BigbirdOptions = Readonly<z.output<typeof options>>;

/**
 * The random blocks of each block: those that neither its window nor the first blocks hold, with the smallest of random
 * priorities.
 *
 * Priorities do not depend on the number of blocks: with more of them a block keeps its random ones, unless a new one
 * comes before them; causal, where only earlier ones count, it keeps them all.
 */
export function drawBlocks(
  count: number,
  causal: boolean,
  { windowBlocks, globalBlocks, randomBlocks, seed }: BigbirdOptions,
): readonly (readonly number[])[] {
  const half = (windowBlocks - 1) / 2;
  return Array.from({ length: count }, (_, n) => {
    const random = createRandom(seed, "bigbird", n);
    return Array.from({ length: count }, (_, m) => ({ m, priority: random.uint32() }))
      .filter(({ m }) => m >= globalBlocks && (causal ? m < n - half : Math.abs(n - m) > half))
      .toSorted((a, b) => a.priority - b.priority)
      .slice(0, randomBlocks)
      .map(({ m }) => m);
  });
}

/**
 * softmax(q kᵀ / √D) v over the neighbouring blocks, the first blocks and random blocks; queries of the first blocks
 * read everything. Causal, by leaving out later positions.
 *
 * The first tokens are those of the sequence (the paper's internal construction, ITC).
 *
 * Source: section 2 and appendix D, arXiv:2007.14062.
 */
export const bigbird = configurable("bigbird", options, (given) => {
  const { blockSize, windowBlocks, globalBlocks } = given;
  const half = (windowBlocks - 1) / 2;
  return {
    name: "bigbird",
    summary: "exact attention to neighbouring blocks, the first blocks and random blocks",
    complexity: "O(L·b·(w + g + r))",
    basisFree: true,
    initialise: () => undefined,
    refuse: (use) => refuseCross(use) ?? refuseTooLong(use, { "blockSize · windowBlocks": blockSize * windowBlocks }),
    apply: (q, k, v, { causal, keyMask }) => {
      const { L } = expectSelfAttention("bigbirdAttention", q, k, v, keyMask);
      const sequences = { q, k, v, keyMask };
      const globalTokens = globalBlocks * blockSize;
      return withFirstReadingAll({ ...sequences, causal }, globalTokens, () => {
        const count = Math.ceil(L / blockSize);
        const before = Math.min(half, count - 1);
        const blocks = toBlocks(sequences, {
          block: blockSize,
          before,
          after: causal ? 0 : before,
          skipFirst: globalTokens,
        });
        const near = neighbourSet(blocks, causal ? bias(blocks, (distance) => distance >= 0) : undefined);
        const drawn = drawBlocks(count, causal, given);
        const sets = [near, firstTokens(sequences, globalTokens), ...randomSet(blocks, drawn)];
        return fromBlocks(attendSets(blocks.q, sets), blocks);
      });
    },
  };
});

/** Where a block has fewer random ones than others, the padding before the first block fills their places. */
function randomSet(blocks: Blocks, drawn: readonly (readonly number[])[]) {
  const most = Math.max(...drawn.map(({ length }) => length));
  if (most === 0) return [];
  // Number −1 is the last block of padding.
  const take = (x: Tensor) => takeBlocks(x, blocks, most, (n, i) => blocks.before + (drawn[n]?.[i] ?? -1));
  return [blockSet(take(blocks.k), take(blocks.v))];
}
