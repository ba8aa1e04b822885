/**
 * Softmax attention of blocks of queries to few keys each: what all sparse patterns share.
 *
 * Positions are padded to whole blocks and cut into them. A block of queries reads one or more sets of keys (its
 * neighbours, the first tokens, chosen blocks); the scores by all sets stand side by side and are normalised together.
 * Whether a key counts rides with it, as one more column against a 1 of the queries, so the masks of padding cost no
 * pass over the scores.
 */
import { customGradient } from "../../autodiff/custom-gradient.ts";
import { lazyArray, ndarray } from "../../graph/ndarray.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { withOnes } from "../../ops/composed.ts";
import { add, mul, sub } from "../../ops/elementwise.ts";
import { gather } from "../../ops/gather.ts";
import { mergeAxes, reshape, splitAxis, transpose } from "../../ops/layout.ts";
import { matmul } from "../../ops/matmul.ts";
import { softmax } from "../../ops/normalize.ts";
import { expand } from "../../ops/reduce.ts";
import { concat, pad, slice, split } from "../../ops/slicing.ts";
import { constant, full, stopGradient } from "../../ops/source.ts";

/** Added to the scores of padding: e to this is 0, and a row of nothing else stays finite. */
const PADDING = -1e30;

/**
 * Added to the scores of pairs that the pattern leaves out: far below padding, so that a row without a real key ends up
 * on padding.
 */
export const OUTSIDE = -2e30;

/** Queries, keys and values of a sequence, and which keys count. */
export interface MaskedSequences {
  /** `[B, H, L, D]`. */
  readonly q: Tensor;
  /** `[B, H, P + L, D]`: P positions that come before the first query, mostly none, and those of the queries. */
  readonly k: Tensor;
  /** `[B, H, P + L, E]`. */
  readonly v: Tensor;
  /** `[B or 1, P + L]`: 1 for real keys. Default: all real. */
  readonly keyMask?: Tensor | undefined;
}

/** How positions are cut into blocks. */
export interface Cut {
  /** Positions of a block, r, if the sequence is longer than one. */
  readonly block: number;
  /** Blocks before and behind its own that a block of queries may read. */
  readonly before: number;
  readonly after: number;
  /** Keys of so many first positions are left out, because they are read as a set of their own. Default 0. */
  readonly skipFirst?: number;
  /**
   * A sequence of one block has neighbours too, of padding: more work, and the same nodes for any number of blocks.
   * Default false.
   */
  readonly alwaysNeighbours?: boolean;
}

/** Sequences in blocks. */
export interface Blocks {
  /** `[B, H, N, r, D + 1]`, divided by √D, the last column 1. */
  readonly q: Tensor;
  /** `[B, H, K, D + 1]`: padded, the last column 0 for a real key and far below any score for others. */
  readonly k: Tensor;
  /** `[B, H, K, E]`, or `[B, H, K, E + 1]` with a last column of 1 for real keys where a query may have none. */
  readonly v: Tensor;
  readonly length: number;
  /** Blocks of queries, N. */
  readonly count: number;
  /** Positions of a block, r. */
  readonly block: number;
  readonly before: number;
  readonly after: number;
  /** Where in k and v the first query's own position is. */
  readonly front: number;
  readonly guarded: boolean;
  /** All of the sequence is one block, which reads itself. */
  readonly single: boolean;
}

/** One set of keys of every block of queries. */
export interface KeySet {
  /** From queries `[B, H, N, r, D + 1]` to scores `[B, H, N, r, m]`. */
  readonly score: (q: Tensor) => Tensor;
  /** From weights `[B, H, N, r, m]` to sums of values `[B, H, N, r, E]`. */
  readonly read: (weights: Tensor) => Tensor;
}

