/** Seeded random numbers, and the random matrices that projections are drawn from. */
export { createRandom, fillKeepMask, fillNormal, permutation, shuffle } from "./generator.ts";
export type { Random } from "./generator.ts";
export { gaussianMatrix, gaussianOrthogonalMatrix, haarOrthogonal } from "./orthogonal.ts";
export type { GaussianOrthogonalOptions } from "./orthogonal.ts";
