/** Uniformly distributed orthogonal matrices, and the vector arithmetic that the other random matrices share. */
import { requirePositiveInteger } from "../graph/arguments.ts";
import { fillNormal, type Random } from "./generator.ts";

/**
 * An orthogonal matrix drawn from the Haar measure, the one distribution that no rotation changes.
 *
 * G = QR with G Gaussian; the result is (Q·diag(sign R₀₀, sign R₁₁, …))ᵀ.
 *
 * The signs are what makes it Haar. A QR factorisation is unique only when R's diagonal is positive, and Householder's
 * picks the sign of each R_jj from the data, for numerical stability: the entry Q_jj comes out of one sign far more
 * often than of the other (Q₀₀ is always negative). Rows that favour one direction bias every estimate E f(ω·x):
 * positive features at size 16 and ‖x + y‖ = 1.5 then estimate 0.13 … 1.88 times the true kernel from the first row.
 * Multiplying by sign(diag R) restores the unique factorisation, and with it the invariance of G.
 *
 * @param size number of rows and of columns, a positive integer
 * @returns [size, size], row-major, rows (and columns) orthonormal to rounding
 * @throws ArgumentError when size is not a positive integer
 * Source: Mezzadri, How to generate random matrices from the classical compact groups, Notices AMS 54 (2007).
 */
export function haarOrthogonal(size: number, random: Random): Float64Array {
  requirePositiveInteger("haarOrthogonal", "size", size, "pass a size such as 64.");
  // One row of `vectors` is one column of G, and below the diagonal it becomes the Householder vector of that column.
  const vectors = fillNormal(random, new Float64Array(size * size));
  const diagonalSigns = new Float64Array(size);
  const scales = new Float64Array(size);

  for (let k = 0; k < size; k++) {
    const pivot = k * size + k;
    const first = at(vectors, pivot);
    const norm = Math.sqrt(dot(vectors, pivot, vectors, pivot, size - k));
    // R_kk = −sign(first)·norm, so that first − R_kk never cancels.
    const diagonal = first < 0 ? norm : -norm;
    diagonalSigns[k] = diagonal < 0 ? -1 : 1;
    vectors[pivot] = first - diagonal;
    // H = I − scale·v·vᵀ with ‖v‖² = 2·norm·(norm + |first|).
    scales[k] = 1 / (norm * (norm + Math.abs(first)));
    for (let j = k + 1; j < size; j++) reflect(vectors, j * size + k, vectors, pivot, at(scales, k), size - k);
  }

  // Column j of Q is H₀·H₁·…·H_j·e_j: the later reflections leave e_j as it is.
  const rows = new Float64Array(size * size);
  for (let j = 0; j < size; j++) {
    rows[j * size + j] = at(diagonalSigns, j);
    for (let k = j; k >= 0; k--) reflect(rows, j * size + k, vectors, k * size + k, at(scales, k), size - k);
  }
  return rows;
}

/** array[index] of an index known to lie inside. */
export function at(array: Float64Array, index: number): number {
  return array[index] ?? 0;
}

/** The dot product of `length` entries, from either start. */
export function dot(a: Float64Array, aStart: number, b: Float64Array, bStart: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += at(a, aStart + i) * at(b, bStart + i);
  return sum;
}

/** x ← x − scale·(v·x)·v, for the `length` entries from either start. */
function reflect(
  x: Float64Array,
  xStart: number,
  v: Float64Array,
  vStart: number,
  scale: number,
  length: number,
): void {
  const factor = scale * dot(v, vStart, x, xStart, length);
  for (let i = 0; i < length; i++) x[xStart + i] = at(x, xStart + i) - factor * at(v, vStart + i);
}
