/** Half of every token's channels from the token before it. */
import type { Tensor } from "../graph/tensor.ts";
import { concat, slice } from "../ops/slicing.ts";
import { full } from "../ops/source.ts";

/** Channels that move: the first ones. */
export function shiftedWidth(modelDim: number): number {
  return Math.ceil(modelDim / 2);
}

/**
 * The first channels of each token replaced by those of the token before; of the first token by what came before, which
 * is 0 at the beginning of a sequence.
 *
 * @param x `[B, L, modelDim]`
 * @param before `[B, 1, shiftedWidth]`; default 0
 * @returns the same shape, and what comes before the next token
 * Source: Peng et al., RWKV, arXiv:2305.13048, with a fixed share instead of a learned one.
 */
export function shiftTokens(x: Tensor, before?: Tensor): { readonly shifted: Tensor; readonly last: Tensor } {
  const [batch = 1, length = 1, width = 1] = x.shape;
  const moving = shiftedWidth(width);
  const own = slice(x, 2, 0, moving);
  const first = before ?? full([batch, 1, moving], 0);
  const moved = length === 1 ? first : concat([first, slice(own, 1, 0, length - 1)], 1);
  const shifted = moving === width ? moved : concat([moved, slice(x, 2, moving, width)], 2);
  return { shifted, last: slice(own, 1, length - 1, length) };
}
