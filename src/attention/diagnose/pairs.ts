/** Query-key pairs of every head, on which single entries of the kernel are looked at. */
import type { Random } from "../../random/index.ts";
import { constant } from "../../ops/source.ts";
import { evaluate } from "../../runtime/reference.ts";
import { median, softmax } from "../../statistics/index.ts";
import type { FeatureMap } from "../feature-map.ts";
import { predictedRelativeVariance } from "./predicted-variance.ts";
import { headsArray, pickPositions, rowOf, samplePositions, type Heads } from "./sequences.ts";

/** Queries and keys a head and sequence: 4,096 pairs, whose median no single one of them moves. */
const ROWS = 64;

export interface Pairs {
  /** The picked rows. */
  readonly queries: Heads;
  readonly keys: Heads;
  /** The positions of the pairs. */
  readonly queryPositions: readonly number[];
  readonly keyPositions: readonly number[];
  readonly causal: boolean;
  /** Exact softmax weights over the picked keys that a query sees, laid out as `[B, H, queries, keys]`. */
  readonly weights: Float64Array;
}

/** A number for every pair, `[B, H, queries, keys]`. */
export type PairTable = Float64Array;

/**
 * Picks the rows; the same positions for queries and keys of equal length, so that a causal query sees one key at
 * least.
 */
export function pickPairs(q: Heads, k: Heads, causal: boolean, random: Random): Pairs {
  const queryPositions = samplePositions(random, q.length, ROWS);
  const keyPositions = q.length === k.length ? queryPositions : samplePositions(random, k.length, ROWS);
  const queries = pickPositions(q, queryPositions);
  const keys = pickPositions(k, keyPositions);
  const pairs = { queries, keys, queryPositions, keyPositions, causal };
  return { ...pairs, weights: softmaxWeights(pairs) };
}

type Visit = (
  index: number,
  x: Float32Array,
  y: Float32Array,
  place: { readonly b: number; readonly h: number },
) => void;

/** Goes through all pairs of a query and a key that it sees. @param head this one only */
export function visitPairs(pairs: Omit<Pairs, "weights">, visit: Visit, head?: number): void {
  const { queries, keys, queryPositions, keyPositions, causal } = pairs;
  let index = 0;
  for (let b = 0; b < queries.batch; b++) {
    for (let h = 0; h < queries.numHeads; h++) {
      for (let i = 0; i < queries.length; i++) {
        for (let j = 0; j < keys.length; j++, index++) {
          if (head !== undefined && h !== head) continue;
          if (causal && (keyPositions[j] ?? 0) > (queryPositions[i] ?? 0)) continue;
          visit(index, rowOf(queries, b, h, i), rowOf(keys, b, h, j), { b, h });
        }
      }
    }
  }
}

export function emptyTable({ queries, keys }: Pick<Pairs, "queries" | "keys">): PairTable {
  return new Float64Array(queries.batch * queries.numHeads * queries.length * keys.length);
}

/** q·k / √D, the logarithm of the softmax kernel. */
export function score(q: Float32Array, k: Float32Array): number {
  let total = 0;
  for (let i = 0; i < q.length; i++) total += (q[i] ?? 0) * (k[i] ?? 0);
  return total / Math.sqrt(q.length);
}

function softmaxWeights(pairs: Omit<Pairs, "weights">): PairTable {
  const numKeys = pairs.keys.length;
  const scores = emptyTable(pairs).fill(Number.NEGATIVE_INFINITY);
  visitPairs(pairs, (index, q, k) => (scores[index] = score(q, k)));
  for (let start = 0; start < scores.length; start += numKeys) {
    scores.set(softmax(scores.subarray(start, start + numKeys)), start);
  }
  return scores;
}

/** A summary of a head's table of variances. */
export interface VarianceSummary {
  /** Over all pairs; null beyond float64. */
  readonly median: number | null;
  /** Mean over pairs, each as heavy as exact attention makes it; null beyond float64. */
  readonly attentionWeighted: number | null;
}

export function summarise(table: PairTable, pairs: Pairs, head: number): VarianceSummary {
  const values: number[] = [];
  let weighted = 0;
  visitPairs(
    pairs,
    (index) => {
      const value = table[index] ?? 0;
      const weight = pairs.weights[index] ?? 0;
      values.push(value);
      // A pair without weight counts for nothing, were its variance infinite.
      if (weight > 0) weighted += weight * value;
    },
    head,
  );
  const numQueries = pairs.queries.batch * pairs.queries.length;
  return { median: finiteOrNull(median(values)), attentionWeighted: finiteOrNull(weighted / numQueries) };
}

/** JSON has no infinities. */
export function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/**
 * Predicted relative variances for one row of the projection.
 *
 * @param q all queries, from which the statistics of the maps that have any are measured
 * @returns undefined for maps without a formula
 */
export function predictPairs(map: FeatureMap, q: Heads, k: Heads, pairs: Pairs): PairTable | undefined {
  if (predictedRelativeVariance(map, NOTHING) === undefined) return undefined;
  const table = emptyTable(pairs);
  const statistics = measureStatistics(map, q, k);
  const headDim = q.width;
  visitPairs(pairs, (index, x, y, { b, h }) => {
    const { rescale, meanSquaredSum } = statistics(b, h);
    let squaredSum = 0;
    let squaredDifference = 0;
    for (let l = 0; l < headDim; l++) {
      const psi = rescale?.[l] ?? 1;
      const a = (x[l] ?? 0) * psi;
      const c = (y[l] ?? 0) / psi;
      squaredSum += (a + c) ** 2;
      squaredDifference += (a - c) ** 2;
    }
    const root = Math.sqrt(headDim);
    const pair = {
      squaredSum: squaredSum / root,
      squaredDifference: squaredDifference / root,
      headDim,
      meanSquaredSum,
    };
    table[index] = predictedRelativeVariance(map, pair) ?? Number.NaN;
  });
  return table;
}

/** A pair at the origin. */
const NOTHING = { squaredSum: 0, squaredDifference: 0, headDim: 1, meanSquaredSum: 0 };

interface HeadStatistics {
  /** ψ, by which queries are multiplied and keys divided. */
  readonly rescale?: Float64Array;
  readonly meanSquaredSum: number;
}

/** The map's own statistics, in float64. */
function measureStatistics(map: FeatureMap, q: Heads, k: Heads): (b: number, h: number) => HeadStatistics {
  if (map.statistics === undefined) return () => ({ meanSquaredSum: 0 });
  const measured = map.statistics.measure(constant(headsArray(q)), constant(headsArray(k)), {});
  const names = Object.keys(measured);
  const arrays = evaluate(Object.values(measured), new Map());
  const of = (name: string, b: number, h: number) => {
    const array = arrays[names.indexOf(name)];
    const width = array?.shape.at(-1) ?? 0;
    const start = (b * q.numHeads + h) * width;
    return array?.data.subarray(start, start + width);
  };
  return (b, h) => {
    const rescale = of("keyOverQuery", b, h);
    return { meanSquaredSum: of("meanSquaredSum", b, h)?.[0] ?? 0, ...(rescale && { rescale }) };
  };
}

/** Median ‖x‖² over queries and keys of a head, x = q·D^(-1/4). */
export function medianSquaredNorm(q: Heads, k: Heads, head: number): number {
  const norms: number[] = [];
  for (const heads of [q, k]) {
    for (let b = 0; b < heads.batch; b++) {
      for (let t = 0; t < heads.length; t++) {
        const row = rowOf(heads, b, head, t);
        norms.push(score(row, row));
      }
    }
  }
  return median(norms);
}
