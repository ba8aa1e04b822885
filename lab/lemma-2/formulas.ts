/** Lemma 2: the mean squared error of one estimate of the softmax kernel, in closed form. */

import { innerProduct, squaredDifference, squaredSum, type PairShape } from "../vector-pairs.ts";

/** The mean squared error of an estimate from m independent rows. */
type MeanSquaredError = (pair: PairShape, numFeatures: number) => number;

/** MSE(SM⁺) = exp(‖x + y‖²) · SM² · (1 − exp(−‖x + y‖²)) / m. */
const positive: MeanSquaredError = (pair, m) => {
  const sum = squaredSum(pair);
  return (Math.exp(sum) * Math.exp(innerProduct(pair)) ** 2 * (1 - Math.exp(-sum))) / m;
};

/** MSE(SM^hyp+) = ½ (1 − exp(−‖x + y‖²)) · MSE(SM⁺). */
const hyperbolic: MeanSquaredError = (pair, m) => ((1 - Math.exp(-squaredSum(pair))) / 2) * positive(pair, m);

/** MSE(SM^trig) = exp(‖x + y‖²) · SM⁻² · (1 − exp(−‖x − y‖²))² / (2m). */
const trigonometric: MeanSquaredError = (pair, m) =>
  (Math.exp(squaredSum(pair)) * Math.exp(innerProduct(pair)) ** -2 * (1 - Math.exp(-squaredDifference(pair))) ** 2) /
  (2 * m);

export const meanSquaredErrors = { positive, hyperbolic, trigonometric } as const;

export type LemmaMap = keyof typeof meanSquaredErrors;
