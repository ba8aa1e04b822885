/** Small dense matrices in float64: products, and powers of symmetric ones. */

/** Rows of equal length. */
export type Matrix = readonly (readonly number[])[];

export function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

export function transpose(matrix: Matrix): number[][] {
  return (matrix[0] ?? []).map((_, column) => matrix.map((row) => row[column] ?? 0));
}

export function multiply(a: Matrix, b: Matrix): number[][] {
  const columns = transpose(b);
  return a.map((row) => columns.map((column) => dot(row, column)));
}

/** Σ λᵖ v vᵀ of a matrix that is symmetric but for rounding, and positive definite. */
export function powerOf(matrix: Matrix, power: number): number[][] {
  const { values, vectors } = eigenvectors(matrix);
  const scaled = vectors.map((vector, i) => vector.map((each) => each * (values[i] ?? 0) ** power));
  return multiply(transpose(vectors), scaled);
}

/** More than any matrix has needed. */
const MAX_SWEEPS = 64;

/**
 * Eigenvalues of a symmetric matrix, and an eigenvector a row, by Jacobi's rotations: each makes one element 0, until
 * all beside the diagonal are rounding. Source: Golub and Van Loan, Matrix Computations, 8.5.
 */
export function eigenvectors(matrix: Matrix): { readonly values: number[]; readonly vectors: number[][] } {
  const size = matrix.length;
  const rows = matrix.map((row, i) => Float64Array.from(row, (each, j) => (each + (matrix[j]?.[i] ?? 0)) / 2));
  const vectors = rows.map((_, i) => Float64Array.from({ length: size }, (_, j) => Number(i === j)));
  const total = rows.reduce((sum, row) => row.reduce((inner, each) => inner + each * each, sum), 0);
  const at = (i: number, j: number) => rows[i]?.[j] ?? 0;
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    let beside = 0;
    for (let p = 0; p < size; p++) for (let q = p + 1; q < size; q++) beside += at(p, q) ** 2;
    if (beside <= Number.EPSILON ** 2 * total) break;
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) {
        if (at(p, q) === 0) continue;
        const slope = (at(q, q) - at(p, p)) / (2 * at(p, q));
        const tangent = (slope < 0 ? -1 : 1) / (Math.abs(slope) + Math.hypot(slope, 1));
        const cosine = 1 / Math.hypot(tangent, 1);
        const sine = tangent * cosine;
        for (const row of rows) rotate(row, p, row, q, cosine, sine);
        const [rowP, rowQ, vectorP, vectorQ] = [rows[p], rows[q], vectors[p], vectors[q]];
        for (let k = 0; k < size; k++) {
          rotate(rowP, k, rowQ, k, cosine, sine);
          rotate(vectorP, k, vectorQ, k, cosine, sine);
        }
      }
    }
  }
  return { values: rows.map((_, i) => at(i, i)), vectors: vectors.map((vector) => Array.from(vector)) };
}

/** Turns the pair (a[i], b[j]). */
function rotate(
  a: Float64Array | undefined,
  i: number,
  b: Float64Array | undefined,
  j: number,
  cosine: number,
  sine: number,
): void {
  if (a === undefined || b === undefined) return;
  const [x, y] = [a[i] ?? 0, b[j] ?? 0];
  a[i] = cosine * x - sine * y;
  b[j] = sine * x + cosine * y;
}
