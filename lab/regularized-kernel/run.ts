/** Claim: rows of length √d estimate a lower bound of the softmax kernel, which tends to the kernel as d grows. */

import { featureMaps } from "performer-ts/attention";
import { createMoments, defineClaim, roundTo, withinStandardErrors, type JsonRecord } from "performer-ts/lab";
import { createRandom } from "performer-ts/random";

import { drawTerms, forEachEstimate } from "../kernel-terms.ts";
import { drawPair, innerProduct, squaredSum, type PairShape } from "../vector-pairs.ts";
import { drawConvergence } from "./figure.ts";
import type { Comparison, Curve, Projection } from "./result.ts";
import { publishedBound, regularizedOverSoftmax, shortfallAtMost } from "./series.ts";

const SEED = 2009;
const HEAD_DIMS = { full: [4, 8, 16, 32, 64, 128, 256], quick: [4, 8, 16, 32, 64] } as const;
/** The same for every headDim: at 256, where a block takes longest to draw, 256 orthogonal blocks. */
const NUM_ROWS = { full: 65_536, quick: 4_096 } as const;
/**
 * ‖x + y‖ = 0.5, 1, 1.5, on which alone the ratio depends; terms are nearly lognormal, so that longer sums have heavy
 * tails.
 */
const PAIRS: readonly PairShape[] = [
  { normX: 0.5, normY: 0.5, angleDegrees: 120 },
  { normX: 0.5, normY: 0.5, angleDegrees: 0 },
  { normX: 0.75, normY: 0.75, angleDegrees: 0 },
];
/** ‖x + y‖ for the series alone. */
const SUM_NORMS = [0.5, 1, 1.5, 2, 3, 4] as const;
const PROJECTIONS: readonly Projection[] = ["iid", "orthogonal"];
const STANDARD_ERRORS = 4;

export const regularizedKernel = defineClaim({
  claim: "regularized-kernel",
  title: "Rows of length √d estimate a lower bound of the softmax kernel, which tends to the kernel as d grows.",
  published: {
    upper: "SMREG ≤ SM",
    lower: "SMREG/SM ≥ 1 − 2/d^{1/3} + o(d^{−1/3}) where SM is bounded",
    source: "arXiv:2009.14794, Theorem 3",
  },
  run: async ({ quick, onProgress }) => {
    const headDims: readonly number[] = quick ? HEAD_DIMS.quick : HEAD_DIMS.full;
    const numRows = quick ? NUM_ROWS.quick : NUM_ROWS.full;
    const curves = SUM_NORMS.map((sumNorm): Curve => ({
      sumNorm,
      ratios: headDims.map((headDim) => ({ headDim, ratio: regularizedOverSoftmax(sumNorm, headDim) })),
    }));
    const comparisons: Comparison[] = [];
    const parts = headDims.flatMap((headDim) => PROJECTIONS.map((projection) => ({ headDim, projection })));
    for (const [index, part] of parts.entries()) {
      const onBlocks = (blocks: number) =>
        onProgress(index * numRows + blocks * part.headDim, parts.length * numRows, `headDim ${part.headDim}`);
      comparisons.push(...(await measure(part, numRows, onBlocks)));
    }
    const agreeing = comparisons.filter(({ ratio, exact, standardError }) =>
      withinStandardErrors(ratio, exact, standardError, STANDARD_ERRORS),
    );
    const bounded = curves.every(({ ratios }) => ratios.every(({ ratio }) => ratio <= 1));
    const growing = curves.every(({ ratios }) => isIncreasing(ratios.map(({ ratio }) => ratio)));
    const converging = curves.every(({ sumNorm, ratios }) =>
      ratios.every(({ headDim, ratio }) => 1 - ratio <= shortfallAtMost(sumNorm, headDim)),
    );
    return {
      setting: {
        headDims: [...headDims],
        projections: [...PROJECTIONS],
        rowLengths: "sqrt",
        rows: numRows,
        sumNormsMeasured: PAIRS.map(sumNormOf),
        sumNormsOfSeries: [...SUM_NORMS],
        standardErrors: STANDARD_ERRORS,
        seed: SEED,
      },
      measured: {
        numCells: comparisons.length,
        agreeingWithSeries: agreeing.length,
        farthestInStandardErrors: roundTo(Math.max(...comparisons.map((each) => Math.abs(distanceOf(each)))), 3),
        atMostSoftmax: bounded,
        increasingWithHeadDim: growing,
        shortfallWithinFourthPowerOver4d: converging,
        publishedBound: Object.fromEntries(headDims.map((headDim) => [headDim, roundTo(publishedBound(headDim), 3)])),
        series: Object.fromEntries(
          curves.map(({ sumNorm, ratios }) => [`sumNorm ${sumNorm}`, ratios.map(({ ratio }) => roundTo(ratio, 5))]),
        ),
        cells: comparisons.map(describe),
      },
      holds: agreeing.length === comparisons.length && bounded && growing && converging,
      figure: drawConvergence(curves, comparisons, STANDARD_ERRORS),
    };
  },
});

async function measure(
  { headDim, projection }: Pick<Comparison, "headDim" | "projection">,
  numRows: number,
  onBlocks: (done: number) => void,
): Promise<readonly Comparison[]> {
  const random = createRandom(SEED, projection, headDim);
  const pairs = PAIRS.map((shape) => drawPair(shape, headDim, random));
  // Rows of an orthogonal block depend on one another; blocks do not.
  const rowsADraw = projection === "iid" ? 1 : headDim;
  const means = pairs.map(createMoments);
  const terms = drawTerms({
    maps: { regularized: featureMaps.regularized },
    pairs,
    projection,
    rowLengths: featureMaps.regularized.rowLengths,
    numBlocks: numRows / headDim,
    random,
    onBlocks,
  });
  for await (const { regularized } of terms) {
    for (const [index, { add }] of means.entries()) {
      forEachEstimate(regularized[index] ?? new Float32Array(), rowsADraw, add);
    }
  }
  return pairs.flatMap((pair, index) => {
    const moments = means[index];
    const kernel = Math.exp(innerProduct(pair));
    if (!moments) return [];
    return {
      headDim,
      projection,
      sumNorm: sumNormOf(pair),
      ratio: moments.mean() / kernel,
      standardError: moments.standardError() / kernel,
      exact: regularizedOverSoftmax(sumNormOf(pair), headDim),
    };
  });
}

function sumNormOf(pair: PairShape): number {
  return roundTo(Math.sqrt(squaredSum(pair)), 12);
}

function isIncreasing(values: readonly number[]): boolean {
  return values.every((value, index) => index === 0 || value > (values[index - 1] ?? 0));
}

function distanceOf({ ratio, exact, standardError }: Comparison): number {
  return (ratio - exact) / standardError;
}

function describe(comparison: Comparison): JsonRecord {
  const { headDim, projection, sumNorm, ratio, standardError, exact } = comparison;
  return {
    headDim,
    projection,
    sumNorm,
    ratio: roundTo(ratio, 6),
    standardError: roundTo(standardError, 2),
    exact: roundTo(exact, 6),
    z: roundTo(distanceOf(comparison), 3),
  };
}
