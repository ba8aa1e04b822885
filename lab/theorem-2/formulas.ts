/** What orthogonal rows save: the bound of Theorem 2, and the amount itself. */

import { innerProduct, squaredSum, type PairShape } from "../vector-pairs.ts";

export interface Sizes {
  readonly headDim: number;
  /** m, at most headDim. */
  readonly numFeatures: number;
}

/** Theorem 2: MSE(iid) − MSE(orthogonal) ≥ 2(m − 1)/(m(d + 2)) · (SM − exp(−(‖x‖² + ‖y‖²)/2))². */
export function leastGap(pair: PairShape, { headDim, numFeatures: m }: Sizes): number {
  const difference = Math.exp(innerProduct(pair)) - Math.exp(-(pair.normX ** 2 + pair.normY ** 2) / 2);
  return ((2 * (m - 1)) / (m * (headDim + 2))) * difference ** 2;
}

/**
 * MSE(iid) − MSE(orthogonal) = (m − 1)/m · SM² · (1 − exp(−z²) ₁F₁(d; d/2; z²/2)) with z = ‖x + y‖.
 *
 * A sum ω + ω' of two orthogonal rows with χ lengths is uniform in direction and χ with 2d degrees of freedom in
 * length, so that E exp((ω + ω')·(x + y)) = Σ_k (d)_k/(d/2)_k (z²/2)ᵏ/k!. For independent rows the fraction is 2ᵏ, and
 * the sum is exp(z²).
 */
export function exactGap(pair: PairShape, { headDim, numFeatures: m }: Sizes): number {
  const z2 = squaredSum(pair);
  // The two series are subtracted term by term, for their difference may be far smaller than either.
  let independent = 1;
  let orthogonal = 1;
  let power = 1;
  let sum = 0;
  for (let k = 0; power * independent > Number.EPSILON * sum || k <= z2; k++) {
    sum += (independent - orthogonal) * power;
    independent *= 2;
    orthogonal *= (headDim + k) / (headDim / 2 + k);
    power *= z2 / 2 / (k + 1);
  }
  return ((m - 1) / m) * Math.exp(2 * innerProduct(pair) - z2) * sum;
}
