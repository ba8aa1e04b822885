/** Variances by formula, against the variances of a hundred thousand terms. */
import { describe, expect, it } from "vitest";
import { ndarray, type NdArray } from "../../graph/ndarray.ts";
import { kernelTerms } from "../../kernels/index.ts";
import { createRandom, fillNormal, gaussianMatrix } from "../../random/index.ts";
import { compile } from "../../runtime/compile.ts";
import { present } from "../../../tests/model/harness.ts";
import { featureMaps, type FeatureMapName } from "../favor/maps/index.ts";
import { dot } from "../../../tests/attention/naive.ts";
import { predictedRelativeVariance } from "./predicted-variance.ts";

/** Moderate norms, so that the fourth moment of a term exists in the sample too: ‖x + y‖² about 2 · 5 · 0.3² = 0.9. */
const [numPairs, headDim, numDraws, SCALE] = [3, 5, 100_003, 0.3];
/** Two-sided: six wrong alarms in 100,000 comparisons, of which there are 27. */
const STANDARD_ERRORS = 4;

const x = rows("x");
// Longer than the queries, and each dimension differently: the rescale has something to do.
const y = rows("y").map((row) => row.map((value, l) => value * (0.7 + 0.2 * l)));
const projection = ndarray(gaussianMatrix({ numFeatures: numDraws, headDim, random: createRandom(11, "projection") }), [
  numDraws,
  headDim,
]);

function rows(name: string): number[][] {
  const random = createRandom(11, name);
  return Array.from({ length: numPairs }, () => Array.from(fillNormal(random, new Float64Array(headDim), SCALE)));
}

function asArray(matrix: readonly (readonly number[])[]): NdArray {
  return ndarray(Float32Array.from(matrix.flat()), [matrix.length, headDim]);
}

/** ψ_l = (Σ y_l² / Σ x_l²)^¼, and the rows after it. */
function rescaledRows(): readonly [number[][], number[][]] {
  const squares = (matrix: number[][], l: number) => matrix.reduce((total, row) => total + (row[l] ?? 0) ** 2, 0);
  const psi = Array.from({ length: headDim }, (_, l) => (squares(y, l) / squares(x, l)) ** 0.25);
  return [
    x.map((row) => row.map((value, l) => value * (psi[l] ?? 1))),
    y.map((row) => row.map((value, l) => value / (psi[l] ?? 1))),
  ];
}

const squaredSum = (a: readonly number[], b: readonly number[]) => dot(a, a) + dot(b, b) + 2 * dot(a, b);

const names = [
  "positive",
  "hyperbolic",
  "trigonometric",
  "simplex",
  "gaussian",
  "gaussian-trigonometric",
  "rescaled",
  "optimal",
  "saderf",
] as const satisfies readonly FeatureMapName[];

describe("predictedRelativeVariance", () => {
  it.each(names)("is the variance of one term of %s features", async (name) => {
    const map = featureMaps[name];
    await using graph = await compile(
      (tensors) => ({ terms: kernelTerms(map, tensors.x, tensors.y, tensors.projection) }),
      { x: [numPairs, headDim], y: [numPairs, headDim], projection: projection.shape },
    );
    const { terms } = await graph.run({ x: asArray(x), y: asArray(y), projection });
    const { data } = present(terms);
    const [left, right] = name === "rescaled" || name === "saderf" ? rescaledRows() : [x, y];
    const sums = left.flatMap((a) => right.map((b) => squaredSum(a, b)));
    const meanSquaredSum = sums.reduce((total, each) => total + each, 0) / sums.length;
    for (let pair = 0; pair < numPairs; pair++) {
      const [a, b] = [present(left[pair]), present(right[pair])];
      const gaussian = map.kernel === "gaussian";
      const kernel = Math.exp(dot(a, b) - (gaussian ? (dot(a, a) + dot(b, b)) / 2 : 0));
      let mean = 0;
      let square = 0;
      for (let draw = 0; draw < numDraws; draw++) {
        const deviation = (Number(data[pair * numDraws + draw]) / kernel - 1) ** 2;
        mean += deviation / numDraws;
        square += deviation ** 2 / numDraws;
      }
      const standardError = Math.sqrt((square - mean ** 2) / numDraws);
      const predicted = predictedRelativeVariance(map, {
        squaredSum: squaredSum(a, b),
        squaredDifference: dot(a, a) + dot(b, b) - 2 * dot(a, b),
        headDim,
        meanSquaredSum,
      });
      expect(Math.abs(mean - present(predicted)), `${name}, pair ${pair}`).toBeLessThan(
        STANDARD_ERRORS * standardError,
      );
      // The bound says something: it is a small part of what it bounds.
      expect(standardError).toBeLessThan(0.05 * mean);
    }
  });

  it("has no formula for kernels of their own, nor for a map that only shares a name", () => {
    const pair = { squaredSum: 1, squaredDifference: 1 };
    expect(predictedRelativeVariance(featureMaps.relu, pair)).toBeUndefined();
    expect(predictedRelativeVariance(featureMaps.regularized, pair)).toBeUndefined();
    expect(predictedRelativeVariance({ ...featureMaps.relu, name: "positive" }, pair)).toBeUndefined();
  });

  it("is Infinity beyond float64, and refuses optimal features without their statistic", () => {
    expect(predictedRelativeVariance(featureMaps.positive, { squaredSum: 710, squaredDifference: 0 })).toBe(Infinity);
    expect(() => predictedRelativeVariance(featureMaps.optimal, { squaredSum: 1, squaredDifference: 0 })).toThrow(
      /optimal features need headDim and meanSquaredSum/,
    );
  });

  it("never prefers the positive features to the optimal ones on average", () => {
    const common = { squaredDifference: 0, headDim: 64, meanSquaredSum: 4 };
    const pair = { ...common, squaredSum: 4 };
    expect(present(predictedRelativeVariance(featureMaps.optimal, pair))).toBeLessThan(
      present(predictedRelativeVariance(featureMaps.positive, pair)),
    );
  });
});
