/** Blocks of unit rows with a structure: Hadamard products, Givens rotations, the vertices of a regular simplex. */
import { ArgumentError, problem } from "../graph/errors.ts";
import { permutation, type Random } from "./generator.ts";
import { at, dot, haarOrthogonal } from "./orthogonal.ts";

/**
 * Unit rows from H·D₁·H·D₂·H·D₃ in random order: H is the Walsh–Hadamard matrix of size P, the least power of two that
 * is not below headDim; each D is a diagonal of random signs. Costs P² log P where a rotation of full freedom costs P³.
 *
 * A row is not uniformly distributed on the sphere: it takes finitely many values, 4 at P = 2 (the diagonals, so that
 * every entry is ±√½). What three products buy is the fourth moment. An entry of a uniform row of P numbers has E u⁴ =
 * (3 − 6/P + 12/P² − …)/P², an entry here (3 − 6/P + 4/P²)/P²; with fewer products the term in 1/P is wrong along some
 * axis or diagonal. Measured bias of E exp(ω·z − ‖z‖²/2) under χ lengths, ‖z‖ = 1.5, along an axis and along the
 * diagonal: −14 % and +14 % at headDim 2, −2 % and +6 % at 4, −1.3 % and +0.9 % at 8, −0.5 % and under 0.1 % at 16,
 * under 0.3 % at 64.
 *
 * D₁ makes row 0 of H, which is constant, as random as the others, so that every single row has the same distribution.
 * Several rows together have not (rows 0 to 3 of H multiply to one, rows 0, 1, 2, 4 do not); the random order makes the
 * leading rows of a part block a fair sample.
 *
 * When headDim is no power of two, the rows are the first headDim columns, scaled to unit length. They are then only
 * nearly orthogonal: the squares of their inner products are about (1 − headDim/P) of those of independent rows.
 * All P rows are used: together they still cover every direction alike, up to that scaling.
 *
 * @returns [numRows, headDim], row-major; numRows is P less the rows that vanish with the columns left out, and never
 *   below headDim
 * Source: Choromanski, Rowland, Weller, The Unreasonable Effectiveness of Structured Random Orthogonal Embeddings,
 * 2017.
 */
export function hadamardBlock(headDim: number, random: Random): Float64Array {
  let size = 1;
  while (size < headDim) size *= 2;
  const [signs1, signs2, signs3] = [randomSigns(random, size), randomSigns(random, size), randomSigns(random, size)];
  const out = new Float64Array(size * headDim);
  const row = new Float64Array(size);
  let end = 0;
  for (const index of permutation(random, size)) {
    row.fill(0);
    row[index] = 1;
    // Without the factor 1/√P of each H the numbers are integers, so that a row that vanishes is exactly zero.
    for (const signs of [signs1, signs2, signs3]) {
      walshHadamard(row);
      for (let i = 0; i < size; i++) row[i] = at(row, i) * at(signs, i);
    }
    const square = dot(row, 0, row, 0, headDim);
    if (square === 0) continue;
    const scale = 1 / Math.sqrt(square);
    for (let i = 0; i < headDim; i++) out[end++] = at(row, i) * scale;
  }
  return out.subarray(0, end);
}

/** x ← Hx, where H has entries ±1 and the size is a power of two. */
function walshHadamard(x: Float64Array): void {
  for (let half = 1; half < x.length; half *= 2) {
    for (let start = 0; start < x.length; start += 2 * half) {
      for (let i = start; i < start + half; i++) {
        const a = at(x, i);
        const b = at(x, i + half);
        x[i] = a + b;
        x[i + half] = a - b;
      }
    }
  }
}

/**
 * The fraction by which the fourth moment of a Givens row's entry may exceed a uniform row's. Together with the decay
 * in `numGivensRounds` it keeps the bias of kernel estimates far below what a million features could show.
 */
const GIVENS_EXCESS = 1e-4;

/**
 * How many rounds of Givens rotations bring a row to within `GIVENS_EXCESS` of uniform.
 *
 * A round turns each of the pairs of a random matching by a uniform angle. On the average over angle and matching,
 * S = Σ xᵢ⁴ of a row x becomes λS + constant with λ = ¾(n − 2)/(n − 1) for even n and ¾ − 1/(2n) for odd n, where one
 * coordinate is left over. It starts at 1 (a row of the identity) and tends to the uniform row's 3/(n + 2), so that
 * after R rounds E u⁴ of an entry exceeds 3/(n(n + 2)) by the fraction λᴿ(n − 1)/3; along the diagonal it falls short
 * by 2/n of that. Moments up to the third are exact because rows start in random order and with random signs.
 *
 * Under χ lengths this biases E exp(ω·z − ‖z‖²/2) by at most ‖z‖⁴/8 of that fraction (the limit of large n; higher
 * moments die out faster): 6·10⁻⁵ at ‖z‖ = 1.5, 10⁻³ at 3. At n = 16 the rule gives 31 rounds, at 64 it gives 41.
 */
