/** Two vectors of chosen lengths and angle, lying anywhere: what kernels are estimated between. */

import { fillNormal, type Random } from "performer-ts/random";

export interface PairShape {
  /** ‖x‖. */
  readonly normX: number;
  /** ‖y‖. */
  readonly normY: number;
  /** Between x and y, in degrees. */
  readonly angleDegrees: number;
}

export interface VectorPair extends PairShape {
  readonly x: Float32Array;
  readonly y: Float32Array;
}

/**
 * Draws a pair in a uniformly random plane: along the axes some projections behave better or worse than elsewhere.
 *
 * @param headDim at least 2
 */
export function drawPair(shape: PairShape, headDim: number, random: Random): VectorPair {
  const { normX, normY } = shape;
  const first = unit(fillNormal(random, new Float64Array(headDim)));
  const other = fillNormal(random, new Float64Array(headDim));
  const along = dot(first, other);
  const second = unit(other.map((value, i) => value - along * (first[i] ?? 0)));
  const { cos, sin } = directionOf(shape);
  const x = Float32Array.from(first, (value) => normX * value);
  const y = Float32Array.from(first, (value, i) => normY * (cos * value + sin * (second[i] ?? 0)));
  return { ...shape, x, y };
}

/** x·y. */
export function innerProduct(shape: PairShape): number {
  return shape.normX * shape.normY * directionOf(shape).cos;
}

/** ‖x + y‖². */
export function squaredSum(shape: PairShape): number {
  return shape.normX ** 2 + shape.normY ** 2 + 2 * innerProduct(shape);
}

/** ‖x − y‖². */
export function squaredDifference(shape: PairShape): number {
  return shape.normX ** 2 + shape.normY ** 2 - 2 * innerProduct(shape);
}

/** "1, 0.5, 60°": both norms and the angle. */
export function pairName({ normX, normY, angleDegrees }: PairShape): string {
  return `${normX}, ${normY}, ${angleDegrees}°`;
}

function directionOf({ angleDegrees }: PairShape): { readonly cos: number; readonly sin: number } {
  // sin π is not 0 in floating point, and vectors that ought to be opposite would not quite be.
  if (angleDegrees === 180) return { cos: -1, sin: 0 };
  if (angleDegrees === 90) return { cos: 0, sin: 1 };
  const radians = (angleDegrees * Math.PI) / 180;
  return { cos: Math.cos(radians), sin: Math.sin(radians) };
}

function unit(vector: Float64Array): Float64Array {
  const length = Math.sqrt(dot(vector, vector));
  return vector.map((value) => value / length);
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((total, value, i) => total + value * (b[i] ?? 0), 0);
}
