/** Claim: the mean squared errors of positive, hyperbolic and trigonometric estimates are those of Lemma 2. */

import { featureMaps } from "performer-ts/attention";
import {
  createMoments,
  defineClaim,
  roundTo,
  type ClaimProgress,
  type JsonRecord,
  type Moments,
} from "performer-ts/lab";
import { createRandom } from "performer-ts/random";

import { drawTerms, forEachEstimate } from "../kernel-terms.ts";
import { drawPair, innerProduct, squaredSum, type PairShape, type VectorPair } from "../vector-pairs.ts";
import { drawRatios } from "./figure.ts";
import { meanSquaredErrors, type LemmaMap } from "./formulas.ts";
import type { Comparison } from "./result.ts";

const SEED = 2009;
const HEAD_DIM = 16;
const NUM_FEATURES = [1, 16] as const;
/**
 * ‖x + y‖ from 0.5 to 1, ‖x − y‖ from 0.5 to 2.4. Not a longer sum: the squared error of a positive feature's term goes
 * with the fourth power of a lognormal one, and beyond 1 its mean is not known to a few per cent from millions of
 * terms.
 */
const PAIRS: readonly PairShape[] = [
  { normX: 0.5, normY: 0.5, angleDegrees: 60 },
  { normX: 0.5, normY: 0.5, angleDegrees: 120 },
  { normX: 0.75, normY: 0.5, angleDegrees: 90 },
  { normX: 1, normY: 0.5, angleDegrees: 120 },
  { normX: 1, normY: 1, angleDegrees: 120 },
  { normX: 1.5, normY: 1, angleDegrees: 150 },
];
const NUM_BLOCKS = { full: 1_000_000, quick: 12_000 } as const;
/** A full run knows every ratio to about one per cent. */
const TOLERANCE = 0.05;
/** A quick run does not: its ratios are judged by their own standard errors. */
const STANDARD_ERRORS = 4;

interface Cell extends Pick<Comparison, "map" | "pair" | "numFeatures"> {
  /** Moments of the squared errors. */
  readonly squares: Moments;
}

export const lemma2 = defineClaim({
  claim: "lemma-2",
  title: "The mean squared errors of positive, hyperbolic and trigonometric estimates are those of Lemma 2.",
  published: {
    positive: "exp(‖x+y‖²) SM² (1 − exp(−‖x+y‖²)) / m",
    hyperbolic: "½ (1 − exp(−‖x+y‖²)) MSE(positive)",
    trigonometric: "exp(‖x+y‖²) SM⁻² (1 − exp(−‖x−y‖²))² / (2m)",
    source: "arXiv:2009.14794, Lemma 2; SM = exp(x·y), m independent rows",
  },
  run: async ({ quick, onProgress }) => {
    const numBlocks = quick ? NUM_BLOCKS.quick : NUM_BLOCKS.full;
    const comparisons = (await measure(numBlocks, onProgress)).map(compare);
    const withinTolerance = comparisons.every(({ ratio }) => Math.abs(ratio - 1) <= TOLERANCE);
    const withinErrors = comparisons.every(
      ({ ratio, standardError }) => Math.abs(ratio - 1) <= STANDARD_ERRORS * standardError,
    );
    return {
      setting: {
        headDim: HEAD_DIM,
        numFeatures: [...NUM_FEATURES],
        projection: "iid",
        rows: numBlocks * HEAD_DIM,
        judgedBy: quick ? `${STANDARD_ERRORS} standard errors` : `a tolerance of ${TOLERANCE}`,
        seed: SEED,
      },
      measured: {
        farthestRatioFromOne: roundTo(Math.max(...comparisons.map(({ ratio }) => Math.abs(ratio - 1))), 2),
        greatestStandardError: roundTo(Math.max(...comparisons.map(({ standardError }) => standardError)), 2),
        withinTolerance,
        withinStandardErrors: withinErrors,
        cells: comparisons.map(describe),
      },
      holds: quick ? withinErrors : withinTolerance,
      figure: drawRatios(comparisons, TOLERANCE),
    };
  },
});

async function measure(numBlocks: number, onProgress: ClaimProgress): Promise<readonly Cell[]> {
  const random = createRandom(SEED);
  const pairs: readonly VectorPair[] = PAIRS.map((shape) => drawPair(shape, HEAD_DIM, random));
  const { positive, hyperbolic, trigonometric } = featureMaps;
  const maps = { positive, hyperbolic, trigonometric } as const;
  // The keys are those of `maps`.
  const names = Object.keys(maps) as LemmaMap[];
  const groups = names.flatMap((map) =>
    pairs.map((pair, index) => {
      const cells = NUM_FEATURES.map((numFeatures) => ({ map, pair, numFeatures, squares: createMoments() }));
      return { map, index, kernel: Math.exp(innerProduct(pair)), cells };
    }),
  );
  const onBlocks = (done: number) => onProgress(done, numBlocks, "squared errors");
  for await (const terms of drawTerms({ maps, pairs, projection: "iid", numBlocks, random, onBlocks })) {
    for (const { map, index, kernel, cells } of groups) {
      for (const { numFeatures, squares } of cells) {
        forEachEstimate(terms[map][index] ?? new Float32Array(), numFeatures, (estimate) =>
          squares.add((estimate - kernel) ** 2),
        );
      }
    }
  }
  return groups.flatMap(({ cells }) => cells);
}

function compare({ map, pair, numFeatures, squares }: Cell): Comparison {
  const formula = meanSquaredErrors[map](pair, numFeatures);
  const measured = squares.mean();
  return {
    map,
    pair,
    numFeatures,
    formula,
    measured,
    ratio: measured / formula,
    standardError: squares.standardError() / formula,
  };
}

function describe({ map, pair, numFeatures, formula, measured, ratio, standardError }: Comparison): JsonRecord {
  const { normX, normY, angleDegrees } = pair;
  return {
    map,
    numFeatures,
    normX,
    normY,
    angleDegrees,
    sumNorm: roundTo(Math.sqrt(squaredSum(pair))),
    formula: roundTo(formula),
    measured: roundTo(measured),
    ratio: roundTo(ratio, 5),
    standardError: roundTo(standardError, 2),
  };
}
