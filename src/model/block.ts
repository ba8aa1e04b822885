/**
 * One block of the model, and the stream that blocks hand on: one tensor, or the two of a reversible model.
 *
 * A block adds its branches to the stream: attention, in a decoder beside an encoder cross-attention, and mlp. In a
 * reversible model each branch reads one half of the stream and is added to the other half, so that the block's input
 * follows from its output, and no layer's activations need to be kept:
 *
 *   y₁ = x₁ + attention(norm(x₂)),  y₂ = x₂ + mlp(norm(y₁))
 *
 * Source: Gomez et al., RevNet, arXiv:1707.04585; Kitaev et al., Reformer, arXiv:2001.04451.
 */
import { joinHeads, splitHeads } from "../attention/heads.ts";
import type { ExecutionForm } from "../attention/mechanism.ts";
import { scope } from "../graph/scope.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, mul } from "../ops/elementwise.ts";
import { reshape } from "../ops/layout.ts";
import type { ModelConfig } from "./config.ts";
import { applyFeedForward } from "./feed-forward.ts";
import { applyLinear, applyRotary } from "./layers.ts";
import { applyNorm } from "./norms.ts";
import type { Attention, Block } from "./parameter-tree.ts";
import type { Positions } from "./positions.ts";
import { shiftTokens } from "./token-shift.ts";

/** The residual stream, each tensor `[B, L, modelDim]`: `[x]`, or `[x₁, x₂]` in a reversible model. */
export type Stream = readonly [x: Tensor, second?: Tensor];

/** The stream before the first block: both halves of a reversible one start as the embedding. */
export function enterStream({ reversible }: Pick<ModelConfig, "reversible">, x: Tensor): Stream {
  return reversible ? [x, x] : [x];
}

/**
 * What the output layer reads: the mean of the halves, which keeps the width of all weights and the scale of a single
 * stream.
 */
export function leaveStream([first, second]: Stream): Tensor {
  return second === undefined ? first : mul(add(first, second), 0.5);
}

/** The tensors of a stream. */
export function streamTensors([first, second]: Stream): readonly Tensor[] {
  return second === undefined ? [first] : [first, second];
}

/** The branches that a block adds to its stream, each from `[B, L, modelDim]` to the same shape. */
export interface Branches {
  readonly attention: (x: Tensor) => Tensor;
  /** Cross-attention, in the decoder of an encoder–decoder. */
  readonly cross?: ((x: Tensor) => Tensor) | undefined;
  readonly mlp: (x: Tensor) => Tensor;
  /** Applied to the stream behind a branch; default: nothing. */
  readonly settle?: ((branch: BranchName, x: Tensor) => Tensor) | undefined;
}

export type BranchName = "attention" | "cross" | "mlp";

/** q, k, v `[B, H, L, D]` → `[B, H, L, D]`. */
export type Attend = (q: Tensor, k: Tensor, v: Tensor) => Tensor;

export interface BranchOptions {
  /** Positions of rotary encodings. */
  readonly positions?: Positions | undefined;
  /** Applied to what each branch adds. Default: nothing is dropped. */
  readonly dropout?: ((x: Tensor) => Tensor) | undefined;
  /** Default `fastest`. */
  readonly form?: ExecutionForm | undefined;
  /** Cross-attention of queries `[B, H, L, D]`, in a decoder beside an encoder. */
  readonly attendAcross?: ((q: Tensor) => Tensor) | undefined;
  /** Token shift where sequences are read part by part. Default: sequences begin here. */
  readonly shift?: ((branch: BranchName, x: Tensor) => Tensor) | undefined;
}

/** The branches of a block, each behind or before its norm, or with its share. */
export function blockBranches(
  config: ModelConfig,
  block: Block<Tensor>,
  attend: Attend,
  { positions = {}, dropout: drop = (x) => x, form = "fastest", attendAcross, shift }: BranchOptions,
): Branches {
  const { numHeads, normPlacement, tokenShift } = config;
  const normed = (branch: BranchName, x: Tensor) => {
    const norm = block[`${branch}Norm`];
    return norm === undefined ? x : applyNorm(x, norm, config);
  };
  const before = (branch: BranchName, x: Tensor) => {
    const y = normPlacement === "pre" ? normed(branch, x) : x;
    if (!tokenShift || branch === "cross") return y;
    return shift ? shift(branch, y) : shiftTokens(y).shifted;
  };
  const share = (branch: BranchName, y: Tensor) => {
    const residual = block[`${branch}Residual`];
    return residual === undefined ? drop(y) : mul(drop(y), residual.scale);
  };
  const heads = (x: Tensor) => splitHeads(x, numHeads);
  const { cross } = block;
  return {
    attention: (x) =>
      scope("attention", () => {
        const { query, key, value, output } = block.attention;
        const read = before("attention", x);
        const positioned = (x: Tensor) => applyPositions(x, positions, form);
        const q = heads(positioned(applyLinear(read, query)));
        const k = key === undefined ? q : heads(positioned(applyLinear(read, key)));
        const v = heads(applyLinear(read, value));
        return share("attention", applyLinear(joinHeads(attend(q, k, v)), output));
      }),
    ...(cross &&
      attendAcross && {
        cross: (x: Tensor) =>
          scope("cross", () => {
            const q = heads(applyLinear(before("cross", x), cross.query));
            return share("cross", applyLinear(joinHeads(attendAcross(q)), cross.output));
          }),
      }),
    mlp: (x) => scope("mlp", () => share("mlp", applyFeedForward(before("mlp", x), block.mlp, config, form))),
    ...(normPlacement === "post" && { settle: (branch: BranchName, x: Tensor) => normed(branch, x) }),
  };
}

/** Keys and values `[B, H, S, D]` of cross-attention to what an encoder leaves, `[B, S, modelDim]`. */
export function keysAndValues(
  { numHeads }: Pick<ModelConfig, "numHeads">,
  { query, key = query, value }: Attention<Tensor>,
  memory: Tensor,
): { readonly k: Tensor; readonly v: Tensor } {
  const heads = (x: Tensor) => splitHeads(x, numHeads);
  return { k: heads(applyLinear(memory, key)), v: heads(applyLinear(memory, value)) };
}

/** Rotary positions of `[B, L, H·D]`, where the encoding is rotary. */
function applyPositions(x: Tensor, { angles, perSequence }: Positions, form: ExecutionForm): Tensor {
  if (angles === undefined) return x;
  if (perSequence !== true) return applyRotary(x, angles, form);
  // As one sequence of all tokens.
  const [batch = 1, length = 1, width = 1] = x.shape;
  return reshape(applyRotary(reshape(x, [1, batch * length, width]), angles, form), x.shape);
}

/** The stream behind a block. */
export function applyBlock({ attention, cross, mlp, settle = (_, x) => x }: Branches, [first, second]: Stream): Stream {
  let attended = settle("attention", add(first, attention(second ?? first)));
  if (cross) attended = settle("cross", add(attended, cross(attended)));
  if (second === undefined) return [settle("mlp", add(attended, mlp(attended)))];
  return [attended, add(second, mlp(attended))];
}
