/** Queries and keys of a head in the basis in which both have one covariance. */
import { dot, multiply, powerOf, transpose, type Matrix } from "./matrices.ts";

/**
 * Added to covariances, as a share of their mean variance: directions that the examples hardly know are left nearly
 * alone.
 */
const SHRINKAGE = 1e-3;

/** A head's map from states x to queries or to keys, weight · x + bias. */
export interface HeadMap {
  /** `[D, width]`. */
  readonly weight: number[][];
  /** `[D]`. */
  readonly bias: number[];
}

/**
 * Maps to A q and A⁻ᵀ k − c, where A and c make the mean of ‖A q + A⁻ᵀ k − c‖² over pairs of queries and keys the
 * least.
 *
 * AᵀA = G, the geometric mean of Σ_q⁻¹ and Σ_k, has many solutions A. This is the symmetric one, G^½, which rotates the
 * axes least.
 *
 * @param seen queries and keys, `[tokens, D]`
 */
export function balanceHead(
  seen: { readonly q: number[][]; readonly k: number[][] },
  { query, key }: { readonly query: HeadMap; readonly key: HeadMap },
): { readonly query: HeadMap; readonly key: HeadMap } {
  const [covarianceOfQ, covarianceOfK] = [covarianceOf(seen.q), covarianceOf(seen.k)];
  const [root, inverse] = [powerOf(covarianceOfQ, 1 / 2), powerOf(covarianceOfQ, -1 / 2)];
  // G = Σ_q^-½ (Σ_q^½ Σ_k Σ_q^½)^½ Σ_q^-½.
  const middle = powerOf(multiply(multiply(root, covarianceOfK), root), 1 / 2);
  const metric = multiply(multiply(inverse, middle), inverse);
  const [ofQueries, ofKeys] = [powerOf(metric, 1 / 2), powerOf(metric, -1 / 2)];
  const meanOfQueries = applied(ofQueries, meanOf(seen.q));
  const shift = applied(ofKeys, meanOf(seen.k)).map((each, d) => each + (meanOfQueries[d] ?? 0));
  return { query: inBasis(query, ofQueries, []), key: inBasis(key, ofKeys, shift) };
}

function inBasis({ weight, bias }: HeadMap, basis: Matrix, shift: readonly number[]): HeadMap {
  return {
    weight: multiply(basis, weight),
    bias: applied(basis, bias).map((each, d) => each - (shift[d] ?? 0)),
  };
}

function applied(matrix: Matrix, vector: readonly number[]): number[] {
  return matrix.map((row) => dot(row, vector));
}

/** `[D]`. */
function meanOf(tokens: Matrix): number[] {
  return transpose(tokens).map((column) => column.reduce((sum, each) => sum + each, 0) / column.length);
}

/** `[D, D]`, positive definite. */
function covarianceOf(tokens: Matrix): Matrix {
  const mean = meanOf(tokens);
  const columns = transpose(tokens).map((column, d) => column.map((each) => each - (mean[d] ?? 0)));
  const covariance = columns.map((a) => columns.map((b) => dot(a, b) / tokens.length));
  const meanVariance = covariance.reduce((sum, row, d) => sum + (row[d] ?? 0), 0) / covariance.length;
  // A head that never changes has a covariance of 0, and is left alone.
  const added = meanVariance > 0 ? SHRINKAGE * meanVariance : 1;
  return covariance.map((row, i) => row.map((each, j) => (i === j ? each + added : each)));
}
