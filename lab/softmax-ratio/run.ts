/**
 * Claim: the ratio of the errors of trigonometric and of positive features is Lemma 2's, and has no bound where the
 * kernel is small.
 */

import { defineClaim, roundTo, type JsonRecord } from "performer-ts/lab";

import { drawUtility } from "./figure.ts";
import { positiveError, trigonometricError, utility, type Place } from "./formulas.ts";
import type { Comparison } from "./result.ts";
import { BATCH_DRAWS, simulate, type Errors } from "./simulate.ts";

const SEED = 2009;
/** Lengths up to 2 and all angles, as published; r is the same at −φ and −l. */
const FULL = { lengths: [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2], numBatches: 64 } as const;
const QUICK = { lengths: [0.5, 1, 1.5], numBatches: 8 } as const;
/** In degrees. At 180 positive features have no error at all and r is infinite. */
const ANGLES = [15, 30, 45, 60, 75, 90, 105, 120, 135, 150, 165, 170, 175, 178, 179, 179.5] as const;
/** The length of the published slice. */
const SLICE_LENGTH = 1;
/**
 * From the estimates' own batches; one in two million normal means lies further out, batch means are slightly skewed.
 */
const STANDARD_ERRORS = 5;
/** Where the formula is nearer to 1 than this, the simulation need not tell which side it is on. */
const MARGIN = 1.1;
/** Where r is asked to grow: it goes with the inverse square of what is missing to 180°. */
const APPROACH_DEGREES = [170, 175, 178, 179, 179.5] as const;

export const softmaxRatio = defineClaim({
  claim: "softmax-ratio",
  title:
    "The error of trigonometric features over that of positive ones is Lemma 2's, and grows without bound as the kernel vanishes.",
  published: {
    utility: "r = MSE(trigonometric) / MSE(positive) = ½ SM⁻⁴ (1 − exp(−‖x−y‖²))² / (1 − exp(−‖x+y‖²))",
    finding: "for large enough angles (small kernel values) positive features are arbitrarily more accurate",
    source: "arXiv:2009.14794, figure 2 (angles in [−π, π], lengths in [−2, 2], slice at length 1) and Lemma 2",
  },
  run: async ({ quick, onProgress }) => {
    const { lengths, numBatches } = quick ? QUICK : FULL;
    const grid = lengths.flatMap((length) => ANGLES.map((degrees) => ({ degrees, length })));
    const places = grid.map(({ degrees, length }): Place => ({ length, angle: (degrees * Math.PI) / 180 }));
    const errors = await simulate(places, numBatches, SEED, (done) => onProgress(done, numBatches, "squared errors"));
    const comparisons = errors.map((each, index) => compare(each, grid[index]?.degrees ?? Number.NaN));
    const deviations = comparisons.map(deviation);
    const decided = comparisons.filter(({ formula }) => formula > MARGIN || formula < 1 / MARGIN);
    const sidesAgree = decided.every(({ formula, measured }) => formula > 1 === measured > 1);
    const agrees = deviations.every((value) => value <= STANDARD_ERRORS);
    const unbounded = lengths.every((length) => growsTowardsPi(comparisons, length));
    return {
      setting: {
        lengths: [...lengths],
        anglesDegrees: [...ANGLES],
        drawsAPlace: numBatches * BATCH_DRAWS,
        projection: "iid, one feature",
        standardErrors: STANDARD_ERRORS,
        margin: MARGIN,
        seed: SEED,
      },
      measured: {
        places: comparisons.length,
        farthestInStandardErrors: roundTo(Math.max(...deviations), 3),
        greatestRelativeStandardError: roundTo(
          Math.max(...comparisons.map(({ standardError, measured }) => standardError / measured)),
          2,
        ),
        placesWherePositiveIsBetter: comparisons.filter(({ measured }) => measured > 1).length,
        sidesAgree,
        growsTowardsPi: unbounded,
        slice: sliceOf(comparisons),
        greatest: describe(comparisons.reduce((most, each) => (each.measured > most.measured ? each : most))),
        least: describe(comparisons.reduce((least, each) => (each.measured < least.measured ? each : least))),
      },
      holds: agrees && sidesAgree && unbounded,
      figure: drawUtility(comparisons, SLICE_LENGTH),
    };
  },
});

function compare({ place, positive, trigonometric }: Errors, degrees: number): Comparison {
  const measured = trigonometric.mean() / positive.mean();
  const relative = Math.hypot(
    trigonometric.standardError() / trigonometric.mean(),
    positive.standardError() / positive.mean(),
  );
  return {
    place,
    degrees,
    formula: utility(place),
    measured,
    standardError: measured * relative,
    positive: positive.mean(),
    trigonometric: trigonometric.mean(),
  };
}

/** |measured − formula| in standard errors. */
function deviation({ formula, measured, standardError }: Comparison): number {
  return Math.abs(measured - formula) / standardError;
}

/**
 * What is missing to 180° is at least halved from angle to angle; so r must become some four times as large, three are
 * asked for.
 */
function growsTowardsPi(comparisons: readonly Comparison[], length: number): boolean {
  const approach = APPROACH_DEGREES.map((degrees) =>
    comparisons.find((each) => each.place.length === length && each.degrees === degrees),
  );
  return approach.slice(1).every((each, index) => (each?.measured ?? 0) > 3 * (approach[index]?.measured ?? Infinity));
}

/** Everything along the published slice. */
function sliceOf(comparisons: readonly Comparison[]): JsonRecord {
  const slice = comparisons.filter(({ place }) => place.length === SLICE_LENGTH);
  return {
    length: SLICE_LENGTH,
    angleDegrees: slice.map(({ degrees }) => degrees),
    formula: slice.map(({ formula }) => roundTo(formula)),
    measured: slice.map(({ measured }) => roundTo(measured)),
    standardError: slice.map(({ standardError }) => roundTo(standardError, 2)),
    positiveError: slice.map(({ positive }) => roundTo(positive)),
    positiveFormula: slice.map(({ place }) => roundTo(positiveError(place))),
    trigonometricError: slice.map(({ trigonometric }) => roundTo(trigonometric)),
    trigonometricFormula: slice.map(({ place }) => roundTo(trigonometricError(place))),
  };
}

function describe({ place, degrees, formula, measured }: Comparison): JsonRecord {
  return { length: place.length, angleDegrees: degrees, formula: roundTo(formula), measured: roundTo(measured) };
}
