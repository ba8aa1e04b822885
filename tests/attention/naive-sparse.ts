/** The slow twins of attention on sparse patterns: dense softmax in float64 over the pairs that a pattern allows. */
import { dot, naiveExact, type Matrix, type NaiveOptions } from "./naive.ts";

/** Whether the query at position t reads the key at position s, apart from causality and padding. */
export type Pattern = (t: number, s: number) => boolean;

/** softmax(q kᵀ / √D) v over the allowed pairs; 0 for a query without any. */
export function naiveSparse(
  allowed: Pattern,
  q: Matrix,
  k: Matrix,
  v: Matrix,
  { causal, keyMask }: NaiveOptions,
): number[][] {
  const width = v[0]?.length ?? 0;
  return q.flatMap((row, t) => {
    const seen = (_: unknown, s: number) => allowed(t, s) && !(causal && s > t) && keyMask?.[s] !== false;
    const keys = k.filter(seen);
    return keys.length === 0
      ? [Array.from({ length: width }, () => 0)]
      : naiveExact([row], keys, v.filter(seen), { causal: false });
  });
}

/** The patterns as their papers state them. */
export const naivePatterns = {
  local:
    ({ window }: { readonly window: number }): Pattern =>
    (t, s) =>
      Math.abs(t - s) < window,
  longformer:
    ({ window, globalTokens }: { readonly window: number; readonly globalTokens: number }): Pattern =>
    (t, s) =>
      Math.abs(t - s) < window || s < globalTokens || t < globalTokens,
  sparseStrided:
    ({ stride }: { readonly stride: number }): Pattern =>
    (t, s) =>
      Math.abs(t - s) < stride || (t - s) % stride === 0,
  sparseFixed:
    ({ stride, summaryPositions }: { readonly stride: number; readonly summaryPositions: number }): Pattern =>
    (t, s) =>
      Math.floor(t / stride) === Math.floor(s / stride) || s % stride >= stride - summaryPositions,
  /** @param randomBlocks of each block, as drawn */
  bigbird:
    (
      sizes: { readonly blockSize: number; readonly windowBlocks: number; readonly globalBlocks: number },
      randomBlocks: readonly (readonly number[])[],
    ): Pattern =>
    (t, s) => {
      const [n, m] = [Math.floor(t / sizes.blockSize), Math.floor(s / sizes.blockSize)];
      const near = Math.abs(n - m) <= (sizes.windowBlocks - 1) / 2;
      return near || Math.min(n, m) < sizes.globalBlocks || randomBlocks[n]?.includes(m) === true;
    },
  transformerXl:
    ({ segmentLength, memoryLength }: { readonly segmentLength: number; readonly memoryLength: number }): Pattern =>
    (t, s) =>
      s >= Math.floor(t / segmentLength) * segmentLength - memoryLength,
  graph: ({
    edges,
    selfLoops,
  }: {
    readonly edges: readonly (readonly [number, number])[];
    readonly selfLoops: boolean;
  }): Pattern => {
    const pairs = new Set(edges.map(([from, to]) => `${from} → ${to}`));
    return (t, s) => (selfLoops && t === s) || pairs.has(`${s} → ${t}`);
  },
} as const;

/** Σ_j softmax_j(LeakyReLU(a_q · q_i + a_k · k_j)) v_j over the allowed pairs; 0 for a query without any. */
export function naiveGat(
  allowed: Pattern,
  q: Matrix,
  k: Matrix,
  v: Matrix,
  { causal, keyMask }: NaiveOptions,
  weights: { readonly query: readonly number[]; readonly key: readonly number[]; readonly negativeSlope: number },
): number[][] {
  const width = v[0]?.length ?? 0;
  return q.map((row, t) => {
    const scores = k.map((key, s) => {
      const score = dot(weights.query, row) + dot(weights.key, key);
      const seen = allowed(t, s) && !(causal && s > t) && keyMask?.[s] !== false;
      return seen ? Math.exp(score < 0 ? weights.negativeSlope * score : score) : 0;
    });
    const total = scores.reduce((a, b) => a + b, 0);
    return Array.from({ length: width }, (_, e) =>
      total === 0 ? 0 : scores.reduce((sum, score, s) => sum + (score / total) * (v[s]?.[e] ?? 0), 0),
    );
  });
}
