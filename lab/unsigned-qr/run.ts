/**
 * Claim: without the signs of R's diagonal, orthogonal projections bias positive features; with them the bias is gone.
 */

import * as Plot from "@observablehq/plot";
import {
  defineClaim,
  roundTo,
  withinStandardErrors,
  type Figure,
  type JsonRecord,
  type Moments,
} from "performer-ts/lab";
import { createRandom, fillNormal, haarOrthogonal } from "performer-ts/random";

import { estimateOverTruth, type DirectionMoments } from "./estimates.ts";
import { unsignedOrthogonal } from "./householder.ts";

const SEED = 2009;
const HEAD_DIM = 16;
/** ‖x + y‖: the ratio of estimate and truth depends on nothing else of x and y but the direction of their sum. */
const SUM_NORM = 1.5;
const NUM_RANDOM_DIRECTIONS = 8;
/** Blocks of headDim rows, each of which estimates the kernel once in every direction. */
const NUM_BLOCKS = { full: 100_000, quick: 4_000 } as const;
/** A mean that is further from 1 than this is biased; of some 80 unbiased ones it lets one in two hundred runs fail. */
const STANDARD_ERRORS = 4;

/** Which of the directions below are drawn row by row: one where a single row is biased, and one where all are. */
const shownDirections = [
  { place: 0, direction: "x + y along the first axis" },
  { place: 2 * HEAD_DIM, direction: "x + y along (1, 1, …, 1)" },
] as const;

export const unsignedQr = defineClaim({
  claim: "unsigned-qr",
  title:
    "Q straight from a Householder QR is not Haar distributed and biases positive features; sign(diag R) mends it.",
  published: {
    unsigned: { blockMean: [0.79, 1.22], firstRow: [0.13, 1.88] },
    signed: { blockMean: 1, error: 0.005 },
    source:
      "Mezzadri, Notices of the AMS 54 (2007): QR gives a Haar matrix only with the signs of R's diagonal. The figures are mean " +
      "estimates over the truth, least and greatest over directions, as first measured for public code of arXiv:2009.14794.",
  },
  run: async ({ quick, onProgress }) => {
    const numBlocks = quick ? NUM_BLOCKS.quick : NUM_BLOCKS.full;
    const sums = directions();
    const common = { headDim: HEAD_DIM, sums, numBlocks };
    const unsigned = await estimateOverTruth(unsignedOrthogonal, {
      ...common,
      random: createRandom(SEED, "unsigned"),
      onBlocks: (done) => onProgress(done, 2 * numBlocks, "without signs"),
    });
    const signed = await estimateOverTruth(haarOrthogonal, {
      ...common,
      random: createRandom(SEED, "signed"),
      onBlocks: (done) => onProgress(numBlocks + done, 2 * numBlocks, "with signs"),
    });
    return {
      setting: {
        features: "positive",
        rowLengths: "chi",
        headDim: HEAD_DIM,
        sumNorm: SUM_NORM,
        directions: `both ways along ${HEAD_DIM} axes and the diagonal, ${NUM_RANDOM_DIRECTIONS} at random`,
        blocksADirection: numBlocks,
        rowsADirection: numBlocks * HEAD_DIM,
        standardErrors: STANDARD_ERRORS,
        seed: SEED,
      },
      measured: { unsigned: describe(unsigned), signed: describe(signed) },
      holds:
        !blocksOf(unsigned).every(isUnbiased) &&
        !firstRowsOf(unsigned).every(isUnbiased) &&
        [...blocksOf(signed), ...firstRowsOf(signed)].every(isUnbiased),
      figure: drawRows(unsigned, signed),
    };
  },
});

