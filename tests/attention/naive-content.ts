/** The slow twins of attention by content: buckets and bands as they are defined, in float64 loops, for one head. */
import { dot, type Matrix, type NaiveOptions } from "./naive.ts";

/** Whether i sees j: members of one bucket, both real, less than `window` members apart, causal not behind. */
function seenBy(
  buckets: readonly number[],
  { causal, keyMask, window }: NaiveOptions & { readonly window: number },
): (i: number, j: number) => boolean {
  const isReal = (i: number) => keyMask?.[i] !== false;
  /** How many real members of its bucket stand before a position. */
  const place = buckets.map(
    (bucket, i) => buckets.slice(0, i).filter((other, s) => other === bucket && isReal(s)).length,
  );
  return (i, j) =>
    buckets[i] === buckets[j] &&
    isReal(i) &&
    isReal(j) &&
    !(causal && j > i) &&
    Math.abs((place[i] ?? 0) - (place[j] ?? 0)) < window;
}

function positionOfLargest(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
}

/** Σ weight v / Σ weight over (position, weight) pairs; 0 without any. */
function weighted(pairs: readonly (readonly [j: number, score: number])[], v: Matrix): number[] {
  const top = Math.max(...pairs.map(([, score]) => score));
  const total = pairs.reduce((sum, [, score]) => sum + Math.exp(score - top), 0);
  return (v[0] ?? []).map((_, e) =>
    pairs.reduce((sum, [j, score]) => sum + (Math.exp(score - top) / total) * (v[j]?.[e] ?? 0), 0),
  );
}

/**
 * LSH attention: all rounds' pairs in one softmax, a position with itself only where it has nothing else.
 *
 * @param rotations numBuckets / 2 rows a round
 */
export function naiveReformer(
  q: Matrix,
  v: Matrix,
  rotations: Matrix,
  options: NaiveOptions & { readonly numBuckets: number; readonly window: number },
): number[][] {
  const half = options.numBuckets / 2;
  const numRounds = rotations.length / half;
  const rounds = Array.from({ length: numRounds }, (_, r) =>
    q.map((x) => {
      const rotated = rotations.slice(r * half, (r + 1) * half).map((row) => dot(row, x));
      return positionOfLargest([...rotated, ...rotated.map((value) => -value)]);
    }),
  );
  const keys = q.map((x) => {
    const norm = Math.sqrt(dot(x, x) + 1e-6 * x.length);
    return x.map((value) => value / norm);
  });
  const sees = rounds.map((buckets) => seenBy(buckets, options));
  return q.map((x, i) => {
    const pairs = sees.flatMap((isSeen) =>
      q.flatMap((_, j) => (isSeen(i, j) ? [[j, dot(x, keys[j] ?? [])] as const] : [])),
    );
    const others = pairs.filter(([j]) => j !== i);
    return weighted(others.length > 0 ? others : pairs, v);
  });
}

/** (x − mean) / √(variance + 1e-5). */
function standardised(x: readonly number[]): number[] {
  const mean = x.reduce((a, b) => a + b, 0) / x.length;
  const variance = x.reduce((a, b) => a + (b - mean) ** 2, 0) / x.length;
  return x.map((value) => (value - mean) / Math.sqrt(variance + 1e-5));
}

/** The rows that attention by clusters compares, and the nearest centroid of each. */
function naiveClusters(q: Matrix, centroids: Matrix): { readonly rows: Matrix; readonly nearest: number[] } {
  const rows = q.map(standardised);
  const nearest = rows.map((x) =>
    positionOfLargest(centroids.map((mu) => -x.reduce((total, value, d) => total + (value - (mu[d] ?? 0)) ** 2, 0))),
  );
  return { rows, nearest };
}

/** Attention within the cluster of the nearest centroid. @param centroids `[numClusters][D]` */
export function naiveRouting(
  q: Matrix,
  v: Matrix,
  centroids: Matrix,
  options: NaiveOptions & { readonly window: number },
): number[][] {
  const { rows, nearest } = naiveClusters(q, centroids);
  const isSeen = seenBy(nearest, options);
  return rows.map((x, i) => {
    const seen = rows.flatMap((_, j) => (isSeen(i, j) ? [j] : []));
    return weighted(
      seen.map((j) => [j, dot(x, rows[j] ?? []) / Math.sqrt(x.length)] as const),
      v,
    );
  });
}

/** ½ mean ‖x − μ‖² / D over heads' rows, whose gradient centroids get: of one head, its rows of all sequences. */
export function naiveKMeansObjective(sequences: readonly Matrix[], centroids: Matrix): number {
  let total = 0;
  let count = 0;
  for (const q of sequences) {
    const { rows, nearest } = naiveClusters(q, centroids);
    rows.forEach((x, i) =>
      x.forEach((value, d) => {
        total += (value - (centroids[nearest[i] ?? 0]?.[d] ?? 0)) ** 2 / 2;
        count++;
      }),
    );
  }
  return total / count;
}
