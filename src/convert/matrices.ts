/** Small dense matrices, `[n, n]` as rows of float64: what a change of basis of heads needs. */

export type Matrix = readonly Float64Array[];

/** @param entry row and column → value */
export function matrix(rows: number, columns: number, entry: (row: number, column: number) => number): Float64Array[] {
  return Array.from({ length: rows }, (_, row) =>
    Float64Array.from({ length: columns }, (_, column) => entry(row, column)),
  );
}

export function at(a: Matrix, row: number, column: number): number {
  return a[row]?.[column] ?? Number.NaN;
}

export function product(a: Matrix, b: Matrix): Float64Array[] {
  const columns = b[0]?.length ?? 0;
  return a.map((row) => {
    const out = new Float64Array(columns);
    row.forEach((value, inner) =>
      b[inner]?.forEach((other, column) => (out[column] = (out[column] ?? 0) + value * other)),
    );
    return out;
  });
}

/** A sweep turns every pair of axes once; ten make any matrix of a head's size diagonal to float64. */
const MOST_SWEEPS = 30;
const SMALL = 1e-15;

/**
 * Eigenvalues and eigenvectors of a symmetric matrix, by Jacobi's rotations: slow and exact, for matrices as wide as a head.
 *
 * @returns a = Σ values[i] · vectors[i] vectors[i]ᵀ
 * Source: Golub and Van Loan, Matrix Computations, section 8.5.
 */
export function eigen(a: Matrix): { readonly values: Float64Array; readonly vectors: Matrix } {
  const size = a.length;
  const left = matrix(size, size, (row, column) => at(a, row, column));
  const vectors = matrix(size, size, (row, column) => Number(row === column));
  for (let sweep = 0; sweep < MOST_SWEEPS; sweep++) {
    let isDiagonal = true;
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) {
        const off = at(left, p, q);
        if (Math.abs(off) <= SMALL * Math.sqrt(Math.abs(at(left, p, p) * at(left, q, q)))) continue;
        isDiagonal = false;
        const ratio = (at(left, q, q) - at(left, p, p)) / (2 * off);
        const tangent = (ratio < 0 ? -1 : 1) / (Math.abs(ratio) + Math.hypot(ratio, 1));
        const cosine = 1 / Math.hypot(tangent, 1);
        rotate(left, p, q, cosine, tangent * cosine);
        for (const row of left) rotateEntries(row, p, q, cosine, tangent * cosine);
        rotate(vectors, p, q, cosine, tangent * cosine);
      }
    }
    if (isDiagonal) break;
  }
  return { values: Float64Array.from(left, (row, index) => row[index] ?? Number.NaN), vectors };
}

/** Rows p and q, in place. */
function rotate(a: Matrix, p: number, q: number, cosine: number, sine: number): void {
  const [first, second] = [a[p], a[q]];
  if (first === undefined || second === undefined) return;
  first.forEach((x, column) => {
    const y = second[column] ?? Number.NaN;
    first[column] = cosine * x - sine * y;
    second[column] = sine * x + cosine * y;
  });
}

function rotateEntries(row: Float64Array, p: number, q: number, cosine: number, sine: number): void {
  const [x, y] = [row[p] ?? Number.NaN, row[q] ?? Number.NaN];
  row[p] = cosine * x - sine * y;
  row[q] = sine * x + cosine * y;
}

/** A function of a symmetric matrix: of its eigenvalues. */
export function spectral(a: Matrix, of: (value: number) => number): Float64Array[] {
  const { values, vectors } = eigen(a);
  const scaled = vectors.map((vector, index) => vector.map((value) => value * of(values[index] ?? Number.NaN)));
  return product(transposed(vectors), scaled);
}

function transposed(a: Matrix): Float64Array[] {
  return matrix(a[0]?.length ?? 0, a.length, (row, column) => at(a, column, row));
}
