/**
 * Claim: FAVOR++ errs less than FAVOR+ at moderate norms, and the rescale of FAVOR# helps where keys are longer than
 * queries.
 */

import { defineClaim, mean, roundTo, standardError, type JsonRecord } from "performer-ts/lab";

import { exactHeads, type HeadScales } from "../attention-outputs.ts";
import { drawReductions } from "./figure.ts";
import { compare, describeReduction, measureMap, type MapErrors, type MapName, type Size } from "./measure.ts";

/** Sizes usual in practice: about headDim · ln headDim features. */
const SIZES = [
  { headDim: 16, numFeatures: 64 },
  { headDim: 64, numFeatures: 256 },
] as const;
const FULL = { seqLen: 1024, numSeeds: 15, numDraws: 8 } as const;
const QUICK = { seqLen: 96, numSeeds: 8, numDraws: 3 } as const;

/** Standard deviation of each coordinate of q and k at which the claim is decided: variance ¼. */
const STD = 0.5;
/** Where both maps are also compared: from nearly uniform attention to queries and keys of full length. */
const SWEEP = { full: [0.125, 0.25, 0.375, STD, 0.625, 0.75, 1], quick: [STD] } as const;
/**
 * One side four times as long in every coordinate as the other; the product is that of `STD`, so exact attention is
 * alike.
 */
const UNEQUAL = {
  longKeys: { queryStd: 0.25, keyStd: 1 },
  longQueries: { queryStd: 1, keyStd: 0.25 },
} as const satisfies Record<string, HeadScales>;

interface Part {
  readonly scales: HeadScales;
  readonly maps: readonly MapName[];
}

export const optimalFeatures = defineClaim({
  claim: "optimal-features",
  title:
    "At q, k ~ N(0, ¼) FAVOR++ errs less than FAVOR+; where keys are longer than queries, the rescale of FAVOR# errs less still.",
  published:
    "Optimal positive features have the least variance of their family for the data (Likhosherstov et al., Chefs' Random Tables, 2022, " +
    "theorem 3.2); rescaling queries and keys to equal length in every dimension lowers it further (FAVOR#, 2023).",
  run: async ({ quick, onProgress }) => {
    const { seqLen, numSeeds, numDraws } = quick ? QUICK : FULL;
    const sweep = quick ? SWEEP.quick : SWEEP.full;
    const seeds = Array.from({ length: numSeeds }, (_, seed) => seed);
    const plan: readonly Part[] = [
      ...sweep.map((std): Part => ({ scales: { queryStd: std, keyStd: std }, maps: ["positive", "optimal"] })),
      ...Object.values(UNEQUAL).map((scales): Part => ({
        scales,
        maps: ["positive", "rescaled", "optimal", "saderf"],
      })),
    ];
    const each = plan.reduce((total, part) => total + part.maps.length, 0) * numSeeds * numDraws;
    let done = 0;
    const all: MapErrors[] = [];
    for (const sizes of SIZES) {
      const size: Size = { ...sizes, seqLen };
      const onOutputs = (count: number) => {
        done += count;
        onProgress(done, SIZES.length * each, `heads of ${size.headDim}, ${size.numFeatures} features`);
      };
      for (const { scales, maps } of plan) {
        const heads = await exactHeads(seeds, size, scales);
        for (const map of maps) all.push(await measureMap({ map, scales, size, heads, numDraws, onOutputs }));
      }
    }
    const decided = SIZES.map(({ headDim }) => decide(all.filter(({ size }) => size.headDim === headDim)));
    return {
      setting: {
        sizes: SIZES.map((size) => ({ ...size })),
        seqLen,
        projection: "orthogonal",
        std: STD,
        unequal: Object.fromEntries(Object.entries(UNEQUAL).map(([name, scales]) => [name, { ...scales }])),
        seeds: numSeeds,
        projectionsASeed: numDraws,
        confidence: 0.95,
      },
      measured: {
        ...Object.fromEntries(decided.map(({ measured }, index) => [`headDim${SIZES[index]?.headDim}`, measured])),
        sweep: describeSweep(all.filter(isEqual)),
      },
      holds: decided.every(({ holds }) => holds),
      figure: drawReductions(all.filter(isEqual)),
    };
  },
});

function isEqual({ scales }: MapErrors): boolean {
  return scales.queryStd === scales.keyStd;
}

/**
 * The claim for one size: FAVOR++ below FAVOR+, and with long keys both below themselves without the rescale, with
 * confidence.
 */
function decide(all: readonly MapErrors[]): { readonly measured: JsonRecord; readonly holds: boolean } {
  const at = ({ queryStd, keyStd }: HeadScales) =>
    all.filter(({ scales }) => scales.queryStd === queryStd && scales.keyStd === keyStd);
  const equal = at({ queryStd: STD, keyStd: STD });
  const unequal = Object.entries(UNEQUAL).map(([name, scales]) => {
    const own = at(scales);
    const reductions = {
      rescaledBelowPositive: compare(own, "rescaled", "positive"),
      saderfBelowOptimal: compare(own, "saderf", "optimal"),
    };
    return { name, own, reductions };
  });
  const optimalBelowPositive = compare(equal, "optimal", "positive");
  const withLongKeys = unequal
    .filter(({ name }) => name === "longKeys")
    .flatMap((each) => Object.values(each.reductions));
  return {
    measured: {
      equal: { ...describeErrors(equal), optimalBelowPositive: describeReduction(optimalBelowPositive) },
      ...Object.fromEntries(
        unequal.map(({ name, own, reductions }): [string, JsonRecord] => [
          name,
          {
            ...describeErrors(own),
            rescaledBelowPositive: describeReduction(reductions.rescaledBelowPositive),
            saderfBelowOptimal: describeReduction(reductions.saderfBelowOptimal),
          },
        ]),
      ),
    },
    holds: [optimalBelowPositive, ...withLongKeys].every(({ interval }) => interval.low > 0),
  };
}

/** Mean relative error by map. */
function describeErrors(all: readonly MapErrors[]): JsonRecord {
  return Object.fromEntries(
    all.map(({ map, bySeed }) => [
      map,
      { mean: roundTo(mean(bySeed), 3), standardError: roundTo(standardError(bySeed), 2) },
    ]),
  );
}

/** Mean relative errors by scale of queries and keys. */
function describeSweep(all: readonly MapErrors[]): JsonRecord {
  return Object.fromEntries(
    SIZES.map(({ headDim }): [string, JsonRecord] => {
      const of = (name: MapName) => all.filter(({ map, size }) => map === name && size.headDim === headDim);
      const means = (name: MapName) => of(name).map(({ bySeed }) => roundTo(mean(bySeed), 3));
      const stds = of("positive").map(({ scales }) => scales.queryStd);
      return [`headDim${headDim}`, { std: stds, positive: means("positive"), optimal: means("optimal") }];
    }),
  );
}
