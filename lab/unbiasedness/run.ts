/** Claim: the mean of every unbiased map's estimates is its kernel, whatever the vectors and the projection. */

import { featureMaps } from "performer-ts/attention";
import { defineClaim, roundTo, type JsonRecord } from "performer-ts/lab";
import { createRandom } from "performer-ts/random";

import { drawPair, type VectorPair } from "../vector-pairs.ts";
import { compare, describeCell, rootMeanSquare, STANDARD_ERRORS, summarise, zScores, type Cell } from "./cells.ts";
import { drawZScores } from "./figure.ts";
import { drawSequences, measureMeans } from "./measure.ts";
import { allSeries, type Series } from "./subjects.ts";

const SEED = 2009;
const HEAD_DIM = 16;
/**
 * ‖x‖ = ‖y‖. Not longer, because the logarithm of a positive feature's term has the standard deviation ‖x + y‖: beyond
 * 2 not even millions of terms have a mean that is nearly normal (`beyondReach` shows what happens there).
 */
const NORMS = [0.3, 0.6, 0.9] as const;
const ANGLES = [0, 60, 90, 180] as const;
const NUM_BLOCKS = { full: 250_000, quick: 2_000 } as const;
/** The share of normal numbers that lie beyond ± STANDARD_ERRORS. */
const SHARE_BEYOND = 6.3e-5;
const SEQUENCE_LENGTH = 16;
/** ‖x + y‖ of positive features, for what is no longer judged. */
const SUM_NORMS_BEYOND = [2, 2.5, 3, 4] as const;

type OnBlocks = (done: number) => void;

export const unbiasedness = defineClaim({
  claim: "unbiasedness",
  title:
    "Estimates by every unbiased map have the kernel as their mean, with independent, orthogonal and simplex rows.",
  published: {
    ratio: 1,
    source:
      "arXiv:2009.14794, Lemma 1 and section 2.4 (positive, hyperbolic, trigonometric; orthogonal rows); Rahimi and Recht 2007 " +
      "(gaussian-trigonometric); Likhosherstov et al. 2022 (optimal) and 2023 (rescaled, saderf); Reid et al. 2023 (simplex); Cho and " +
      "Saul 2009 (arc-cosine).",
  },
  run: async ({ quick, onProgress }) => {
    const numBlocks = quick ? NUM_BLOCKS.quick : NUM_BLOCKS.full;
    const numParts = allSeries.length + 1;
    const onBlocks =
      (part: number, what: string): OnBlocks =>
      (done) =>
        onProgress(part * numBlocks + done, numParts * numBlocks, what);
    const pairs = drawPairs();
    const cells: Cell[] = [];
    for (const [part, series] of allSeries.entries()) {
      cells.push(...(await measureSeries(series, pairs, numBlocks, onBlocks(part, `${series.projection} rows`))));
    }
    const beyondReach = await measureBeyond(numBlocks, onBlocks(allSeries.length, "longer vectors"));
    const distances = zScores(cells);
    return {
      setting: {
        headDim: HEAD_DIM,
        norms: [...NORMS],
        anglesDegrees: [...ANGLES],
        rows: numBlocks * HEAD_DIM,
        independentDraws: Object.fromEntries(
          allSeries.map(({ projection, rowsADraw }) => [projection, (numBlocks * HEAD_DIM) / rowsADraw(HEAD_DIM)]),
        ),
        statistics: `of ${SEQUENCE_LENGTH} Gaussian queries and as many keys, measured once`,
        standardErrors: STANDARD_ERRORS,
        seed: SEED,
      },
      measured: {
        numCells: cells.length,
        numCellsWithoutVariance: cells.length - distances.length,
        disagreeing: cells.filter(({ agrees }) => !agrees).length,
        expectedByChance: roundTo(SHARE_BEYOND * distances.length, 2),
        farthestInStandardErrors: roundTo(Math.max(...distances.map(Math.abs)), 3),
        rootMeanSquareDistance: roundTo(rootMeanSquare(distances), 3),
        skewnessOfMeansAtMost: roundTo(lognormalSkewness(2 * Math.max(...NORMS)) / Math.sqrt(numBlocks * HEAD_DIM), 2),
        byMap: summariseAll(cells),
        beyondReach,
        cells: cells.map(describeCell),
      },
      holds: cells.every(({ agrees }) => agrees),
      figure: drawZScores(cells),
    };
  },
});

function drawPairs(): readonly VectorPair[] {
  const random = createRandom(SEED, "pairs");
  return NORMS.flatMap((norm) =>
    ANGLES.map((angleDegrees) => drawPair({ normX: norm, normY: norm, angleDegrees }, HEAD_DIM, random)),
  );
}

/** All cells of one projection. */
async function measureSeries(
  { projection, rowsADraw, subjects }: Series,
  pairs: readonly VectorPair[],
  numBlocks: number,
  onBlocks: OnBlocks,
): Promise<readonly Cell[]> {
  const means = await measureMeans({
    maps: Object.fromEntries(Object.entries(subjects).map(([name, { map }]) => [name, map])),
    pairs,
    projection,
    rowsADraw: rowsADraw(HEAD_DIM),
    numBlocks,
    random: createRandom(SEED, projection),
    sequences: drawSequences(createRandom(SEED, "sequences"), SEQUENCE_LENGTH, HEAD_DIM),
    onBlocks,
  });
  return Object.entries(subjects).flatMap(([map, { kernel }]) =>
    (means[map] ?? []).flatMap((moments, index) => {
      const pair = pairs[index];
      return pair ? [{ map, projection, pair, ...compare(moments, kernel(pair)) }] : [];
    }),
  );
}

/**
 * Positive features of longer vectors: the mean of as many rows beside the standard error that they show, and the one
 * that they have, √((exp(‖x + y‖²) − 1)/rows). Not judged: most of the mean comes from terms so rare that these rows
 * hold none of them.
 */
async function measureBeyond(numBlocks: number, onBlocks: OnBlocks): Promise<readonly JsonRecord[]> {
  const random = createRandom(SEED, "beyond");
  const pairs = SUM_NORMS_BEYOND.map((norm) =>
    drawPair({ normX: norm / 2, normY: norm / 2, angleDegrees: 0 }, HEAD_DIM, random),
  );
  const { positive = [] } = await measureMeans({
    maps: { positive: featureMaps.positive },
    pairs,
    projection: "iid",
    rowsADraw: 1,
    numBlocks,
    random,
    onBlocks,
  });
  return SUM_NORMS_BEYOND.map((sumNorm, index) => {
    const kernel = Math.exp(sumNorm ** 2 / 4);
    const moments = positive[index];
    return {
      sumNorm,
      ratio: roundTo((moments?.mean() ?? 0) / kernel),
      shownStandardError: roundTo((moments?.standardError() ?? 0) / kernel, 2),
      trueStandardError: roundTo(Math.sqrt(Math.expm1(sumNorm ** 2) / (numBlocks * HEAD_DIM)), 2),
    };
  });
}

function summariseAll(cells: readonly Cell[]): JsonRecord {
  const nameOf = ({ map, projection }: Cell) => `${map}, ${projection}`;
  const names = [...new Set(cells.map(nameOf))];
  return Object.fromEntries(names.map((name) => [name, summarise(cells.filter((cell) => nameOf(cell) === name))]));
}

/** The skewness of exp(σ·normal): (e^(σ²) + 2)·√(e^(σ²) − 1). A mean of n has it divided by √n. */
function lognormalSkewness(sigma: number): number {
  return (Math.exp(sigma ** 2) + 2) * Math.sqrt(Math.expm1(sigma ** 2));
}