/** x + y: +e₀, −e₀, +e₁, …, then both ways along (1, …, 1), then uniformly random ones. */
function directions(): readonly Float64Array[] {
  const random = createRandom(SEED, "directions");
  const axes = Array.from({ length: HEAD_DIM }, (_, axis) =>
    Float64Array.from({ length: HEAD_DIM }, (_, i) => (i === axis ? 1 : 0)),
  );
  const diagonal = new Float64Array(HEAD_DIM).fill(1);
  const both = [...axes, diagonal].flatMap((vector) => [vector, vector.map((value) => -value)]);
  const others = Array.from({ length: NUM_RANDOM_DIRECTIONS }, () => fillNormal(random, new Float64Array(HEAD_DIM)));
  return [...both, ...others].map((vector) => {
    const scale = SUM_NORM / Math.hypot(...vector);
    return vector.map((value) => value * scale);
  });
}

function isUnbiased(moments: Moments): boolean {
  return withinStandardErrors(moments.mean(), 1, moments.standardError(), STANDARD_ERRORS);
}

function blocksOf(all: readonly DirectionMoments[]): readonly Moments[] {
  return all.map(({ block }) => block);
}

function firstRowsOf(all: readonly DirectionMoments[]): readonly Moments[] {
  return all.flatMap(({ rows }) => rows.slice(0, 1));
}

function describe(all: readonly DirectionMoments[]): JsonRecord {
  return { blockMean: extremes(blocksOf(all)), firstRow: extremes(firstRowsOf(all)) };
}

/** Mean estimate over truth, over the directions. */
function extremes(all: readonly Moments[]): JsonRecord {
  const means = all.map((moments) => moments.mean());
  const errors = all.map((moments) => moments.standardError());
  const deviations = all.map((moments) => Math.abs(moments.mean() - 1) / moments.standardError());
  return {
    min: roundTo(Math.min(...means)),
    max: roundTo(Math.max(...means)),
    standardErrorAtMost: roundTo(Math.max(...errors), 2),
    farthestFromOneInStandardErrors: roundTo(Math.max(...deviations), 3),
  };
}

interface Point {
  readonly direction: string;
  readonly row: number;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Every row along two directions; bars are four standard errors to either side. */
function drawRows(unsigned: readonly DirectionMoments[], signed: readonly DirectionMoments[]): Figure {
  const series = [
    { points: pointsOf(unsigned), color: "#c2570c", shift: -2.5, name: "Q as it comes" },
    { points: pointsOf(signed), color: "#2563c9", shift: 2.5, name: "Q · sign(diag R)" },
  ];
  return {
    label:
      "Mean estimate over truth by row of a block, for Q with and without the signs of R's diagonal, along two directions",
    height: 340,
    plot: () => ({
      marginLeft: 52,
      marginRight: 12,
      marginTop: 52,
      marginBottom: 44,
      fx: { label: null, padding: 0.08, domain: shownDirections.map(({ direction }) => direction) },
      x: { label: "row of the block", labelArrow: "none", domain: [0.4, HEAD_DIM + 0.6], ticks: [1, 4, 8, 12, 16] },
      y: { label: "mean estimate / truth", labelArrow: "none", domain: [0, 1.3], grid: true },
      marks: [
        Plot.ruleY([1], { stroke: "#1c1e21" }),
        ...series.flatMap(({ points, color, shift }) => [
          Plot.ruleX(points, {
            fx: "direction",
            x: "row",
            y1: "low",
            y2: "high",
            stroke: color,
            strokeWidth: 1.5,
            dx: shift,
          }),
          Plot.dot(points, { fx: "direction", x: "row", y: "mean", fill: color, r: 3, dx: shift }),
        ]),
        ...series.map(({ points, color, name }, index) =>
          Plot.text(points.slice(0, 1), {
            fx: "direction",
            frameAnchor: "bottom-right",
            text: () => `● ${name}`,
            fill: color,
            dx: -8,
            dy: -28 + 20 * index,
          }),
        ),
      ],
    }),
  };
}

function pointsOf(all: readonly DirectionMoments[]): readonly Point[] {
  return shownDirections.flatMap(({ direction, place }) =>
    (all[place]?.rows ?? []).map((moments, index) => {
      const half = STANDARD_ERRORS * moments.standardError();
      const mean = moments.mean();
      return { direction, row: index + 1, mean, low: mean - half, high: mean + half };
    }),
  );
}
