/** The present map and its candidates against each other: errors of the attention output, head by head. */
import { candidateSubjects } from "./candidates.ts";
import { createErrorMeter, isGood, type ErrorMeter, type MeasuredError } from "./error-meter.ts";
import { featuresNeeded, isFarFrom, nextCount, type ErrorAt, type FeaturesNeeded } from "./features-needed.ts";
import type { DiagnosisSettings } from "./options.ts";
import type { Sequences } from "./sequences.ts";
import { convergesToSoftmax, type MeasuredMechanism } from "./measured-mechanism.ts";

/** A subject with its error in one head, at its own number of features. */
export interface Entrant extends MeasuredError {
  readonly subject: MeasuredMechanism;
}

/** An entrant with its errors at other numbers of features, by ascending number, and what follows from them. */
export interface Followed extends Entrant, FeaturesNeeded {
  readonly curve: readonly ErrorAt[];
}

export interface HeadContest {
  readonly present: Followed;
  readonly others: readonly Entrant[];
  /** The present one, or the other that beats it. */
  readonly best: Followed;
}

/**
 * Where a mean is not good to 5 % after `redraws` draws, up to so many times as many are taken: fewer where they cost
 * more.
 */
const MOST_ROUNDS = { entering: 4, following: 2 } as const;

/** Means over fewer draws than this have no standard error to speak of. */
const LEAST_REDRAWS = 4;

/** Standard errors of a difference that make it more than noise: 1 in 40 differences of equals comes out larger. */
const TELLING_DIFFERENCE = 2;

/**
 * The largest features of one head, numbers in one array: 16,384 features at 512 positions. A draw of that size takes
 * about a tenth of a second on two cores.
 */
const LARGEST_FEATURES = 2 ** 23;

/** The budget for one head of one mechanism, in features summed over all draws: 6 draws of the largest number. */
const LARGEST_EFFORT = 6 * LARGEST_FEATURES;

/** Past so many counts, what they say is as good as the next would. */
const MOST_COUNTS = 8;

export async function holdContest(
  subject: MeasuredMechanism,
  sequences: Sequences,
  settings: DiagnosisSettings,
): Promise<readonly HeadContest[]> {
  const { redraws } = settings;
  const meter = await createErrorMeter({ ...sequences, ...settings });
  const enter = async (each: MeasuredMechanism) => {
    const draws = drawsFor(each, sequences, MOST_ROUNDS.entering * redraws, LARGEST_EFFORT);
    const errors = await meter.measure(each, { least: redraws, most: Math.max(redraws, draws) });
    return errors.map((error) => ({ subject: each, ...error }));
  };
  const presents: readonly Entrant[] = await enter(subject);
  const entered: (readonly Entrant[])[] = [];
  for (const each of candidateSubjects(settings, subject, sequences.q.width)) entered.push(await enter(each));
  const contests: HeadContest[] = [];
  for (const [head, entrant] of presents.entries()) {
    const others = entered.flatMap((each) => each[head] ?? []);
    const winner = bestOf(entrant, others);
    const present = await follow(entrant, head, meter, sequences, settings);
    const best = winner === entrant ? present : await follow(winner, head, meter, sequences, settings);
    contests.push({ present, others, best });
  }
  return contests;
}

/**
 * The least error among those that are less than the present one's by more than twice the standard error of the
 * difference, and the present one where there are none. A map with features of either sign can win by being the present
 * one only: its denominators may vanish on the next sequence.
 */
export function bestOf(present: Entrant, others: readonly Entrant[]): Entrant {
  const better = others.filter(({ subject, error, standardError }) => {
    if (!subject.map.positive || !Number.isFinite(error)) return false;
    if (!Number.isFinite(present.error)) return true;
    return present.error - error > TELLING_DIFFERENCE * Math.hypot(standardError, present.standardError);
  });
  return better.reduce((best, each) => (each.error < best.error ? each : best), better[0] ?? present);
}

/** Measures one head with more features, or fewer, until the wanted error is met or what may be measured is spent. */
async function follow(
  entrant: Entrant,
  head: number,
  meter: ErrorMeter,
  sequences: Sequences,
  settings: DiagnosisSettings,
): Promise<Followed> {
  const { subject, error, standardError } = entrant;
  const { wantedError, maxFeatures, redraws } = settings;
  let curve: readonly ErrorAt[] = [{ numFeatures: subject.numFeatures, error, standardError }];
  if (!convergesToSoftmax(subject)) {
    const isEnough = error <= wantedError;
    return { ...entrant, curve, featuresNeeded: isEnough ? subject.numFeatures : null, confirmed: isEnough };
  }
  const largest = Math.min(
    maxFeatures,
    Math.floor(LARGEST_FEATURES / costOf({ ...subject, numFeatures: 1 }, sequences)),
  );
  let effort = LARGEST_EFFORT;
  while (curve.length < MOST_COUNTS) {
    const numFeatures = nextCount(curve, { wantedError, largest });
    if (numFeatures === undefined) break;
    const sized = { ...subject, numFeatures };
    const most = drawsFor(sized, sequences, MOST_ROUNDS.following * redraws, effort);
    if (most < Math.min(LEAST_REDRAWS, redraws)) break;
    const least = Math.min(redraws, most);
    // On the way there, an error need not be known to 5 %.
    const isSettled = (at: MeasuredError) => isGood(at) || isFarFrom(wantedError, at);
    const [measured] = await meter.measure(sized, { least, most, isSettled }, head);
    if (measured === undefined) break;
    effort -= measured.draws * costOf(sized, sequences);
    const point = { numFeatures, error: measured.error, standardError: measured.standardError };
    curve = [...curve, point].toSorted((a, b) => a.numFeatures - b.numFeatures);
  }
  return { ...entrant, curve, ...featuresNeeded(curve, settings) };
}

/** The number of draws that are wished for, or that the effort allows. */
function drawsFor(subject: MeasuredMechanism, sequences: Sequences, wished: number, effort: number): number {
  return Math.min(wished, Math.floor(effort / costOf(subject, sequences)));
}

/** Numbers in the features of one head's queries or keys. */
function costOf({ map, numFeatures }: MeasuredMechanism, { q, k }: Sequences): number {
  return q.batch * Math.max(q.length, k.length) * numFeatures * map.featuresPerRow;
}
