/**
 * Attention to the last positions, token by token: a state of the last keys and values, so that a step costs the same
 * at any position.
 */
import { GraphError, problem } from "../../graph/errors.ts";
import { countingUp, fromFloat64, ndarray, zeros } from "../../graph/ndarray.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { cast } from "../../ops/compare.ts";
import { add, atLeast, mul, sub } from "../../ops/elementwise.ts";
import { reshape } from "../../ops/layout.ts";
import { matmul } from "../../ops/matmul.ts";
import { softmax } from "../../ops/normalize.ts";
import { concat, slice } from "../../ops/slicing.ts";
import { constant, full } from "../../ops/source.ts";
import { expand } from "../../ops/reduce.ts";
import type { AttentionState, RecurrentForm, RecurrentStep } from "../mechanism.ts";
import {
  attendSets,
  bias,
  blockSet,
  fromBlocks,
  neighbours,
  OUTSIDE,
  scaled,
  toBlocks,
  type Blocks,
} from "./block-sparse.ts";
import { ownGradientSet } from "./own-gradient.ts";
import { blockLength } from "./window.ts";

/** Which of the last positions are read. */
export interface Band {
  /** The furthest that any position looks back. */
  readonly reach: number;
  /**
   * Segments with a memory: a position looks back to `memoryLength` before its segment. Default: every position to
   * `reach`.
   */
  readonly segments?: {
    readonly segmentLength: number;
    readonly memoryLength: number;
    readonly memoryGradient: boolean;
  };
}

/**
 * State: the last W = reach `keys` `[B, H, W, D]` and `values` `[B, H, W, E]`, the newest at the end, and `count` `[B,
 * 1, 1, 1]`, how many tokens there were, which tells the places that hold none yet.
 */
export function bandRecurrence(who: string, band: Band): RecurrentForm {
  const W = Math.max(1, band.reach);
  const extend: RecurrentStep = (q, k, v, state) => {
    const { keys, values, count } = stateOf(who, state);
    const length = q.shape[2] ?? 0;
    const all = { k: concat([keys, k], 2), v: concat([values, v], 2) };
    const block = blockLength(W);
    // Everything that comes before a part's first block must stand in front of it.
    const before = length > block ? Math.ceil(W / block) : 0;
    const blocks = toBlocks({ q, ...all, keyMask: realKeys(count, W, length) }, { block, before, after: 0 }, false);
    const read = band.segments
      ? segmentSet(blocks, count, band.segments)
      : blockSet(
          neighbours(blocks.k, blocks),
          neighbours(blocks.v, blocks),
          bias(blocks, (distance) => distance >= 0 && distance <= band.reach),
        );
    const newest = (x: Tensor) => slice(x, 2, length, W + length);
    return {
      out: fromBlocks(attendSets(blocks.q, [read]), blocks),
      state: { keys: newest(all.k), values: newest(all.v), count: add(count, length) },
    };
  };
  const initialState: RecurrentForm["initialState"] = ({ B, H, D, E }) => ({
    keys: zeros([B, H, W, D]),
    values: zeros([B, H, W, E]),
    count: fromFloat64(new Float64Array(B), [B, 1, 1, 1], "float32"),
  });
  return {
    initialState,
    differentiable: ["keys", "values"],
    step: extend,
    extend,
    ...(band.segments === undefined && { anyLength: { initialState, extend: extendDense(who, W, band.reach) } }),
  };
}

/**
 * Every new query beside all keys, `[L, W + L]` scores a head: more than blocks take, and the same nodes at any length.
 */
function extendDense(who: string, W: number, reach: number): RecurrentStep {
  return (q, k, v, state) => {
    const { keys, values, count } = stateOf(who, state);
    const [B = 0, , length = 0] = q.shape;
    const all = { k: concat([keys, k], 2), v: concat([values, v], 2) };
    const distance = sub(
      constant(countingUp("float32", [length, 1], W)),
      constant(countingUp("float32", [1, W + length])),
    );
    const near = mul(atLeast(distance, 0), atLeast(reach, distance));
    const real = reshape(realKeys(count, W, length), [B, 1, 1, W + length]);
    const scores = matmul(scaled(q), all.k, { transposeB: true });
    const hidden = mul(sub(1, mul(near, real)), OUTSIDE);
    const newest = (x: Tensor) => slice(x, 2, length, W + length);
    return {
      out: matmul(softmax(add(scores, hidden)), all.v),
      state: { keys: newest(all.k), values: newest(all.v), count: add(count, length) },
    };
  };
}

/** `[B, W + L]`: 1 where the state holds a token, and for all new ones. */
function realKeys(count: Tensor, W: number, length: number): Tensor {
  const B = count.shape[0] ?? 1;
  const age = constant(
    ndarray(
      Float32Array.from({ length: W }, (_, place) => W - place),
      [W],
    ),
  );
  return concat([atLeast(reshape(count, [B, 1]), age), full([B, length], 1)], 1);
}

/** The band of a segment depends on where the sequence stands: how far its position t + count is into its segment. */
function segmentSet(
  blocks: Blocks,
  count: Tensor,
  { segmentLength, memoryLength, memoryGradient }: Required<Band>["segments"],
) {
  const B = count.shape[0] ?? 1;
  const places = countingUp("float32", [1, 1, blocks.count, blocks.block, 1]);
  const position = add(reshape(count, [B, 1, 1, 1, 1]), constant(places));
  // The half keeps rounding from a whole number of segments.
  const segment = cast(cast(mul(add(position, 0.5), 1 / segmentLength), "int32"), "float32");
  const intoSegment = sub(position, mul(segment, segmentLength));
  const keys = neighbours(blocks.k, blocks);
  const values = neighbours(blocks.v, blocks);
  const width = keys.shape[3] ?? 0;
  const distance = constant(
    ndarray(
      Float32Array.from({ length: blocks.block * width }, (_, i) => Math.floor(i / width) + blocks.front - (i % width)),
      [blocks.block, width],
    ),
  );
  const tooFar = mul(atLeast(distance, add(intoSegment, memoryLength + 1)), OUTSIDE);
  const hidden = add(
    tooFar,
    bias(blocks, (distance) => distance >= 0),
  );
  if (memoryGradient) return blockSet(keys, values, hidden);
  const own = atLeast(expand(intoSegment, [B, 1, blocks.count, blocks.block, 1]), distance);
  return ownGradientSet(keys, values, hidden, own);
}

function stateOf(who: string, { keys, values, count }: AttentionState) {
  if (keys !== undefined && values !== undefined && count !== undefined) return { keys, values, count };
  throw new GraphError(
    problem`${who}: a step must have the states 'keys', 'values' and 'count', got fewer; use initialState`,
  );
}
