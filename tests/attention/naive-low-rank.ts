/** The slow twins of attention by sums and mixtures of keys: as the formulas stand, in float64 loops, for one head. */
import { dot, weightedMean, type Matrix, type NaiveOptions } from "./naive.ts";

type Bidirectional = Omit<NaiveOptions, "causal">;

/** A, B → A B. */
function product(A: Matrix, B: Matrix): number[][] {
  return A.map((row) =>
    (B[0] ?? []).map((_, column) => row.reduce((total, a, i) => total + a * entry(B, i, column), 0)),
  );
}

function transposed(A: Matrix): number[][] {
  return (A[0] ?? []).map((_, column) => A.map((row) => row[column] ?? 0));
}

function entry(A: Matrix, row: number, column: number): number {
  return A[row]?.[column] ?? 0;
}

function total(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

/** e to each number over the sum of the real ones; 0 for the others, and everywhere where none is real. */
function softmaxOver(logits: readonly number[], isReal: (index: number) => boolean = () => true): number[] {
  const top = Math.max(...logits.filter((_, i) => isReal(i)));
  const powers = logits.map((logit, i) => (isReal(i) ? Math.exp(logit - top) : 0));
  const sum = total(powers);
  return powers.map((power) => (sum === 0 ? 0 : power / sum));
}

/** Σ_s w_ts v_s / Σ_s w_ts with weights of rows and positions. */
function naiveWeighted(
  weight: (q: readonly number[], k: readonly number[], t: number, s: number) => number,
  q: Matrix,
  k: Matrix,
  v: Matrix,
  options: NaiveOptions,
): number[][] {
  return weightedMean(q, k, v, options, (t, s) => weight(q[t] ?? [], k[s] ?? [], t, s));
}

/** φ(q)·φ(k) with φ = elu + 1. */
export function naiveLinear(q: Matrix, k: Matrix, v: Matrix, options: NaiveOptions): number[][] {
  const features = (row: readonly number[]) => row.map((x) => (x > 0 ? x + 1 : Math.exp(x)));
  return naiveWeighted((a, b) => dot(features(a), features(b)), q, k, v, options);
}

/** relu(q)·relu(k) cos(π/2 · (t − s)/maxLength). */
export function naiveCosformer(maxLength: number, q: Matrix, k: Matrix, v: Matrix, options: NaiveOptions): number[][] {
  const positive = (row: readonly number[]) => row.map((x) => Math.max(x, 0));
  const weight = (a: readonly number[], b: readonly number[], t: number, s: number) =>
    dot(positive(a), positive(b)) * Math.cos(((Math.PI / 2) * (t - s)) / maxLength);
  return naiveWeighted(weight, q, k, v, options);
}

/** softmax of each query times the transposed softmax of each column of the keys: all pairs, then the values. */
export function naiveEfficient(q: Matrix, k: Matrix, v: Matrix, { keyMask }: Bidirectional): number[][] {
  const columns = transposed(k).map((column) => softmaxOver(column, (s) => keyMask?.[s] !== false));
  const weights = q.map((row) => {
    const mixture = softmaxOver(row);
    return k.map((_, s) => total(mixture.map((share, m) => share * entry(columns, m, s))));
  });
  return product(weights, v);
}

/** @param E, F `[k][n]`: the mixtures of keys and of values */
export function naiveLinformer(
  { E, F }: { readonly E: Matrix; readonly F: Matrix },
  q: Matrix,
  k: Matrix,
  v: Matrix,
  { keyMask }: Bidirectional,
): number[][] {
  const real = (rows: Matrix) => rows.map((row, s) => row.map((value) => (keyMask?.[s] === false ? 0 : value)));
  const keys = product(
    E.map((row) => row.slice(0, k.length)),
    real(k),
  );
  const values = product(
    F.map((row) => row.slice(0, k.length)),
    real(v),
  );
  const weights = q.map((row) => softmaxOver(keys.map((key) => dot(row, key) / Math.sqrt(row.length))));
  return product(weights, values);
}

export interface NaiveNystromOptions extends Bidirectional {
  readonly numLandmarks: number;
  readonly iterations: number;
}

/** The mask of keys is that of queries too. */
export function naiveNystrom(
  q: Matrix,
  k: Matrix,
  v: Matrix,
  { numLandmarks, iterations, keyMask }: NaiveNystromOptions,
): number[][] {
  const isReal = (s: number) => keyMask?.[s] !== false;
  const scores = (queries: Matrix, keys: Matrix, real: (s: number) => boolean) =>
    queries.map((a) =>
      softmaxOver(
        keys.map((b) => dot(a, b) / Math.sqrt(a.length)),
        real,
      ),
    );
  const segment = Math.ceil(q.length / numLandmarks);
  if (segment === 1) return product(scores(q, k, isReal), v);
  const segments = Array.from({ length: Math.ceil(q.length / segment) }, (_, j) =>
    q.map((_row, t) => t).filter((t) => Math.floor(t / segment) === j && isReal(t)),
  );
  const means = (rows: Matrix) =>
    segments.map((members) =>
      (rows[0] ?? []).map((_, d) => total(members.map((t) => entry(rows, t, d))) / Math.max(members.length, 1)),
    );
  const isLandmark = (j: number) => (segments[j] ?? []).length > 0;
  const between = scores(means(q), means(k), isLandmark).map((row, j) => row.map((x) => (isLandmark(j) ? x : 0)));
  const inverse = naivePseudoInverse(between, iterations);
  const summary = product(inverse, product(scores(means(q), k, isReal), v));
  return product(scores(q, means(k), isLandmark), summary);
}

/** Z ← ¼ Z (13 I − A Z (15 I − A Z (7 I − A Z))) from Aᵀ / (‖A‖₁ ‖A‖∞). */
export function naivePseudoInverse(A: Matrix, iterations: number): number[][] {
  const sums = (rows: Matrix) => Math.max(...rows.map((row) => total(row.map(Math.abs))));
  const norms = sums(A) * sums(transposed(A));
  const from = (factor: number, B: Matrix) => B.map((row, i) => row.map((value, j) => (i === j ? factor : 0) - value));
  let Z = transposed(A).map((row) => row.map((value) => (norms === 0 ? 0 : value / norms)));
  for (let iteration = 0; iteration < iterations; iteration++) {
    const AZ = product(A, Z);
    const inner = from(13, product(AZ, from(15, product(AZ, from(7, AZ)))));
    Z = product(Z, inner).map((row) => row.map((value) => value / 4));
  }
  return Z;
}