export function numGivensRounds(size: number): number {
  const decay = size % 2 === 0 ? (0.75 * (size - 2)) / (size - 1) : 0.75 - 1 / (2 * size);
  if (size <= 2) return size - 1; // λ = 0: one rotation by a uniform angle is already uniform.
  return Math.ceil(Math.log((3 * GIVENS_EXCESS) / (size - 1)) / Math.log(decay));
}

/**
 * An orthogonal matrix made of Givens rotations: rounds of random disjoint pairs of coordinates, each pair turned by a
 * uniform angle, from a start of randomly ordered, randomly signed axes.
 *
 * The literature takes headDim·⌈ln headDim⌉ rotations of independent pairs. At headDim 16 kernel estimates at
 * ‖z‖ = 1.5 along an axis are then 1.56 times the truth, as some coordinates are hardly turned. Disjoint pairs miss
 * none, and the number of rounds follows from the decay of the fourth moment (`numGivensRounds`). Rows are thus not
 * exactly uniform, but estimates are unbiased up to ‖z‖⁴/8 parts in 10,000. The price is 15·headDim rotations at
 * headDim 16 and 20·headDim at 64: nearly twice the time of a uniform matrix at 16, a third of it at 64.
 *
 * @returns [headDim, headDim], row-major, rows orthonormal to rounding
 * Source: Choromanski et al., arXiv:2009.14794, section 2.4; the decay for single pairs, Kac's walk: Janvresse,
 *   Spectral gap for Kac's model of Boltzmann equation, Ann. Probab. 29 (2001).
 */
export function givensBlock(headDim: number, random: Random): Float64Array {
  const block = new Float64Array(headDim * headDim);
  const signs = randomSigns(random, headDim);
  permutation(random, headDim).forEach((column, row) => {
    block[row * headDim + column] = at(signs, row);
  });
  for (let round = numGivensRounds(headDim); round > 0; round--) {
    const order = permutation(random, headDim);
    for (let pair = 0; pair + 1 < headDim; pair += 2) {
      // The direction of a Gaussian point is a uniform angle, without a cosine that engines may round differently.
      const x = random.normal();
      const y = random.normal();
      const radius = Math.sqrt(x * x + y * y);
      rotateRows(block, headDim, order[pair] ?? 0, order[pair + 1] ?? 0, x / radius, y / radius);
    }
  }
  return block;
}

/** (rowᵢ, rowⱼ) ← (cos·rowᵢ − sin·rowⱼ, sin·rowᵢ + cos·rowⱼ). */
function rotateRows(block: Float64Array, width: number, i: number, j: number, cos: number, sin: number): void {
  for (let column = 0; column < width; column++) {
    const a = at(block, i * width + column);
    const b = at(block, j * width + column);
    block[i * width + column] = cos * a - sin * b;
    block[j * width + column] = sin * a + cos * b;
  }
}

/**
 * The vertices of a regular simplex under a uniformly distributed rotation: d unit rows whose inner products are all
 * −1/(d − 1), the farthest apart that d rows can be, where d = headDim.
 *
 * sᵢ = √(d/(d − 1))·eᵢ − (√d + 1)/(d − 1)^{3/2}·(1, …, 1, 0) for i < d,  s_d = (1, …, 1, 0)/√(d − 1)
 *
 * Each row alone is uniform on the sphere. Among all couplings of the directions alone, this one gives positive
 * features the least error.
 *
 * @returns [headDim, headDim], row-major
 * @throws ArgumentError when headDim is 1, where there is no simplex
 * Source: Reid, Choromanski, Likhosherstov, Weller, Simplex Random Features, ICML 2023, arXiv:2301.13856.
 */
export function simplexBlock(headDim: number, random: Random): Float64Array {
  if (headDim < 2) {
    throw new ArgumentError(
      problem`projectionKinds.simplex: headDim must be at least 2, got ${headDim}; a simplex of one vertex has no
      direction, use projectionKinds.orthogonal.`,
    );
  }
  // Row j is where the rotation takes eⱼ; `sum` is where it takes (1, …, 1, 0).
  const block = haarOrthogonal(headDim, random);
  const last = (headDim - 1) * headDim;
  const sum = new Float64Array(headDim);
  for (let i = 0; i < last; i++) sum[i % headDim] = at(sum, i % headDim) + at(block, i);
  const own = Math.sqrt(headDim / (headDim - 1));
  const shared = (Math.sqrt(headDim) + 1) / ((headDim - 1) * Math.sqrt(headDim - 1));
  for (let i = 0; i < last; i++) block[i] = own * at(block, i) - shared * at(sum, i % headDim);
  for (let i = 0; i < headDim; i++) block[last + i] = at(sum, i) / Math.sqrt(headDim - 1);
  return block;
}

function randomSigns(random: Random, size: number): Float64Array {
  return Float64Array.from({ length: size }, () => (random.uint32() < 2 ** 31 ? -1 : 1));
}
