/** Attention within a window, and to the first tokens: what local attention and Longformer are made of. */
import type { Tensor } from "../../graph/tensor.ts";
import { concat, slice } from "../../ops/slicing.ts";
import { full } from "../../ops/source.ts";
import type { AttentionOptions } from "../mechanism.ts";
import {
  attendSets,
  bias,
  fromBlocks,
  marked,
  neighbourSet,
  sharedSet,
  toBlocks,
  withReal,
  type Cut,
  type KeySet,
  type MaskedSequences,
} from "./block-sparse.ts";

/**
 * Positions of a block for windows that reach so far back: half of it, so that a block reads at most half more keys
 * than it must, and never so few that its matrix products are all overhead.
 */
export function blockLength(reach: number): number {
  return Math.max(16, Math.min(128, Math.ceil(reach / 2)));
}

/**
 * Positions of a block where sequences are padded to whole ones: half of `blockLength`, for short sequences are padded
 * to a whole one too. Every key is held for nine blocks, and for more only with windows beyond 512.
 */
export function wholeBlockLength(reach: number): number {
  return blockLength(reach / 2);
}

/** Blocks before its own that a block must read to see so far back; a sequence has no more than it has. */
export function blocksBefore(reach: number, block: number, length: number): number {
  return Math.min(Math.ceil(reach / block), Math.ceil(length / block) - 1);
}

/**
 * How a window cuts a sequence: by its own block length and into as few blocks as there are, or, told the blocks that
 * the sequence is whole ones of, into equal parts of these, each with all the neighbours that a block may have.
 */
export function windowCut(
  { q }: Pick<MaskedSequences, "q">,
  {
    window,
    causal,
    blockLength: whole,
  }: { readonly window: number } & Pick<AttentionOptions, "causal" | "blockLength">,
): Cut {
  const reach = window - 1;
  const block = whole === undefined ? blockLength(reach) : partOf(whole, wholeBlockLength(reach));
  const before = whole === undefined ? blocksBefore(reach, block, q.shape[2] ?? 0) : Math.ceil(reach / block);
  return { block, before, after: causal ? 0 : before, alwaysNeighbours: whole !== undefined };
}

/** The smallest divisor that is no smaller than this, or all. */
function partOf(whole: number, least: number): number {
  for (let part = least; part < whole; part++) if (whole % part === 0) return part;
  return whole;
}

/** By the distance of a key: whether a window sees it. */
export function withinWindow(window: number, causal: boolean): (distance: number) => boolean {
  return (distance) => Math.abs(distance) < window && !(causal && distance < 0);
}

/** Position i reads j where |i − j| < window, and j ≤ i if causal. */
export function windowAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  given: Pick<AttentionOptions, "causal" | "keyMask" | "blockLength"> & { readonly window: number },
): Tensor {
  const { causal, keyMask, window } = given;
  const blocks = toBlocks({ q, k, v, keyMask }, windowCut({ q }, given));
  const near = neighbourSet(blocks, bias(blocks, withinWindow(window, causal)));
  return fromBlocks(attendSets(blocks.q, [near]), blocks);
}

/** The first `count` tokens, for every later one to read. */
export function firstTokens({ k, v, keyMask }: Omit<MaskedSequences, "q">, count: number): KeySet {
  const mask = keyMask ? slice(keyMask, 1, 0, count) : full([1, count], 1);
  const values = slice(v, 2, 0, count);
  return sharedSet(marked(slice(k, 2, 0, count), mask), keyMask ? withReal(values, mask) : values);
}

/**
 * The outputs of the first `count` positions, which read everything that causality lets them, in front of those of a
 * sparse pattern.
 *
 * @param ofOthers the output of all positions `[B, H, L, E]`, of which the first are left out; asked for only where
 *   there are others
 */
export function withFirstReadingAll(
  { q, k, v, keyMask, causal }: MaskedSequences & { readonly causal: boolean },
  count: number,
  ofOthers: () => Tensor,
): Tensor {
  const length = q.shape[2] ?? 0;
  const first = Math.min(count, length);
  if (first === 0) return ofOthers();
  const read = causal ? first : length;
  const cut = (x: Tensor, to: number) => slice(x, 2, 0, to);
  const mask = keyMask && slice(keyMask, 1, 0, read);
  // Seen from its last query, what lies behind the first ones is no past: one block that holds all of it, at distances
  // of its own.
  const blocks = toBlocks(
    { q: cut(q, first), k: cut(k, read), v: cut(v, read), keyMask: mask },
    { block: first, before: 0, after: 0 },
  );
  const added = causal ? bias(blocks, (distance) => distance >= 0) : undefined;
  const head = fromBlocks(attendSets(blocks.q, [neighbourSet(blocks, added)]), blocks);
  return first === length ? head : concat([head, slice(ofOthers(), 2, first, length)], 2);
}