/** @param guarded a query may have no real key (default: where there is a mask); it then gets 0 */
export function toBlocks(
  { q, k, v, keyMask }: MaskedSequences,
  { block, before, after, skipFirst = 0, alwaysNeighbours = false }: Cut,
  guarded = keyMask !== undefined,
): Blocks {
  const length = q.shape[2] ?? 0;
  const given = k.shape[2] ?? 0;
  const past = given - length;
  const count = Math.ceil(length / block);
  const single = count === 1 && !alwaysNeighbours;
  const r = single ? length : block;
  const front = single ? past : before * r;
  const back = single ? 0 : (count + after) * r - length;
  const padded = (x: Tensor, axis: number) => pad(x, axis, front - past, back);
  const mask = padded(keyMask ?? full([1, given], 1), 1);
  const skipped = skipFirst === 0 ? undefined : { from: front, to: front + skipFirst };
  return {
    // The ones meet the column that `marked` adds to keys.
    q: splitAxis(pad(withOnes(scaled(q)), 2, 0, single ? 0 : count * r - length), 2, count),
    k: marked(padded(k, 2), mask, skipped),
    v: guarded ? withReal(padded(v, 2), mask) : padded(v, 2),
    length,
    count,
    block: r,
    before: single ? 0 : before,
    after: single ? 0 : after,
    front,
    guarded,
    single,
  };
}

/** q / √D. */
export function scaled(q: Tensor): Tensor {
  return mul(q, 1 / Math.sqrt(q.shape.at(-1) ?? 1));
}

/**
 * [k, 0] for keys that count, [k, far below any score] for others.
 *
 * @param k `[B, H, K, D]`
 * @param mask `[B or 1, K]`
 * @param skipped positions that the pattern leaves out
 */
export function marked(k: Tensor, mask: Tensor, skipped?: { readonly from: number; readonly to: number }): Tensor {
  const [B = 0, H = 0, K = 0] = k.shape;
  const padding = mul(sub(1, mask), PADDING);
  const column = skipped
    ? add(
        padding,
        matrix(1, K, (_, c) => (c >= skipped.from && c < skipped.to ? OUTSIDE : 0)),
      )
    : padding;
  return concat([k, expand(reshape(column, [-1, 1, K, 1]), [B, H, K, 1])], -1);
}

/** [v, mask]: the weights' sum over this column is 1, or 0 where only padding was left to read. */
export function withReal(v: Tensor, mask: Tensor): Tensor {
  const [B = 0, H = 0, K = 0] = v.shape;
  return concat([v, expand(reshape(mask, [-1, 1, K, 1]), [B, H, K, 1])], -1);
}

/** A constant `[rows, columns]`. */
export function matrix(rows: number, columns: number, value: (row: number, column: number) => number): Tensor {
  return constant(
    lazyArray("float32", [rows, columns], () => {
      const values = new Float32Array(rows * columns);
      for (let t = 0; t < rows; t++) for (let c = 0; c < columns; c++) values[t * columns + c] = value(t, c);
      return values;
    }),
  );
}

/**
 * What is added to a block's scores by the positions of its neighbours, `[r, m]`: the same for all blocks.
 *
 * @param sees by the distance of a key, positive for earlier ones, and the query's place in its block
 */
export function bias(
  { block, front, k, before, after, single }: Blocks,
  sees: (distance: number, t: number) => boolean,
): Tensor {
  const width = single ? (k.shape[2] ?? 0) : (before + 1 + after) * block;
  return matrix(block, width, (t, c) => (sees(t + front - c, t) ? 0 : OUTSIDE));
}

/**
 * Blocks by number, side by side: `[B, H, K, D]` → `[B, H, N, width · r, D]`, in one pass over memory.
 *
 * @param place the number of a block in x, by the block of queries and the place in its row of `width`
 */
export function takeBlocks(
  x: Tensor,
  { count, block }: Pick<Blocks, "count" | "block">,
  width: number,
  place: (n: number, i: number) => number,
): Tensor {
  const [B = 0, H = 0, K = 0, D = 0] = x.shape;
  const perHead = K / block;
  const places = lazyArray("int32", [1, 1, count, width], () =>
    Int32Array.from({ length: count * width }, (_, i) => place(Math.floor(i / width), i % width)),
  );
  const first = Int32Array.from({ length: B * H }, (_, head) => head * perHead);
  const rows = add(constant(ndarray(first, [B, H, 1, 1])), constant(places));
  return reshape(gather(reshape(x, [B * H * perHead, block * D]), rows), [B, H, count, width * block, D]);
}

/**
 * The positions around each block, `[B, H, K, D]` → `[B, H, N, m, D]`.
 *
 * @param frozen no gradient flows into the blocks before its own
 */
