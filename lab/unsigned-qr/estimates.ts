/** The mean of the positive features' estimate over the true kernel, for every row of a block and many directions. */

import { createMoments, letOthersRun, type Moments } from "performer-ts/lab";
import { fillNormal, type Random } from "performer-ts/random";

/** Draws a [size, size] matrix of orthonormal rows. */
export type DrawOrthogonal = (size: number, random: Random) => Float64Array;

/** How estimate/truth is distributed along one direction. */
export interface DirectionMoments {
  /** Moments of the mean over the rows of a block, which a layer with numFeatures = headDim computes. */
  readonly block: Moments;
  /** Moments of each row alone. */
  readonly rows: readonly Moments[];
}

export interface EstimateOptions {
  readonly headDim: number;
  /** x + y, one of each direction. */
  readonly sums: readonly Float64Array[];
  readonly numBlocks: number;
  readonly random: Random;
  readonly onBlocks: (done: number) => void;
}

/** So many blocks are drawn between two words about progress: some 50 ms. */
const BLOCKS_AT_A_TIME = 250;

/**
 * Estimates the softmax kernel by positive features, block after block, and divides by the truth.
 *
 * With φ(x) = exp(ω·x − ‖x‖²/2) the ratio φ(x)·φ(y) / exp(x·y) is exp(ω·z − ‖z‖²/2) at z = x + y: only the sum matters.
 * Its mean is 1 when ω ~ N(0, I), which a row of an orthogonal block is, once it has a length drawn from χ, if its
 * direction is uniform.
 *
 * @returns one entry a direction
 */
export async function estimateOverTruth(
  draw: DrawOrthogonal,
  { headDim, sums, numBlocks, random, onBlocks }: EstimateOptions,
): Promise<readonly DirectionMoments[]> {
  const directions = sums.map((sum) => ({
    sum,
    halfSquare: dot(sum, 0, sum) / 2,
    block: createMoments(),
    rows: Array.from({ length: headDim }, createMoments),
  }));
  const gaussian = new Float64Array(headDim);
  const lengths = new Float64Array(headDim);
  for (let done = 0; done < numBlocks; done++) {
    if (done % BLOCKS_AT_A_TIME === 0) {
      onBlocks(done);
      await letOthersRun();
    }
    const matrix = draw(headDim, random);
    for (let row = 0; row < headDim; row++) {
      fillNormal(random, gaussian);
      lengths[row] = Math.sqrt(dot(gaussian, 0, gaussian));
    }
    for (const { sum, halfSquare, block, rows } of directions) {
      let total = 0;
      for (const [row, moments] of rows.entries()) {
        const ratio = Math.exp((lengths[row] ?? 0) * dot(matrix, row * headDim, sum) - halfSquare);
        moments.add(ratio);
        total += ratio;
      }
      block.add(total / headDim);
    }
  }
  onBlocks(numBlocks);
  return directions;
}

function dot(a: Float64Array, aStart: number, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < b.length; i++) sum += (a[aStart + i] ?? 0) * (b[i] ?? 0);
  return sum;
}
