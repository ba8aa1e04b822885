/** Mean squared errors of single random features, by simulation. */

import { featureMaps } from "performer-ts/attention";
import type { Tensor } from "performer-ts/graph";
import { kernelTerms } from "performer-ts/kernels";
import { createMoments, letOthersRun, type Moments } from "performer-ts/lab";
import { add, exp, mean, mul, reshape, square, sub, sum } from "performer-ts/ops";
import { createRandom, gaussianMatrix } from "performer-ts/random";
import { compile } from "performer-ts/runtime";

import { softmaxKernel, squaredSum, type Place } from "./formulas.ts";

/** Nothing depends on the dimension: ω is felt along x + y and x − y alone. */
const HEAD_DIM = 4;
/** One engine call, whose mean squared error is one sample. */
export const BATCH_DRAWS = 16_384;
/**
 * Draws for positive features are centred on this times x + y. Squares of these features are lognormal, and plain draws
 * miss the rare ones that make their mean: at ‖x + y‖ = 2 a million of them leave it open by a factor. At 2 their
 * spread would be 0, and that of the weights too wide.
 */
const SHIFT = 1.5;

/** Squared errors by map; each number is the mean of a batch. */
export interface Errors {
  readonly place: Place;
  readonly positive: Moments;
  readonly trigonometric: Moments;
}

/** A graph for all places at once would hold the same draws for each; they are shared. */
export async function simulate(
  places: readonly Place[],
  numBatches: number,
  seed: number,
  onBatch: (done: number) => void,
): Promise<readonly Errors[]> {
  const all = places.map((place) => ({ place, positive: createMoments(), trigonometric: createMoments() }));
  await using executable = await compile(
    ({ x, y, kernel, shift, normals, others }) => ({
      positive: positiveSquares(x, y, kernel, shift, normals),
      trigonometric: mean(square(sub(kernelTerms(featureMaps.trigonometric, x, y, others), kernel))),
    }),
    {
      x: [1, HEAD_DIM],
      y: [1, HEAD_DIM],
      kernel: [1, 1],
      shift: [1, HEAD_DIM],
      normals: [BATCH_DRAWS, HEAD_DIM],
      others: [BATCH_DRAWS, HEAD_DIM],
    },
  );
  // Streams of their own, so that the two errors are independent and the error of their ratio is known.
  const [first, second] = [createRandom(seed, "positive"), createRandom(seed, "trigonometric")];
  for (let done = 0; done < numBatches; done++) {
    const draw = (random: typeof first) => gaussianMatrix({ numFeatures: BATCH_DRAWS, headDim: HEAD_DIM, random });
    const draws = { normals: draw(first), others: draw(second) };
    for (const { place, positive, trigonometric } of all) {
      const results = await executable.run({ ...draws, ...vectors(place) });
      positive.add(Number(results["positive"]?.data[0]));
      trigonometric.add(Number(results["trigonometric"]?.data[0]));
    }
    onBatch(done + 1);
    await letOthersRun();
  }
  return all;
}

/**
 * E[(estimate − SM)²] over ω ~ N(0, I), from draws ω = shift + normals of N(shift, I), each weighted by the ratio of
 * both densities: exp(−shift·ω + ‖shift‖²/2).
 */
function positiveSquares(x: Tensor, y: Tensor, kernel: Tensor, shift: Tensor, normals: Tensor): Tensor {
  const rows = add(normals, shift);
  const errors = square(sub(kernelTerms(featureMaps.positive, x, y, rows), kernel));
  const exponents = sub(mul(sum(square(shift)), 0.5), sum(mul(rows, shift), { axes: [-1] }));
  return mean(mul(errors, reshape(exp(exponents), [1, BATCH_DRAWS])));
}

function vectors(place: Place): Record<"x" | "y" | "kernel" | "shift", Float32Array> {
  const { angle, length } = place;
  // Symmetric about the first axis: x + y lies along it, and x − y along the second.
  const along = length * Math.cos(angle / 2);
  const across = length * Math.sin(angle / 2);
  const vector = (...leading: readonly number[]) => Float32Array.from({ length: HEAD_DIM }, (_, i) => leading[i] ?? 0);
  return {
    x: vector(along, across),
    y: vector(along, -across),
    kernel: Float32Array.of(softmaxKernel(place)),
    shift: vector(SHIFT * Math.sqrt(squaredSum(place))),
  };
}
