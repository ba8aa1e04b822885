/**
 * Softmax attention along the edges of a graph: time and memory in proportion to their number, whatever the degrees.
 */
import * as z from "zod";
import { GraphError, problem } from "../../graph/errors.ts";
import { ndarray } from "../../graph/ndarray.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { withOnes } from "../../ops/composed.ts";
import { add } from "../../ops/elementwise.ts";
import { gather } from "../../ops/gather.ts";
import { mergeAxes, reshape } from "../../ops/layout.ts";
import { matmul } from "../../ops/matmul.ts";
import { softmax } from "../../ops/normalize.ts";
import { concat, pad } from "../../ops/slicing.ts";
import { constant, full } from "../../ops/source.ts";
import type { MechanismUse, Refusal } from "../mechanism.ts";
import { marked, settle, withReal } from "./block-sparse.ts";
import { refuseCross } from "./shapes.ts";

const position = z.int().min(0);

/** The options of all attention along edges. */
export const edgeOptions = {
  /**
   * `[from, to]`: the query at position `to` reads the key at position `from`, as messages flow. The same for all
   * sequences; edges with a position beyond a sequence do not count there (beyond a model's maxSeqLen they are
   * refused), and for causal attention none from a later position. Give both directions of an undirected edge. No
   * default that would serve.
   */
  edges: z.array(z.tuple([position, position])).default([]),
  /**
   * Whether every position reads itself too. Default true, as published for GAT: a position without edges keeps its own
   * value.
   */
  selfLoops: z.boolean().default(true),
};

export interface EdgeOptions {
  readonly edges: readonly (readonly [number, number])[];
  readonly selfLoops: boolean;
}

const NO_EDGES = {
  rule: "edges must be given, a list of [from, to] positions",
  got: "none",
  fix: "give the edges of the graph, or use 'local' where near positions are the neighbours",
} as const satisfies Refusal;

export function refuseEdges({ edges }: EdgeOptions, use: MechanismUse): Refusal | undefined {
  if (use.cross) return refuseCross(use);
  if (edges.length === 0) return NO_EDGES;
  const index = edges.findIndex((edge) => Math.max(...edge) >= use.maxSeqLen);
  if (index < 0) return undefined;
  return {
    rule: `edges must have positions below the longest sequence, ${use.maxSeqLen}`,
    got: `[${edges[index]?.join(", ")}], edge ${index}, counted from 0`,
    fix: "leave it out, or make maxSeqLen larger",
  };
}

/** The keys of each query, ascending, none twice. */
export function keysOfQueries(
  { edges, selfLoops }: EdgeOptions,
  length: number,
  causal: boolean,
): readonly (readonly number[])[] {
  const keys = Array.from({ length }, (_, to) => new Set(selfLoops ? [to] : []));
  for (const [from, to] of edges) {
    if (from < length && !(causal && from > to)) keys[to]?.add(from);
  }
  return keys.map((each) => [...each].toSorted((a, b) => a - b));
}

interface EdgeAttention {
  /** `[B, H, L, D]`: scores are q · k. */
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly keyMask: Tensor | undefined;
  readonly causal: boolean;
  /** Changes the scores before the softmax. Default: no change. */
  readonly activation?: (scores: Tensor) => Tensor;
}

/**
 * Σ_j softmax_j(activation(q_i · k_j)) v_j over the edges j → i, 0 for queries without any.
 *
 * Queries whose numbers of keys round up to the same power of two share a table of keys, so that it holds at most twice
 * the edges.
 *
 * @returns `[B, H, L, E]`
 * @throws GraphError without edges
 */
export function attendEdges(
  who: string,
  { q, k, v, keyMask, causal, activation }: EdgeAttention,
  options: EdgeOptions,
): Tensor {
  if (options.edges.length === 0)
    throw new GraphError(problem`${who}: ${NO_EDGES.rule}, got ${NO_EDGES.got}; ${NO_EDGES.fix}`);
  const [B = 0, H = 0, L = 0] = q.shape;
  const guarded = keyMask !== undefined;
  // One key more, which does not count, for the places of a table that hold no edge.
  const mask = pad(keyMask ?? full([1, L], 1), 1, 0, 1);
  const longer = (x: Tensor) => pad(x, 2, 0, 1);
  const keys = rows(marked(longer(k), mask));
  const values = rows(guarded ? withReal(longer(v), mask) : longer(v));
  const queries = rows(withOnes(q));
  const ofHeads = (positions: readonly number[], perHead: number) => headRows(positions, perHead, B * H);

  const lists = keysOfQueries(options, L, causal);
  const classes = [...byWidth(lists)];
  const outputs = classes.map(([width, members]) => {
    const places = members.flatMap((to) => Array.from({ length: width }, (_, i) => lists[to]?.[i] ?? L));
    const shape = [B * H, members.length, width];
    const table = (x: Tensor) => gatherAs(x, ofHeads(places, L + 1), shape);
    const query = gatherAs(queries, ofHeads(members, L), [B * H, members.length, 1]);
    const scores = matmul(query, table(keys), { transposeB: true });
    const weights = softmax(activation ? activation(scores) : scores);
    return reshape(matmul(weights, table(values)), [B * H, members.length, -1]);
  });
  if (outputs.length === 0) return reshape(full([B * H, L, v.shape[3] ?? 0], 0), [B, H, L, -1]);
  // Back into the order of positions; behind the last one a row of zeros, for queries without keys.
  const order = new Map(classes.flatMap(([, members]) => members).map((to, place) => [to, place]));
  const joined = pad(concat(outputs, 1), 1, 0, 1);
  const places = Array.from({ length: L }, (_, to) => order.get(to) ?? order.size);
  const out = gatherAs(mergeAxes(joined, 0), ofHeads(places, order.size + 1), [B, H, L]);
  return settle(out, guarded);
}

/** Queries by their numbers of keys, rounded up to powers of two; those without are in none. */
function byWidth(lists: readonly (readonly number[])[]): ReadonlyMap<number, readonly number[]> {
  const classes = new Map<number, number[]>();
  lists.forEach(({ length }, to) => {
    if (length === 0) return;
    const width = 2 ** Math.ceil(Math.log2(length));
    const members = classes.get(width) ?? [];
    classes.set(width, members);
    members.push(to);
  });
  return classes;
}

/** `[B, H, K, D]` → `[B · H · K, D]`. */
function rows(x: Tensor): Tensor {
  return reshape(x, [-1, x.shape.at(-1) ?? 0]);
}

/**
 * Rows of all heads for positions that are the same in each: `[B · H, positions]`, from two lists instead of a table.
 */
function headRows(positions: readonly number[], perHead: number, heads: number): Tensor {
  const first = Int32Array.from({ length: heads }, (_, head) => head * perHead);
  return add(
    constant(ndarray(first, [heads, 1])),
    constant(ndarray(Int32Array.from(positions), [1, positions.length])),
  );
}

function gatherAs(table: Tensor, indices: Tensor, shape: readonly number[]): Tensor {
  return gather(table, reshape(indices, shape));
}
