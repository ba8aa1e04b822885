/** Seeded random numbers, and the random matrices that projections are drawn from. */
export { createRandom, fillKeepMask, fillNormal, permutation, shuffle } from "./generator.ts";
export type { Random } from "./generator.ts";
export { haarOrthogonal } from "./orthogonal.ts";
export { gaussianMatrix, gaussianOrthogonalMatrix, projectionKinds } from "./projections.ts";
export type { ProjectionKind, ProjectionName, ProjectionOptions, RowLengths } from "./projections.ts";
