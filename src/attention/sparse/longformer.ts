/** Longformer: a sliding window, and a few first tokens that read all and that all read. */
import * as z from "zod";
import { configurable } from "../configurable.ts";
import { attendSets, bias, fromBlocks, neighbourSet, toBlocks } from "./block-sparse.ts";
import { expectSelfAttention, refuseCross, refuseTooLong } from "./shapes.ts";
import { firstTokens, wholeBlockLength, windowCut, withFirstReadingAll, withinWindow } from "./window.ts";

const options = z.strictObject({
  /** Position i reads j where |i − j| < window. Default 256: 512 positions to both sides together, as published. */
  window: z.int().positive().default(256),
  /**
   * So many first positions read all and are read by all. Default 1: the token that classification reads, as published.
   */
  globalTokens: z.int().positive().default(1),
});

/**
 * softmax(q kᵀ / √D) v over |i − j| < window, and wherever i or j is among the first `globalTokens`.
 *
 * Causal, the first tokens are read by all later ones and themselves read only what comes before them. Both kinds share
 * the weights of queries, keys and values; the published model has a second set for the first tokens, which starts as a
 * copy of the others.
 *
 * Source: section 3.1, arXiv:2004.05150.
 */
export const longformer = configurable("longformer", options, ({ window, globalTokens }) => ({
  name: "longformer",
  summary: "exact attention within a sliding window, and with the first tokens",
  complexity: "O(L·(w + g))",
  basisFree: true,
  // There must be others than the first tokens.
  wholeBlocks: { least: Math.max(wholeBlockLength(window - 1), globalTokens + 1) },
  initialise: () => undefined,
  refuse: (use) => refuseCross(use) ?? refuseTooLong(use, { window, globalTokens }),
  apply: (q, k, v, { causal, keyMask, blockLength }) => {
    expectSelfAttention("longformerAttention", q, k, v, keyMask);
    const sequences = { q, k, v, keyMask };
    return withFirstReadingAll({ ...sequences, causal }, globalTokens, () => {
      const cut = windowCut(sequences, { window, causal, blockLength });
      const blocks = toBlocks(sequences, { ...cut, skipFirst: globalTokens });
      const near = neighbourSet(blocks, bias(blocks, withinWindow(window, causal)));
      const sets = [near, firstTokens(sequences, globalTokens)];
      return fromBlocks(attendSets(blocks.q, sets), blocks);
    });
  },
}));
