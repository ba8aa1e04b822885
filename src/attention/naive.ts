/** The slow twins: attention as the formulas stand, in float64 loops, for one head. The oracle of the conformance suite. */

/** Rows of numbers: `[length][width]`. */
export type Matrix = readonly (readonly number[])[];

export interface NaiveOptions {
  readonly causal: boolean;
  /** Which keys count; default all. */
  readonly keyMask?: readonly boolean[];
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((total, x, i) => total + x * (b[i] ?? 0), 0);
}

/** Σ_s weight(t, s) v_s / Σ_s weight(t, s) over the keys that t sees; 0 when it sees none. */
function weightedMean(
  q: Matrix,
  k: Matrix,
  v: Matrix,
  options: NaiveOptions,
  weight: (t: number, s: number) => number,
): number[][] {
  const width = v[0]?.length ?? 0;
  return q.map((_, t) => {
    let denominator = 0;
    const numerator = Array.from({ length: width }, () => 0);
    k.forEach((_, s) => {
      if ((options.causal && s > t) || options.keyMask?.[s] === false) return;
      const w = weight(t, s);
      denominator += w;
      v[s]?.forEach((value, e) => (numerator[e] = (numerator[e] ?? 0) + w * value));
    });
    return numerator.map((value) => (denominator === 0 ? 0 : value / denominator));
  });
}

/** softmax(q kᵀ / √D) v. */
export function naiveExact(q: Matrix, k: Matrix, v: Matrix, options: NaiveOptions): number[][] {
  const scale = 1 / Math.sqrt(q[0]?.length ?? 1);
  // The maximum over everything is a constant of numerator and denominator; float64 has room for the rest.
  const top = Math.max(...q.flatMap((x) => k.map((y) => dot(x, y) * scale)));
  return weightedMean(q, k, v, options, (t, s) => Math.exp(dot(q[t] ?? [], k[s] ?? []) * scale - top));
}

/** FAVOR+ with positive features: weights Σ_m exp(ω_m·x − ‖x‖²/2) exp(ω_m·y − ‖y‖²/2). */
export function naiveFavor(q: Matrix, k: Matrix, v: Matrix, projection: Matrix, options: NaiveOptions): number[][] {
  const logFeatures = (rows: Matrix) =>
    rows.map((row) => {
      const x = row.map((value) => value * row.length ** -0.25);
      return projection.map((omega) => dot(omega, x) - dot(x, x) / 2);
    });
  const queries = logFeatures(q);
  const keys = logFeatures(k);
  // One exponential of the sum, so that no norm overflows: a query's constant cancels, a key's is kept exactly.
  const top = queries.map((a, t) =>
    Math.max(
      ...keys.map((b, s) => {
        const seen = !(options.causal && s > t) && options.keyMask?.[s] !== false;
        return seen ? Math.max(...a.map((x, m) => x + (b[m] ?? 0))) : Number.NEGATIVE_INFINITY;
      }),
    ),
  );
  return weightedMean(q, k, v, options, (t, s) => {
    const b = keys[s] ?? [];
    return (queries[t] ?? []).reduce((total, x, m) => total + Math.exp(x + (b[m] ?? 0) - (top[t] ?? 0)), 0);
  });
}

/** Generalized features f(ωx) + kernelEpsilon with f = ReLU. */
export function naiveRelu(
  q: Matrix,
  k: Matrix,
  v: Matrix,
  projection: Matrix,
  options: NaiveOptions & { readonly kernelEpsilon: number },
): number[][] {
  const features = (row: readonly number[]) => {
    const x = row.map((value) => value * row.length ** -0.25);
    return projection.map((omega) => Math.max(dot(omega, x), 0) + options.kernelEpsilon);
  };
  const queries = q.map(features);
  const keys = k.map(features);
  return weightedMean(q, k, v, options, (t, s) => dot(queries[t] ?? [], keys[s] ?? []));
}
