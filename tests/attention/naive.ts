/**
 * The slow twins: attention as the formulas stand, in float64 loops, for one head. The oracle of the conformance suite.
 */
import { erfReference } from "../../src/ops/reference.ts";

/** Rows of numbers: `[length][width]`. */
export type Matrix = readonly (readonly number[])[];

export interface NaiveOptions {
  readonly causal: boolean;
  /** Which keys count; default all. */
  readonly keyMask?: readonly boolean[];
}

export function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((total, x, i) => total + x * (b[i] ?? 0), 0);
}

/** Σ_s weight(t, s) v_s / Σ_s weight(t, s) over the keys that t sees; 0 when it sees none. */
export function weightedMean(
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
      if (!isSeen(options, t, s)) return;
      const w = weight(t, s);
      denominator += w;
      v[s]?.forEach((value, e) => (numerator[e] = (numerator[e] ?? 0) + w * value));
    });
    return numerator.map((value) => (denominator === 0 ? 0 : value / denominator));
  });
}

function isSeen({ causal, keyMask }: NaiveOptions, t: number, s: number): boolean {
  return !(causal && s > t) && keyMask?.[s] !== false;
}

/** softmax(q kᵀ / √D) v. */
export function naiveExact(q: Matrix, k: Matrix, v: Matrix, options: NaiveOptions): number[][] {
  const scale = 1 / Math.sqrt(q[0]?.length ?? 1);
  // The maximum over everything is a constant of numerator and denominator; float64 has room for the rest.
  const top = Math.max(...q.flatMap((x) => k.map((y) => dot(x, y) * scale)));
  return weightedMean(q, k, v, options, (t, s) => Math.exp(dot(q[t] ?? [], k[s] ?? []) * scale - top));
}

/** One feature as its logarithm and sign, so that no norm overflows; a feature of 0 is −∞. */
export interface LogFeature {
  readonly log: number;
  readonly sign: number;
}

/** A feature as it stands. */
function plain(value: number): LogFeature {
  return { log: Math.log(Math.abs(value)), sign: Math.sign(value) };
}

/** φ of rows that are already divided by D^¼, for queries and keys together, because some maps must know both. */
export type NaiveMap = (
  x: Matrix,
  y: Matrix,
  projection: Matrix,
  masks: { readonly keyMask?: readonly boolean[] },
) => { readonly queries: readonly (readonly LogFeature[])[]; readonly keys: readonly (readonly LogFeature[])[] };

/** Linear attention with a feature map: weights Σ_m φ_m(q) φ_m(k). */
export function naiveFavor(
  map: NaiveMap,
  q: Matrix,
  k: Matrix,
  v: Matrix,
  projection: Matrix,
  options: NaiveOptions,
): number[][] {
  const scaled = (rows: Matrix) => rows.map((row) => row.map((value) => value * row.length ** -0.25));
  const { queries, keys } = map(scaled(q), scaled(k), projection, options);
  // One exponential of the sum, so that no norm overflows: a constant of a query cancels.
  const top = queries.map((a, t) =>
    Math.max(
      -Number.MAX_VALUE,
      ...keys.map((b, s) =>
        isSeen(options, t, s) ? Math.max(...a.map(({ log }, m) => log + (b[m]?.log ?? 0))) : Number.NEGATIVE_INFINITY,
      ),
    ),
  );
  return weightedMean(q, k, v, options, (t, s) =>
    (queries[t] ?? []).reduce((total, { log, sign }, m) => {
      const key = keys[s]?.[m] ?? plain(0);
      return total + sign * key.sign * Math.exp(log + key.log - (top[t] ?? 0));
    }, 0),
  );
}

/** A map of one row at a time. */
function eachRow(features: (x: readonly number[], projection: Matrix) => readonly LogFeature[]): NaiveMap {
  return (x, y, projection) => ({
    queries: x.map((row) => features(row, projection)),
    keys: y.map((row) => features(row, projection)),
  });
}

const KERNEL_EPSILON = 1e-3;

/** f(ωx) + ε. */
export function naiveGeneralized(f: (u: number) => number): NaiveMap {
  return eachRow((x, projection) => projection.map((omega) => plain(f(dot(omega, x)) + KERNEL_EPSILON)));
}

