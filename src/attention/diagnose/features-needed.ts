/**
 * From measured errors to the number of features that a wanted error asks for, and where to measure next to be sure of
 * it.
 */

/**
 * A measured error of the attention output at a number of features: its mean over draws, and the standard error of
 * that.
 */
export interface ErrorAt {
  readonly numFeatures: number;
  readonly error: number;
  readonly standardError: number;
}

export interface FeaturesNeeded {
  readonly featuresNeeded: number | null;
  /**
   * Whether the error was measured at that count; false for null, and for what is extrapolated or lies between measured
   * counts.
   */
  readonly confirmed: boolean;
}

/**
 * A measured error within this factor of the wanted one confirms its count: the means themselves are good to 5 % at
 * best.
 */
const CONFIRMING_FACTOR = 1.15;

/** The error of independent estimates falls as numFeatures^(−½), and never faster. */
const LAWFUL_SLOPE = 0.5;

/** Slower declines than this are not told from none: an answer from them would be a millionfold. */
const LEAST_SLOPE = 0.05;

/** The longest step between two measured counts: a factor of 8 is one of 2.8 in the error by the law. */
const LONGEST_STEP = 8;

/** A decline is seen between counts that differ by so much. */
const TELLING_STEP = 4;

/**
 * The feature count at which the error comes down to the wanted one, and whether measuring there has shown it.
 *
 * Where no measured count is enough, the decline is extrapolated: error ∝ numFeatures^(−slope), with the slope the
 * smaller of the last decline and the mean one, each less its standard error, and ½ at most. Rare features of great
 * weight keep real declines below ½ for long, and then the slope grows with the count: the answer errs towards too many
 * features.
 *
 * @param measured by ascending number of features
 * @returns null above maxFeatures, and where no decline is seen
 */
export function featuresNeeded(
  measured: readonly ErrorAt[],
  { wantedError, maxFeatures }: { readonly wantedError: number; readonly maxFeatures: number },
): FeaturesNeeded {
  const confirmed = confirmedBy(measured, wantedError);
  const { short, enough } = bracket(measured, wantedError);
  const answer = confirmed?.numFeatures ?? estimate(short, enough, wantedError, carefulSlope(measured));
  if (answer === undefined || !(answer <= maxFeatures)) return { featuresNeeded: null, confirmed: false };
  return { featuresNeeded: answer, confirmed: confirmed !== undefined };
}

/**
 * Where to measure next; undefined when the answer is confirmed, or beyond what `largest` features can show.
 *
 * @param largest the most features that may be measured
 */
export function nextCount(
  measured: readonly ErrorAt[],
  { wantedError, largest }: { readonly wantedError: number; readonly largest: number },
): number | undefined {
  const { short, enough } = bracket(measured, wantedError);
  if (confirmedBy(measured, wantedError) !== undefined) return undefined;
  const guess = estimate(short, enough, wantedError, likelySlope(measured)) ?? Number.POSITIVE_INFINITY;
  if (enough !== undefined) {
    const [from, to] = [short?.numFeatures ?? 0, enough.numFeatures];
    const least = Math.max(from + 1, short === undefined ? Math.floor(to / LONGEST_STEP) : 0);
    return Math.min(Math.max(guess, least), to - 1);
  }
  if (short === undefined || !Number.isFinite(short.error)) return undefined;
  const { numFeatures, error } = short;
  const atLargest = error * (numFeatures / largest) ** LAWFUL_SLOPE;
  if (largest > numFeatures && atLargest <= wantedError * CONFIRMING_FACTOR) {
    return Math.min(guess, numFeatures * LONGEST_STEP, largest);
  }
  if (measured.length > 1) return undefined;
  // Out of reach: one more measurement, on the affordable side, tells how fast the error falls.
  const more = numFeatures * TELLING_STEP;
  const other = more <= largest ? more : Math.floor(numFeatures / TELLING_STEP);
  return other >= 1 ? other : undefined;
}

/** Whether an error is too far from the wanted one to confirm anything, by more than twice its standard error. */
export function isFarFrom(wantedError: number, { error, standardError }: Omit<ErrorAt, "numFeatures">): boolean {
  return !(Math.abs(Math.log(error / wantedError)) - 2 * (standardError / error) <= Math.log(CONFIRMING_FACTOR));
}

/**
 * The measured count that shows the answer: an error close to the wanted one, or enough where one feature less is not,
 * or none.
 */
function confirmedBy(measured: readonly ErrorAt[], wantedError: number): ErrorAt | undefined {
  const distance = ({ error }: ErrorAt) => Math.abs(Math.log(error / wantedError));
  const nearest = measured.toSorted((a, b) => distance(a) - distance(b))[0];
  if (nearest !== undefined && distance(nearest) <= Math.log(CONFIRMING_FACTOR)) return nearest;
  const { short, enough } = bracket(measured, wantedError);
  return enough !== undefined && enough.numFeatures - (short?.numFeatures ?? 0) <= 1 ? enough : undefined;
}

/** The least count that is enough, and the largest below it that is not; either may be missing. */
function bracket(measured: readonly ErrorAt[], wantedError: number) {
  const enough = measured.find(({ error }) => error <= wantedError);
  const short = measured.findLast(
    ({ error, numFeatures }) => !(error <= wantedError) && (enough === undefined || numFeatures < enough.numFeatures),
  );
  return { short, enough };
}

/** On the line through both in logarithms, or along the slope from one of them; undefined without a slope. */
function estimate(
  short: ErrorAt | undefined,
  enough: ErrorAt | undefined,
  wantedError: number,
  slope: number,
): number | undefined {
  const from = enough ?? short;
  const between = short !== undefined && enough !== undefined && Number.isFinite(short.error) && enough.error > 0;
  const along = between ? declineBetween(short, enough).slope : slope;
  if (from === undefined || !Number.isFinite(from.error) || along < LEAST_SLOPE) return undefined;
  return Math.max(1, Math.ceil(from.numFeatures * (from.error / wantedError) ** (1 / along)));
}

/**
 * For an answer: the smaller of the last decline and the mean one, less their noise; 0 where one count alone was
 * measured.
 */
function carefulSlope(measured: readonly ErrorAt[]): number {
  const [last, previous, first] = [measured.at(-1), measured.at(-2), measured[0]];
  if (last === undefined || previous === undefined || first === undefined) return 0;
  const slopes = [previous, first].map((each) => declineBetween(each, last)).map(({ slope, noise }) => slope - noise);
  return Math.min(LAWFUL_SLOPE, ...slopes);
}

/** For the next measurement: the last decline as it is, and the law where none is seen. */
function likelySlope(measured: readonly ErrorAt[]): number {
  const [previous, last] = measured.slice(-2);
  if (previous === undefined || last === undefined) return LAWFUL_SLOPE;
  return Math.min(LAWFUL_SLOPE, declineBetween(previous, last).slope);
}

/** slope = −Δ log error / Δ log numFeatures, and its standard error. */
function declineBetween(few: ErrorAt, many: ErrorAt) {
  const span = Math.log(many.numFeatures / few.numFeatures);
  return {
    slope: Math.log(few.error / many.error) / span,
    noise: Math.hypot(few.standardError / few.error, many.standardError / many.error) / span,
  };
}