export function neighbours(x: Tensor, blocks: Blocks, frozen = false): Tensor {
  const { block, before, after, single } = blocks;
  const [B = 0, H = 0, K = 0, D = 0] = x.shape;
  if (single) return reshape(x, [B, H, 1, K, D]);
  const width = before + 1 + after;
  return customGradient(
    { x },
    ({ x }) => ({ around: takeBlocks(x, blocks, width, (n, shift) => n + shift) }),
    // Shifted sums: the adjoint of the walk through the op adds row by row, which is slower.
    ({ around: dy }) => {
      if (dy === undefined) return {};
      const shifts = split(dy, 3, Array<number>(width).fill(block));
      const spread = shifts.map((shift, i) => pad(shift, 2, i, width - 1 - i)).slice(frozen ? before : 0);
      return {
        x: reshape(
          spread.reduce((a, b) => add(a, b)),
          x.shape,
        ),
      };
    },
  ).around;
}

/** The blocks of the queries' own positions: `[B, H, K, D]` → `[B, H, N, r, D]`. */
export function ownBlocks(x: Tensor, { count, block, front }: Blocks): Tensor {
  return splitAxis(slice(x, 2, front, front + count * block), 2, count);
}

/** Keys `[B, H, N, m, D + 1]` and values `[B, H, N, m, E]`, some for each block. @param added to the scores */
export function blockSet(keys: Tensor, values: Tensor, added?: Tensor): KeySet {
  return {
    score: (q) => {
      const scores = matmul(q, keys, { transposeB: true });
      return added ? add(scores, added) : scores;
    },
    read: (weights) => matmul(weights, values),
  };
}

/** The neighbours of each block, as far as the pattern sees them. */
export function neighbourSet(blocks: Blocks, added?: Tensor): KeySet {
  return blockSet(neighbours(blocks.k, blocks), neighbours(blocks.v, blocks), added);
}

/** The same keys `[B, H, m, D + 1]` and values `[B, H, m, E]` for all blocks: one product. */
export function sharedSet(keys: Tensor, values: Tensor, added?: Tensor): KeySet {
  const flat = (x: Tensor) => mergeAxes(x, 2);
  return {
    score: (q) => {
      const scores = splitAxis(matmul(flat(q), keys, { transposeB: true }), 2, q.shape[2] ?? 1);
      return added ? add(scores, added) : scores;
    },
    read: (weights) => splitAxis(matmul(flat(weights), values), 2, weights.shape[2] ?? 1),
  };
}

/**
 * Each query reads the keys at its own place in all blocks: keys `[B, H, N, r, D + 1]`, m = N. @param added `[N, N]`
 */
export function columnSet(keys: Tensor, values: Tensor, added: Tensor): KeySet {
  const turned = (x: Tensor) => transpose(x, [0, 1, 3, 2, 4]);
  return {
    score: (q) => turned(add(matmul(turned(q), turned(keys), { transposeB: true }), added)),
    read: (weights) => turned(matmul(turned(weights), turned(values))),
  };
}

/** Softmax over all sets together: queries `[B, H, N, r, D + 1]` → `[B, H, N, r, E]`. */
export function attendSets(q: Tensor, sets: readonly KeySet[]): Tensor {
  const scores = sets.map((set) => set.score(q));
  const widths = scores.map(({ shape }) => shape.at(-1) ?? 0);
  const [only, ...others] = scores;
  if (only !== undefined && others.length === 0) return sets.map((set) => set.read(softmax(only))).reduce(add);
  const weights = split(softmax(concat(scores, -1)), -1, widths);
  return sets.map((set, index) => set.read(weights[index] as Tensor)).reduce((a, b) => add(a, b)); // as many parts as sets
}

/** `[B, H, N, r, E]` → `[B, H, L, E]`, 0 for queries without a real key. */
export function fromBlocks(out: Tensor, { length, guarded }: Pick<Blocks, "length" | "guarded">): Tensor {
  return settle(slice(mergeAxes(out, 2), 2, 0, length), guarded);
}

/**
 * Drops the column that `withReal` added, and multiplies by it: its gradient is 0, for it is 1 or 0 whatever the
 * scores.
 */
export function settle(out: Tensor, guarded: boolean): Tensor {
  if (!guarded) return out;
  const width = (out.shape.at(-1) ?? 1) - 1;
  const [values, real] = split(out, -1, [width, 1]) as readonly [Tensor, Tensor]; // two lengths, two parts
  return mul(values, stopGradient(real));
}
