/**
 * Exact attention in chunks of queries, forward and backward, whose memory does not grow with the square of the length.
 */

import { customGradient } from "../autodiff/custom-gradient.ts";
import { ndarray } from "../graph/ndarray.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, div, exp, log, maximum, mul, sub } from "../ops/elementwise.ts";
import { mergeAxes, reshape } from "../ops/layout.ts";
import { matmul } from "../ops/matmul.ts";
import { max } from "../ops/maximum-along.ts";
import { sum } from "../ops/reduce.ts";
import { scan } from "../ops/scan.ts";
import { concat, slice } from "../ops/slicing.ts";
import { constant } from "../ops/source.ts";

/** Queries a chunk: the fastest measured of 128, 256, 512 and 1024 at 8,192 tokens. */
const QUERY_CHUNK = 256;

const transposeA = { transposeA: true } as const;
const transposeB = { transposeB: true } as const;
const rows = { axes: [-1], keepDims: true } as const;

/** Keys from start to end (exclusive) as a chunk of queries sees them. */
interface KeyBlock {
  readonly start: number;
  readonly end: number;
  /** Added to the scores: far below all others for keys behind the query. Undefined: every query sees every key. */
  readonly mask: Tensor | undefined;
}

interface QueryChunk {
  readonly start: number;
  readonly end: number;
  readonly keys: readonly KeyBlock[];
}

/**
 * softmax(q kᵀ / √D) v, head by head and chunk by chunk, as FlashAttention does it: the logarithm of each query's
 * denominator is kept, weights are computed again on the way back, and causal queries meet no key behind their chunk.
 *
 *   P = exp(s − log Σ exp s),  δ = Σ dO ∘ O,  dS = P ∘ (dO vᵀ − δ)
 *
 * @param q `[B, H, L, D]`, as k; v `[B, H, L, E]`
 * @returns `[B, H, L, E]`
 * Source: algorithms 1 and 4 of arXiv:2205.14135, without blocks of keys, whose small products this engine starts
 * slowly.
 */
export function exactInChunks(q: Tensor, k: Tensor, v: Tensor, causal: boolean, chunk = QUERY_CHUNK): Tensor {
  const [, , length = 0, headDim = 1] = q.shape;
  const chunks = queryChunks(length, causal, chunk);
  const scale = 1 / Math.sqrt(headDim);
  const byHead = { q: mergeAxes(q, 0), k: mergeAxes(k, 0), v: mergeAxes(v, 0) };
  const { out } = customGradient(
    byHead,
    (inputs) => eachHead(inputs, (head) => forward(head, chunks, scale)),
    ({ out: dOut }, inputs, { out, logSum }) =>
      dOut ? eachHead({ ...inputs, out, logSum, dOut }, (head) => backward(head, chunks, scale)) : {},
  );
  return reshape(out, [...q.shape.slice(0, -1), v.shape.at(-1) ?? 0]);
}

type Head = Readonly<Record<"q" | "k" | "v", Tensor>>;
type Saved = Readonly<Record<"out" | "logSum", Tensor>>;

function eachHead<Items extends Record<string, Tensor>, Outputs extends Record<string, Tensor>>(
  sequences: Items,
  attend: (head: Items) => Outputs,
): Outputs {
  return scan({ carry: {}, sequences, body: (_, head) => ({ carry: {}, outputs: attend(head) }) }).outputs;
}

function queryChunks(length: number, causal: boolean, chunk: number): readonly QueryChunk[] {
  return Array.from({ length: Math.ceil(length / chunk) }, (_, index) => {
    const [start, end] = [index * chunk, Math.min(length, (index + 1) * chunk)];
    if (!causal) return { start, end, keys: [{ start: 0, end: length, mask: undefined }] };
    const own = { start, end, mask: futureHidden(end - start) };
    return { start, end, keys: start === 0 ? [own] : [{ start: 0, end: start, mask: undefined }, own] };
  });
}

/** `[C, C]`: 0 up to the diagonal, far below any score behind it. */
function futureHidden(length: number): Tensor {
  const values = new Float32Array(length * length);
  for (let t = 0; t < length; t++) values.fill(-1e30, t * length + t + 1, (t + 1) * length);
  return constant(ndarray(values, [length, length]));
}

function scoresOf(queries: Tensor, k: Tensor, { start, end, mask }: KeyBlock): Tensor {
  const scores = matmul(queries, slice(k, 0, start, end), transposeB);
  return mask ? add(scores, mask) : scores;
}

function forward({ q, k, v }: Head, chunks: readonly QueryChunk[], scale: number): Saved {
  const parts = chunks.map(({ start, end, keys }) => {
    const queries = mul(slice(q, 0, start, end), scale);
    const scores = keys.map((block) => scoresOf(queries, k, block));
    const top = scores.map((each) => max(each, rows)).reduce(maximum);
    const weights = scores.map((each) => exp(sub(each, top)));
    const total = weights.map((each) => sum(each, rows)).reduce((x, y) => add(x, y));
    const summed = keys
      .map((block, index) => matmul(weights[index] ?? top, slice(v, 0, block.start, block.end)))
      .reduce((x, y) => add(x, y));
    return { out: div(summed, total), logSum: add(top, log(total)) };
  });
  return {
    out: joined(parts.map(({ out }) => out)),
    logSum: joined(parts.map(({ logSum }) => logSum)),
  };
}

function backward(head: Head & Saved & { readonly dOut: Tensor }, chunks: readonly QueryChunk[], scale: number): Head {
  const { q, k, v, out, logSum, dOut } = head;
  /** What each chunk adds to the gradients of a block of keys. */
  const added: { readonly block: KeyBlock; readonly dk: Tensor; readonly dv: Tensor }[] = [];
  const dq = chunks.map(({ start, end, keys }) => {
    const part = (x: Tensor) => slice(x, 0, start, end);
    const queries = mul(part(q), scale);
    const dPart = part(dOut);
    const delta = sum(mul(dPart, part(out)), rows);
    const dQueries = keys.map((block) => {
      const ofBlock = (x: Tensor) => slice(x, 0, block.start, block.end);
      const weights = exp(sub(scoresOf(queries, k, block), part(logSum)));
      const dScores = mul(weights, sub(matmul(dPart, ofBlock(v), transposeB), delta));
      added.push({ block, dk: matmul(dScores, queries, transposeA), dv: matmul(weights, dPart, transposeA) });
      return matmul(dScores, ofBlock(k));
    });
    return mul(
      dQueries.reduce((x, y) => add(x, y)),
      scale,
    );
  });
  return { q: joined(dq), k: gathered(added, "dk"), v: gathered(added, "dv") };
}

/** The sum over all chunks of queries, block by block: from the last block backwards, as all before it reach as far. */
function gathered(
  added: readonly { readonly block: KeyBlock; readonly dk: Tensor; readonly dv: Tensor }[],
  of: "dk" | "dv",
): Tensor {
  let later: Tensor | undefined;
  const done: Tensor[] = [];
  for (const each of added.toReversed()) {
    const { start, end, mask } = each.block;
    const rest = later && slice(later, 0, start, end);
    const total = rest ? add(rest, each[of]) : each[of];
    if (mask === undefined) later = total;
    else done.unshift(total);
  }
  return done.length === 0 && later ? later : joined(done);
}

function joined(parts: readonly Tensor[]): Tensor {
  const [only, ...rest] = parts;
  return only !== undefined && rest.length === 0 ? only : concat(parts, 0);
}
