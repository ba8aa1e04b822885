/**
 * One block of the model, and the stream that blocks hand on: one tensor, or the two of a reversible model.
 *
 * A block adds two branches to the stream, attention and mlp. In a reversible model each branch reads one half of the stream and is
 * added to the other half, so that the block's input follows from its output, and no layer's activations need to be kept:
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
import type { ModelConfig } from "./config.ts";
import { applyGelu, applyLinear, applyNorm, applyRotary, type RotaryAngles } from "./layers.ts";
import type { Block } from "./parameters.ts";

/** The residual stream, each tensor `[B, L, modelDim]`: `[x]`, or `[x₁, x₂]` in a reversible model. */
export type Stream = readonly [x: Tensor, second?: Tensor];

/** The stream before the first block: both halves of a reversible one start as the embedding. */
export function enterStream({ reversible }: ModelConfig, x: Tensor): Stream {
  return reversible ? [x, x] : [x];
}

/** What the output layer reads: the mean of the halves, which keeps the width of all weights and the scale of a single stream. */
export function leaveStream([first, second]: Stream): Tensor {
  return second === undefined ? first : mul(add(first, second), 0.5);
}

/** The tensors of a stream. */
export function streamTensors([first, second]: Stream): readonly Tensor[] {
  return second === undefined ? [first] : [first, second];
}

/** What a block adds to its stream, each from `[B, L, modelDim]` to the same. */
export interface Branches {
  readonly attention: (x: Tensor) => Tensor;
  readonly mlp: (x: Tensor) => Tensor;
}

/** q, k, v `[B, H, L, D]` → `[B, H, L, D]`. */
export type Attend = (q: Tensor, k: Tensor, v: Tensor) => Tensor;

export interface BranchOptions {
  /** Of rotary positions. */
  readonly angles?: RotaryAngles<Tensor> | undefined;
  /** Applied to what each branch adds. Default: nothing is dropped. */
  readonly dropout?: ((x: Tensor) => Tensor) | undefined;
  /** Default `fastest`. */
  readonly form?: ExecutionForm | undefined;
}

/** The branches of a block, each behind its LayerNorm. */
export function blockBranches(
  { numHeads, layerNormEpsilon }: ModelConfig,
  block: Block<Tensor>,
  attend: Attend,
  { angles, dropout: drop = (x) => x, form = "fastest" }: BranchOptions,
): Branches {
  return {
    attention: (x) =>
      scope("attention", () => {
        const { query, key, value, output } = block.attention;
        const normed = applyNorm(x, block.attentionNorm, layerNormEpsilon);
        const heads = (x: Tensor) => splitHeads(x, numHeads);
        const positioned = (x: Tensor) => (angles ? applyRotary(x, angles, form) : x);
        const q = heads(positioned(applyLinear(normed, query)));
        const k = heads(positioned(applyLinear(normed, key)));
        const v = heads(applyLinear(normed, value));
        return drop(applyLinear(joinHeads(attend(q, k, v)), output));
      }),
    mlp: (x) =>
      scope("mlp", () => {
        const { up, down } = block.mlp;
        const hidden = applyGelu(applyLinear(applyNorm(x, block.mlpNorm, layerNormEpsilon), up), form);
        return drop(applyLinear(hidden, down));
      }),
  };
}

/** The stream behind a block. */
export function applyBlock({ attention, mlp }: Branches, [first, second]: Stream): Stream {
  const attended = add(first, attention(second ?? first));
  if (second === undefined) return [add(attended, mlp(attended))];
  return [attended, add(second, mlp(attended))];
}
