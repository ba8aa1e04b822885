/** The textbook's QR factorisation, with the signs that it happens to produce. */

import { fillNormal, type Random } from "performer-ts/random";

/**
 * Qᵀ of G = QR with G Gaussian, as Householder's algorithm leaves it: LAPACK's, and so NumPy's, PyTorch's and JAX's.
 *
 * Column by column, v = x + sign(x₀)·‖x‖·e₀ and H = I − 2vvᵀ/vᵀv, so that Hx = −sign(x₀)·‖x‖·e₀: the sign is chosen
 * against cancellation, and the diagonal of R takes whatever sign comes out.
 *
 * @returns [size, size], row-major; row j is column j of Q
 * Source: Golub and Van Loan, Matrix Computations, section 5.2.
 */
export function unsignedOrthogonal(size: number, random: Random): Float64Array {
  // One row of `vectors` is one column of G; from its diagonal on it becomes that column's Householder vector.
  const vectors = fillNormal(random, new Float64Array(size * size));
  const factors = new Float64Array(size);
  for (let k = 0; k < size; k++) {
    const pivot = k * size + k;
    const first = vectors[pivot] ?? 0;
    const norm = Math.sqrt(dot(vectors, pivot, vectors, pivot, size - k));
    vectors[pivot] = first + (first < 0 ? -norm : norm);
    factors[k] = 2 / dot(vectors, pivot, vectors, pivot, size - k);
    for (let j = k + 1; j < size; j++) reflect(vectors, j * size + k, vectors, pivot, factors[k] ?? 0, size - k);
  }
  // Column j of Q is H₀·H₁·…·H_j·e_j: the later reflections leave e_j as it is.
  const rows = new Float64Array(size * size);
  for (let j = 0; j < size; j++) {
    rows[j * size + j] = 1;
    for (let k = j; k >= 0; k--) reflect(rows, j * size + k, vectors, k * size + k, factors[k] ?? 0, size - k);
  }
  return rows;
}

function dot(a: Float64Array, aStart: number, b: Float64Array, bStart: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += (a[aStart + i] ?? 0) * (b[bStart + i] ?? 0);
  return sum;
}

/** x ← x − factor·(v·x)·v, for the `length` entries from either start. */
function reflect(
  x: Float64Array,
  xStart: number,
  v: Float64Array,
  vStart: number,
  factor: number,
  length: number,
): void {
  const scale = factor * dot(v, vStart, x, xStart, length);
  for (let i = 0; i < length; i++) x[xStart + i] = (x[xStart + i] ?? 0) - scale * (v[vStart + i] ?? 0);
}
