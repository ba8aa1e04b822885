/** Queries and keys of a head in the basis in which both have one covariance. Its own file, to load linear algebra only when it is needed. */
import { EigenvalueDecomposition, Matrix } from "ml-matrix";

/** Added to covariances, as a share of their mean variance: directions that the examples hardly know are left nearly alone. */
const SHRINKAGE = 1e-3;

/** A head's map from states x to queries or to keys, weight · x + bias. */
export interface HeadMap {
  /** `[D, width]`. */
  readonly weight: number[][];
  /** `[D]`. */
  readonly bias: number[];
}

/**
 * Maps to A q and A⁻ᵀ k − c, where A and c make the mean of ‖A q + A⁻ᵀ k − c‖² over pairs of queries and keys the least.
 *
 * Of all A with that AᵀA = G, the geometric mean of Σ_q⁻¹ and Σ_k, it is the symmetric one, G^½, which turns no axis more than it must.
 *
 * @param seen queries and keys, `[tokens, D]`
 */
export function balanceHead(
  seen: { readonly q: number[][]; readonly k: number[][] },
  { query, key }: { readonly query: HeadMap; readonly key: HeadMap },
): { readonly query: HeadMap; readonly key: HeadMap } {
  const [q, k] = [new Matrix(seen.q), new Matrix(seen.k)];
  const [covarianceOfQ, covarianceOfK] = [covarianceOf(q), covarianceOf(k)];
  const [root, inverse] = [powerOf(covarianceOfQ, 1 / 2), powerOf(covarianceOfQ, -1 / 2)];
  // G = Σ_q^-½ (Σ_q^½ Σ_k Σ_q^½)^½ Σ_q^-½.
  const metric = inverse.mmul(powerOf(root.mmul(covarianceOfK).mmul(root), 1 / 2)).mmul(inverse);
  const [ofQueries, ofKeys] = [powerOf(metric, 1 / 2), powerOf(metric, -1 / 2)];
  const shift = Matrix.add(ofQueries.mmul(meanOf(q)), ofKeys.mmul(meanOf(k)));
  const zero = Matrix.zeros(shift.rows, 1);
  return { query: inBasis(query, ofQueries, zero), key: inBasis(key, ofKeys, shift) };
}

function inBasis({ weight, bias }: HeadMap, basis: Matrix, shift: Matrix): HeadMap {
  return {
    weight: basis.mmul(new Matrix(weight)).to2DArray(),
    bias: basis.mmul(Matrix.columnVector(bias)).sub(shift).to1DArray(),
  };
}

/** `[D, 1]`. */
function meanOf(tokens: Matrix): Matrix {
  return Matrix.columnVector(tokens.mean("column"));
}

/** `[D, D]`, positive definite. */
function covarianceOf(tokens: Matrix): Matrix {
  const centred = tokens.clone().center("column");
  const covariance = centred.transpose().mmul(centred).div(tokens.rows);
  const meanVariance = covariance.trace() / covariance.rows;
  // A head that never changes has a covariance of 0, and is left alone.
  return covariance.add(Matrix.eye(covariance.rows).mul(meanVariance > 0 ? SHRINKAGE * meanVariance : 1));
}

/** Σ λᵖ v vᵀ of a matrix that is symmetric but for rounding, and positive definite. */
function powerOf(matrix: Matrix, power: number): Matrix {
  const symmetric = Matrix.add(matrix, matrix.transpose()).div(2);
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(symmetric, { assumeSymmetric: true });
  const scaled = eigenvectorMatrix.clone().mulRowVector(realEigenvalues.map((value) => value ** power));
  return scaled.mmul(eigenvectorMatrix.transpose());
}
