/** The projections of attention: which kind, for all heads or one for each, drawn as an array. */
import { GraphError, problem } from "../../graph/errors.ts";
import { ndarray, type NdArray } from "../../graph/ndarray.ts";
import { sizeOf, type Shape } from "../../graph/shape.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { projectionKinds, type ProjectionName, type Random } from "../../random/index.ts";
import { shown } from "../../graph/arguments.ts";
import { requireOneOf } from "../checks.ts";
import type { FeatureMap } from "../feature-map.ts";
import type { ProjectionChoice, ProjectionSizes } from "../mechanism.ts";

/** The kinds of projections. */
export const projectionNames = [
  ...(Object.keys(projectionKinds) as ProjectionName[]), // the table's own keys
  "none",
] as const;

/** The largest array that the engines take in one piece. */
export const LARGEST_ARRAY_BYTES = 2 ** 31;

/** The number of features that the theory asks for up to constants: Θ(d log d), Theorem 4 of arXiv:2009.14794. */
export function defaultNumFeatures(headDim: number): number {
  return Math.max(1, Math.round(headDim * Math.log(headDim)));
}

/**
 * The shape of a projection: `[M, D]`, or `[H, M, D]` with `perHead`. With `none`, M = D whatever numFeatures says.
 *
 * @throws GraphError for sizes that are not positive integers or too large for the engine, and for unknown kinds
 */
export function projectionShape(
  map: FeatureMap,
  { headDim, numFeatures, numHeads = 1 }: ProjectionSizes,
  choice: ProjectionChoice = {},
): Shape {
  checkNumFeatures("favorAttention", headDim, numFeatures);
  const kind = choice.kind ?? map.projection;
  requireOneOf("favorAttention", "projection", kind, projectionNames);
  const rows = kind === "none" ? headDim : numFeatures;
  const shape = choice.perHead === true ? [numHeads, rows, headDim] : [rows, headDim];
  checkArray("the projection", sizeOf(shape), numFeatures);
  return shape;
}

/**
 * Draws a projection `[M, D]`, or `[H, M, D]` with `perHead`. With `none` it is the identity, and M = D whatever
 * numFeatures says.
 *
 * @throws GraphError for sizes that are not positive integers or too large for the engine, and for unknown kinds
 */
export function drawProjection(
  map: FeatureMap,
  random: Random,
  sizes: ProjectionSizes,
  choice: ProjectionChoice = {},
): NdArray {
  const shape = projectionShape(map, sizes, choice);
  const { headDim, numFeatures } = sizes;
  const kind = choice.kind ?? map.projection;
  const draw = () => {
    if (kind === "none") return identity(headDim);
    return projectionKinds[kind].draw({
      numFeatures,
      headDim,
      random,
      rowLengths: choice.rowLengths ?? map.rowLengths,
    });
  };
  if (choice.perHead !== true) return ndarray(draw(), shape);
  const all = new Float32Array(sizeOf(shape));
  const [heads = 1] = shape;
  const each = all.length / heads;
  for (let head = 0; head < heads; head++) all.set(draw(), head * each);
  return ndarray(all, shape);
}

/** @throws GraphError where there is none */
export function requireProjection(projection: Tensor | undefined): Tensor {
  if (projection !== undefined) return projection;
  throw new GraphError(problem`favorAttention: projection must be given, got nothing; draw one with initialise()`);
}

/** @throws GraphError for anything but a positive integer */
export function checkNumFeatures(who: string, headDim: number, numFeatures: number): void {
  if (Number.isInteger(numFeatures) && numFeatures >= 1) return;
  throw new GraphError(
    problem`${who}: numFeatures must be a positive integer, got ${shown(numFeatures)}; omit it to use round(headDim · ln
    headDim) = ${defaultNumFeatures(headDim)}`,
  );
}

/** @throws GraphError when an array of that many float32 numbers cannot be handed to an engine */
export function checkArray(what: string, elements: number, numFeatures: number): void {
  if (elements * 4 <= LARGEST_ARRAY_BYTES) return;
  const gigabytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const most = Math.max(1, Math.floor((numFeatures * LARGEST_ARRAY_BYTES) / (elements * 4)));
  throw new GraphError(
    problem`favorAttention: ${what} must fit an array of ${gigabytes(LARGEST_ARRAY_BYTES)}, got
    ${gigabytes(elements * 4)} with numFeatures ${numFeatures}; use at most ${most}`,
  );
}

function identity(size: number): Float32Array {
  const matrix = new Float32Array(size * size);
  for (let i = 0; i < size; i++) matrix[i * size + i] = 1;
  return matrix;
}
