/** Segment recurrence of Transformer-XL: each segment reads itself and a memory of what came right before it. */
import * as z from "zod";
import { GraphError, problem } from "../../graph/errors.ts";
import { configurable } from "../configurable.ts";
import { bandRecurrence } from "./band-recurrence.ts";
import { attendSets, bias, blockSet, fromBlocks, neighbours, toBlocks } from "./block-sparse.ts";
import { expectSelfAttention, refuseCross, refuseTooLong } from "./shapes.ts";
import { blocksBefore } from "./window.ts";

const options = z.strictObject({
  /** Positions of a segment. Default 128, near the 150 of the published base model for WikiText-103. */
  segmentLength: z.int().positive().default(128),
  /** Positions before a segment that it reads. Default 128, as many as a segment has, as published. */
  memoryLength: z.int().positive().default(128),
  /**
   * Whether gradients flow from a segment into its memory. Default false, as published, where the memory is a cache of
   * earlier steps. Here all segments are in one graph, and true costs nothing more.
   */
  memoryGradient: z.boolean().default(false),
});

/**
 * softmax(q kᵀ / √D) v over the own segment up to the position, and the `memoryLength` positions before the segment.
 *
 * Positions are those of the model: its rotary encoding makes scores depend on i − j, which is what the paper's
 * relative encoding is for, and so keys stay what they were when they become memory. Where the paper stops gradients at
 * the hidden states that memories are made from, this stops them at the keys and values: weights learn from a memory
 * through those who made it as their own segment.
 *
 * Source: section 3.2, arXiv:1901.02860.
 */
export const transformerXl = configurable("transformer-xl", options, (given) => {
  const { segmentLength, memoryLength, memoryGradient } = given;
  return {
    name: "transformer-xl",
    summary: "exact attention within segments and to a memory of the positions before them",
    complexity: "O(L·(s + m))",
    basisFree: true,
    initialise: () => undefined,
    refuse: (use) => {
      if (use.causal) return refuseCross(use) ?? refuseTooLong(use, { segmentLength, memoryLength });
      return {
        rule: "attention must be causal, for a memory is of the past",
        got: use.cross ? "cross-attention" : "bidirectional attention",
        fix: use.cross ? "use 'exact' or 'favor' there" : "use 'local'",
      };
    },
    apply: (q, k, v, { causal, keyMask }) => {
      const { L } = expectSelfAttention("transformerXlAttention", q, k, v, keyMask);
      if (!causal) refuseBidirectional();
      const before = blocksBefore(memoryLength, segmentLength, L);
      const blocks = toBlocks({ q, k, v, keyMask }, { block: segmentLength, before, after: 0 });
      const frozen = !memoryGradient;
      const sees = (distance: number, t: number) => distance >= 0 && distance <= t + memoryLength;
      const read = blockSet(
        neighbours(blocks.k, blocks, frozen),
        neighbours(blocks.v, blocks, frozen),
        bias(blocks, sees),
      );
      return fromBlocks(attendSets(blocks.q, [read]), blocks);
    },
    recurrent: bandRecurrence("transformerXlAttention", { reach: segmentLength - 1 + memoryLength, segments: given }),
  };
});

function refuseBidirectional(): never {
  throw new GraphError(
    problem`transformerXlAttention: attention must be causal, for a memory is of the past, got causal = false; use
    'local'`,
  );
}
