/** The present map and its candidates against each other: errors of the attention output, head by head. */
import { candidateSubjects } from "./candidates.ts";
import { featuresNeeded, isSettled, type ErrorAt } from "./features-needed.ts";
import type { DiagnosisSettings } from "./options.ts";
import { createErrorMeter, type ErrorMeter, type ErrorMeterOptions } from "./output-error.ts";
import { convergesToSoftmax, type Subject } from "./subject.ts";

/** With how many times the features the error is measured again, to see how fast it falls; the second where that is not settled. */
const MORE_FEATURES = [4, 16] as const;

/** Projections below which no mean is taken. */
const LEAST_REDRAWS = 2;

/** What was measured of a subject. */
export interface Contestant {
  readonly subject: Subject;
  /** By ascending number of features, the subject's own first; the errors have one number a head. */
  readonly measured: readonly { readonly numFeatures: number; readonly errors: readonly number[] }[];
}

export interface Contest {
  readonly present: Contestant;
  readonly others: readonly Contestant[];
}

export async function holdContest(
  subject: Subject,
  sequences: Pick<ErrorMeterOptions, "q" | "k" | "v">,
  settings: DiagnosisSettings,
): Promise<Contest> {
  const meter = await createErrorMeter({ ...sequences, ...settings });
  const enter = async (each: Subject): Promise<Contestant> => {
    const errors = await meter.measure(each, settings.redraws);
    return { subject: each, measured: [{ numFeatures: each.numFeatures, errors }] };
  };
  const present = await enter(subject);
  const others: Contestant[] = [];
  for (const each of candidateSubjects(settings, subject, sequences.q.width)) others.push(await enter(each));
  const heads = Array.from({ length: settings.numHeads }, (_, head) => head);
  const best = new Set(heads.map((head) => bestOf({ present, others }, head)));
  const followed: Contestant[] = [];
  for (const each of others) followed.push(best.has(each) ? await follow(each, meter, settings) : each);
  return { present: await follow(present, meter, settings), others: followed };
}

/** Measures with more features, until the law of the error is seen in every head. */
async function follow(contestant: Contestant, meter: ErrorMeter, settings: DiagnosisSettings): Promise<Contestant> {
  const { subject } = contestant;
  if (!convergesToSoftmax(subject)) return contestant;
  const { numHeads, maxFeatures, wantedError, redraws } = settings;
  const measured = [...contestant.measured];
  for (const factor of MORE_FEATURES) {
    const numFeatures = Math.min(factor * subject.numFeatures, maxFeatures);
    const settled = Array.from({ length: numHeads }, (_, head) => isSettled(errorsOf(measured, head), wantedError));
    if (numFeatures <= (measured.at(-1)?.numFeatures ?? 0) || settled.every(Boolean)) break;
    // A mean error spreads as 1/√numFeatures too: so many times fewer draws are as exact.
    const draws = Math.max(LEAST_REDRAWS, Math.ceil(redraws / factor));
    measured.push({ numFeatures, errors: await meter.measure({ ...subject, numFeatures }, draws) });
  }
  return { subject, measured };
}

/**
 * The least error of a head; the present one, or the earliest, of equals. A map with features of either sign can win by being the
 * present one only: its denominators may vanish on the next sequence.
 */
export function bestOf({ present, others }: Contest, head: number): Contestant {
  const safe = others.filter(({ subject }) => subject.map.positive);
  return safe.reduce((best, each) => (errorOf(each, head) < errorOf(best, head) ? each : best), present);
}

/** At the subject's own number of features; Infinity where outputs were not finite. */
export function errorOf({ measured }: Contestant, head: number): number {
  return measured[0]?.errors[head] ?? Number.POSITIVE_INFINITY;
}

/** Rows of the projection that bring a head's error to the wanted one; null when no count up to maxFeatures does. */
export function needOf(contestant: Contestant, head: number, settings: DiagnosisSettings): number | null {
  const { subject, measured } = contestant;
  if (convergesToSoftmax(subject)) return featuresNeeded(errorsOf(measured, head), settings);
  return errorOf(contestant, head) <= settings.wantedError ? subject.numFeatures : null;
}

function errorsOf(measured: Contestant["measured"], head: number): readonly ErrorAt[] {
  return measured.map(({ numFeatures, errors }) => ({ numFeatures, error: errors[head] ?? Number.POSITIVE_INFINITY }));
}
