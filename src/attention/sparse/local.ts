/** Local attention: every position reads those near it. */
import * as z from "zod";
import { configurable } from "../configurable.ts";
import { bandRecurrence } from "./band-recurrence.ts";
import { expectSelfAttention, refuseCross, refuseTooLong } from "./shapes.ts";
import { wholeBlockLength, windowAttention } from "./window.ts";

const options = z.strictObject({
  /**
   * Position i reads j where |i − j| < window: causal, the last `window` positions with its own; bidirectional, as many
   * to the other side. Default 128, as LongT5 (a radius of 127): after n layers a position has heard of n · 127 others
   * to each side.
   */
  window: z.int().positive().default(128),
});

/**
 * softmax(q kᵀ / √D) v over |i − j| < window.
 *
 * A decoder's state is the last window − 1 keys and values.
 *
 * Source: section 3.1 (sliding window), arXiv:2004.05150; section 3.1 (local attention), arXiv:2112.07916.
 */
export const local = configurable("local", options, ({ window }) => ({
  name: "local",
  summary: "exact attention within a sliding window",
  complexity: "O(L·w)",
  basisFree: true,
  wholeBlocks: { least: wholeBlockLength(window - 1) },
  initialise: () => undefined,
  refuse: (use) => refuseCross(use) ?? refuseTooLong(use, { window }),
  apply: (q, k, v, { causal, keyMask, blockLength }) => {
    expectSelfAttention("localAttention", q, k, v, keyMask);
    return windowAttention(q, k, v, { causal, window, blockLength, ...(keyMask && { keyMask }) });
  },
  recurrent: bandRecurrence("localAttention", { reach: window - 1 }),
}));