/** exp(ωx − factor ‖x‖²). */
function exponential(factor: number): NaiveMap {
  return eachRow((x, projection) => projection.map((omega) => ({ log: dot(omega, x) - factor * dot(x, x), sign: 1 })));
}

/** exp(factor ‖x‖²) [sin ωx, cos ωx]. */
function trigonometric(factor: number): NaiveMap {
  return eachRow((x, projection) => {
    const grown = ({ log, sign }: LogFeature) => ({ log: log + factor * dot(x, x), sign });
    return [Math.sin, Math.cos].flatMap((f) => projection.map((omega) => grown(plain(f(dot(omega, x))))));
  });
}

const hyperbolic: NaiveMap = eachRow((x, projection) =>
  [1, -1].flatMap((sign) => projection.map((omega) => ({ log: sign * dot(omega, x) - dot(x, x) / 2, sign: 1 }))),
);

/** exp(A‖ω‖² + √(1 − 4A) ωx − ‖x‖²/2) with the A of least mean variance. */
const optimal: NaiveMap = (x, y, projection, { keyMask }) => {
  const real = y.filter((_, s) => keyMask?.[s] !== false);
  const d = x[0]?.length ?? 1;
  const mean = (rows: Matrix, of: (row: readonly number[]) => number) =>
    rows.reduce((total, row) => total + of(row), 0) / Math.max(rows.length, 1);
  const means = (rows: Matrix) => Array.from({ length: d }, (_, l) => mean(rows, (row) => row[l] ?? 0));
  const s = mean(x, (row) => dot(row, row)) + mean(real, (row) => dot(row, row)) + 2 * dot(means(x), means(real));
  const rho = s === 0 ? 1 : (Math.sqrt((2 * s + d) ** 2 + 8 * d * s) - 2 * s - d) / (4 * s);
  const A = (1 - 1 / rho) / 8;
  const B = Math.sqrt(1 - 4 * A);
  const features = (row: readonly number[]) =>
    projection.map((omega) => ({ log: A * dot(omega, omega) + B * dot(omega, row) - dot(row, row) / 2, sign: 1 }));
  return { queries: x.map(features), keys: y.map(features) };
};

/** A map after the rescale ψ_l = (Σ k_l² / Σ q_l²)^(1/4). */
function rescaled(map: NaiveMap): NaiveMap {
  return (x, y, projection, options) => {
    const real = y.filter((_, s) => options.keyMask?.[s] !== false);
    const squares = (rows: Matrix, l: number) => rows.reduce((total, row) => total + (row[l] ?? 0) ** 2, 1e-12);
    const psi = (x[0] ?? []).map((_, l) => (squares(real, l) / squares(x, l)) ** 0.25);
    return map(
      x.map((row) => row.map((value, l) => value * (psi[l] ?? 1))),
      y.map((row) => row.map((value, l) => value / (psi[l] ?? 1))),
      projection,
      options,
    );
  };
}

/** The twins of `featureMaps`, by the same names. */
export const naiveMaps = {
  positive: exponential(0.5),
  hyperbolic,
  trigonometric: trigonometric(0.5),
  regularized: exponential(0.5),
  gaussian: exponential(1),
  "gaussian-trigonometric": trigonometric(0),
  relu: naiveGeneralized((u) => Math.max(u, 0)),
  exp: eachRow((x, projection) =>
    projection.map((omega) => {
      const u = dot(omega, x);
      return {
        log: u > 0 ? u + Math.log1p(KERNEL_EPSILON * Math.exp(-u)) : Math.log(Math.exp(u) + KERNEL_EPSILON),
        sign: 1,
      };
    }),
  ),
  sigmoid: naiveGeneralized((u) => 1 / (1 + Math.exp(-u))),
  tanh: naiveGeneralized(Math.tanh),
  gelu: naiveGeneralized((u) => (u / 2) * (1 + erfReference(u / Math.SQRT2))),
  abs: naiveGeneralized(Math.abs),
  cos: naiveGeneralized(Math.cos),
  identity: naiveGeneralized((u) => u),
  requ: naiveGeneralized((u) => Math.max(u, 0) ** 2),
  elu: naiveGeneralized((u) => (u > 0 ? u + 1 : Math.exp(u))),
  optimal,
  rescaled: rescaled(exponential(0.5)),
  saderf: rescaled(optimal),
  simplex: exponential(0.5),
} as const satisfies Record<string, NaiveMap>;
