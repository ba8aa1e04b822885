/**
 * Lemma 2 for two vectors of one length at an angle: the mean squared errors of one random feature, and their ratio.
 */

/** Two vectors of length `length`, `angle` radians apart. */
export interface Place {
  readonly angle: number;
  readonly length: number;
}

/** SM = exp(x·y). */
export function softmaxKernel({ angle, length }: Place): number {
  return Math.exp(length ** 2 * Math.cos(angle));
}

/** ‖x + y‖². */
export function squaredSum({ angle, length }: Place): number {
  // 1 + cos φ without its loss of digits near π.
  return 4 * length ** 2 * Math.cos(angle / 2) ** 2;
}

/** ‖x − y‖². */
export function squaredDifference({ angle, length }: Place): number {
  return 4 * length ** 2 * Math.sin(angle / 2) ** 2;
}

/** exp(‖x+y‖²) SM² (1 − exp(−‖x+y‖²)), for m = 1. */
export function positiveError(place: Place): number {
  return softmaxKernel(place) ** 2 * Math.expm1(squaredSum(place));
}

/** exp(‖x+y‖²) SM⁻² (1 − exp(−‖x−y‖²))² / 2, for m = 1. */
export function trigonometricError(place: Place): number {
  const inverse = softmaxKernel(place) ** -2;
  return (Math.exp(squaredSum(place)) * inverse * Math.expm1(-squaredDifference(place)) ** 2) / 2;
}

/** r: above 1 where positive features are better. Infinite at an angle of π, where these have no error. */
export function utility(place: Place): number {
  return trigonometricError(place) / positiveError(place);
}
