/** The regularized softmax kernel in closed form. */

/**
 * SMREG/SM = exp(−z²/2) · E exp(√d·u·z) for u uniform on the unit sphere and z = ‖x + y‖
 *          = exp(−z²/2) · ₀F₁(; d/2; d z²/4) = exp(−z²/2) Σ_k (z²/2)ᵏ/k! · Π_{i<k} 1/(1 + 2i/d).
 *
 * Without the product the sum is exp(z²/2): hence SMREG ≤ SM. The product is at least 1 − k(k − 1)/d: hence the
 * shortfall is at most z⁴/(4d), and the ratio tends to 1.
 *
 * @param sumNorm z
 */
export function regularizedOverSoftmax(sumNorm: number, headDim: number): number {
  const half = sumNorm ** 2 / 2;
  let term = 1;
  let sum = 0;
  for (let k = 0; term > Number.EPSILON * sum; k++) {
    sum += term;
    term *= half / ((k + 1) * (1 + (2 * k) / headDim));
  }
  return Math.exp(-half) * sum;
}

/** What 1 − SMREG/SM is at most, by the series. */
export function shortfallAtMost(sumNorm: number, headDim: number): number {
  return sumNorm ** 4 / (4 * headDim);
}

/** Theorem 3: SMREG/SM ≥ 1 − 2/d^{1/3} + o(d^{−1/3}), as long as the kernel is bounded; here without its last term. */
export function publishedBound(headDim: number): number {
  return 1 - 2 / Math.cbrt(headDim);
}
