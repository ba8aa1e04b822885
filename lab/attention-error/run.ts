/**
 * Claim: positive features err by orders of magnitude less than trigonometric ones, and orthogonal rows err less than
 * independent ones. Each half holds at one scale of queries and keys; both together at none that is measured.
 */

import { defineClaim, mean, roundTo, type JsonRecord } from "performer-ts/lab";

import { exactHeads, type ExactHead, type HeadSizes } from "../attention-outputs.ts";
import { drawErrors, type Panel } from "./figure.ts";
import { exactInFloat64 } from "./float64.ts";
import {
  countOutputs,
  describeCells,
  describeGains,
  measureErrors,
  orthogonalGains,
  trigonometricOverPositive,
  type Cell,
} from "./measure.ts";
import { scales } from "./subjects.ts";

const HEAD_DIM = 16;
const FULL = {
  seqLen: 4096,
  numSeeds: 15,
  numFeatures: [8, 16, 32, 64, 128, 256],
  // At unit scale errors of single projections differ by factors, and orthogonal rows gain some per cent.
  draws: { unit: { paired: 16, other: 4 }, half: { paired: 16, other: 4 } },
} as const;
const QUICK = {
  seqLen: 512,
  numSeeds: 8,
  numFeatures: [16, 32],
  draws: { unit: { paired: 2, other: 1 }, half: { paired: 20, other: 1 } },
} as const;
/** Queries whose exact output is computed in float64 too. */
const CHECKED_QUERIES = 32;

export const attentionError = defineClaim({
  claim: "attention-error",
  title:
    "Attention errs less with orthogonal positive features than with independent ones, and with these less than with trigonometric ones.",
  published: {
    ordering: "orthogonal positive < iid positive < trigonometric, the last by orders of magnitude",
    setting: "L = 4096, d = 16, appropriately normalized random matrix input data, 15 samples",
    source: "arXiv:2009.14794, figure 4: mean squared error of the output of attention against the number of features",
  },
  run: async ({ quick, onProgress }) => {
    const { seqLen, numSeeds, numFeatures, draws } = quick ? QUICK : FULL;
    const sizes: HeadSizes = { seqLen, headDim: HEAD_DIM };
    const seeds = Array.from({ length: numSeeds }, (_, seed) => seed);
    const panels: Panel[] = [];
    const measured: Record<string, JsonRecord> = {};
    const total = scales.reduce(
      (sum, { name }) => sum + countOutputs({ numSeeds, numFeatures, draws: draws[name] }),
      0,
    );
    let done = 0;
    for (const scale of scales) {
      const heads = await exactHeads(seeds, sizes, { queryStd: scale.std, keyStd: scale.std });
      const onOutputs = (count: number) => {
        done += count;
        onProgress(done, total, `errors at scale ${scale.std}`);
      };
      const cells = await measureErrors({ sizes, heads, numFeatures, draws: draws[scale.name], onOutputs });
      const zeros = mean(heads.map(({ exact }) => meanSquare(exact)));
      panels.push({ scale, cells, zeros });
      measured[scale.name] = {
        meanSquareOfExact: roundTo(zeros),
        exactAgainstFloat64: roundTo(float32Error(heads, sizes), 2),
        leastTrigonometricOverPositive: trigonometricOverPositive(cells).map(({ ratio }) => roundTo(ratio, 3)),
        positiveBelowTrigonometric: positiveIsBetter(cells),
        orthogonalBelowIndependent: orthogonalIsBetter(cells),
        orthogonalGain: describeGains(orthogonalGains(cells)),
        subjects: describeCells(cells),
      };
    }
    return {
      setting: {
        seqLen,
        headDim: HEAD_DIM,
        numFeatures: [...numFeatures],
        causal: false,
        standardDeviations: Object.fromEntries(scales.map(({ name, std }) => [name, std])),
        seeds: numSeeds,
        projectionsASeed: Object.fromEntries(
          scales.map(({ name }) => [name, { positive: draws[name].paired, others: draws[name].other }]),
        ),
        confidence: 0.95,
      },
      measured,
      // One scale at which the whole ordering holds would do.
      holds: panels.some(({ cells }) => positiveIsBetter(cells) && orthogonalIsBetter(cells)),
      figure: drawErrors(panels),
    };
  },
});

/** Every trigonometric mean above every positive one, whichever way features are counted. */
function positiveIsBetter(cells: readonly Cell[]): boolean {
  return trigonometricOverPositive(cells).every(({ ratio }) => ratio > 1);
}

/** Orthogonal rows better with confidence at every number of features. */
function orthogonalIsBetter(cells: readonly Cell[]): boolean {
  return orthogonalGains(cells).every(({ interval }) => interval.low > 0);
}

function meanSquare(values: Float32Array): number {
  return mean(Array.from(values, (value) => value ** 2));
}

/** Relative error of the engine's exact attention in the first head, over its leading queries. */
function float32Error(heads: readonly ExactHead[], sizes: HeadSizes): number {
  const [first] = heads;
  if (first === undefined) return 0;
  const truth = exactInFloat64(first.head, sizes, CHECKED_QUERIES);
  const errors = truth.map((value, index) => (value - (first.exact[index] ?? Number.NaN)) ** 2);
  const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
  return Math.sqrt(sum(errors) / sum(truth.map((value) => value ** 2)));
}
