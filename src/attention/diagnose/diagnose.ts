/** Tells beforehand how far FAVOR+ will be from exact attention on given queries and keys, and what would do better. */
import type { AttentionArray } from "../arrays.ts";
import { GraphError, problem } from "../../graph/errors.ts";
import { createRandom, fillNormal } from "../../random/index.ts";
import { defaultNumFeatures } from "../favor/projections.ts";
import type { MechanismName } from "../mechanisms.ts";
import { mapOf, warningFor } from "./candidates.ts";
import { holdContest, type Entrant, type Followed, type HeadContest } from "./contest.ts";
import { measurePairs } from "./measured-variance.ts";
import { diagnosisSettings, type DiagnoseOptions, type DiagnosisSettings } from "./options.ts";
import {
  finiteOrNull,
  medianSquaredNorm,
  pickPairs,
  predictPairs,
  summarise,
  type PairTable,
  type Pairs,
  type VarianceSummary,
} from "./pairs.ts";
import { pickPositions, readSequences, samplePositions, type HeadSequences, type Sequences } from "./sequences.ts";
import { measuredMechanismOf, type MeasuredMechanism } from "./measured-mechanism.ts";

/** A map and a projection with the error that they were measured to have. */
export interface MeasuredCandidate {
  readonly mechanism: MechanismName;
  readonly projection: string;
  /**
   * Rows of the projection; maps that make two features of a row have half as many, so that all have equal features.
   */
  readonly numFeatures: number;
  /** ‖out − exact‖ / ‖exact‖, mean over draws; null where outputs were not finite. */
  readonly outputError: number | null;
  /**
   * The mean's standard error: other draws give a mean within twice this in about 19 of 20 cases. Null where outputs
   * were not finite.
   */
  readonly standardError: number | null;
}

/** An error at another number of features than the one asked about. */
export type MeasuredError = Pick<MeasuredCandidate, "numFeatures" | "outputError" | "standardError">;

/** What is needed to reach the wanted error. */
export interface FeatureNeed {
  /**
   * Rows of the projection that bring outputError to wantedError. Null when more than maxFeatures would be needed as
   * far as can be seen (`errorCurve` holds what was seen), and for maps that do not estimate softmax and are not near
   * enough as they are.
   */
  readonly featuresNeeded: number | null;
  /**
   * Whether the error was measured at featuresNeeded and found within 15 % of wantedError. It is the error that is
   * confirmed: where it falls slowly, counts that differ severalfold have nearly the same, and seeds may name any of
   * them. False where measuring was too costly (the number then lies between measured counts, or is extrapolated and
   * errs towards too many features), and for null.
   */
  readonly confirmed: boolean;
  /**
   * Everything measured of this map in this head, by ascending number of features: how the error falls, or does not.
   */
  readonly errorCurve: readonly MeasuredError[];
}

/**
 * One head. `featuresNeeded` is null without a `warning` when no affordable number of features of the present map will
 * do but `best`, another map, comes to wantedError with `best.featuresNeeded`.
 */
export interface HeadDiagnosis extends FeatureNeed {
  readonly head: number;
  /** Median ‖x‖² over queries and keys, x = q·D^(-1/4). Variances grow with its exponential. */
  readonly medianSquaredNorm: number;
  /**
   * The relative variance of a kernel entry at numFeatures independent rows, by formula; null for maps that have none.
   */
  readonly predictedRelativeVariance: VarianceSummary | null;
  /**
   * The same, measured over draws of the projection. Below the prediction: orthogonal rows, or too few draws to see
   * rare ones.
   */
  readonly measuredRelativeVariance: VarianceSummary;
  /**
   * ‖out − exact‖ / ‖exact‖ of the attention output, mean over draws; null where outputs were not finite. Draws are
   * added, up to four times `redraws`, until standardError is 5 % of it or less.
   */
  readonly outputError: number | null;
  /** The standard error of outputError: other draws give a mean within twice this in about 19 of 20 cases. */
  readonly standardError: number | null;
  readonly numFeatures: number;
  /**
   * The map with the least outputError at equal features: the present one, unless another is better by more than twice
   * the standard error of the difference. A map with features of either sign, such as favor-trigonometric, is named
   * only when it is the present one, however small its error among `candidates`: its estimates of a denominator can
   * come out near 0 or negative, and then an output has no bounds, which the sequences at hand need not show.
   */
  readonly best: MeasuredCandidate & FeatureNeed;
  readonly candidates: readonly MeasuredCandidate[];
  /**
   * Why nothing measured will do, and the ways out: only when featuresNeeded is null for the present map and for the
   * best.
   */
  readonly warning?: string;
}

/** Plain data, as JSON holds it. */
export interface Diagnosis {
  readonly mechanism: MechanismName;
  readonly projection: string;
  readonly numFeatures: number;
  readonly causal: boolean;
  readonly wantedError: number;
  readonly maxFeatures: number;
  /** Draws of every error at the least. */
  readonly redraws: number;
  readonly seed: number;
  /** The sampled positions: all of them, or a random part of longer sequences. */
  readonly sampled: {
    readonly sequences: number;
    readonly queries: number;
    readonly ofQueries: number;
    readonly keys: number;
    readonly ofKeys: number;
    /** Pairs a head for the variances of kernel entries. */
    readonly pairs: number;
  };
  readonly heads: readonly HeadDiagnosis[];
}

/**
 * Measures what random features make of given queries and keys, head by head, and what would do better.
 *
 * Sequences longer than `samples` are thinned: the diagnosis is then of attention among the positions that were drawn.
 *
 * @param arrays in the forms of `favorAttention`; without v, Gaussian values
 * @throws GraphError for arrays that do not fit together or hold NaN, and for options out of range
 *
 * @example
 * const { heads } = await diagnose({ q, k, v }, { numHeads: 8, causal: true, numFeatures: 256, wantedError: 0.1 });
 * for (const { head, outputError, featuresNeeded, best, warning } of heads) …
 */
export async function diagnose(
  arrays: { readonly q: AttentionArray; readonly k: AttentionArray; readonly v?: AttentionArray },
  options: DiagnoseOptions = {},
): Promise<Diagnosis> {
  const settings = diagnosisSettings(options);
  const { numHeads, causal, headDim: flatWidth, seed } = settings;
  const whole = readSequences("diagnose", arrays, { numHeads, causal, headDim: flatWidth });
  const { q, k, v } = thin(whole, settings);
  const present = presentMechanism(settings, q.width);
  const pairs = pickPairs(q, k, causal, createRandom(seed, "diagnose", "pairs"));
  const contests = await holdContest(present, { q, k, v }, settings);
  const predicted = predictPairs(present.map, q, k, pairs);
  const { redraws, backend } = settings;
  const measured = await measurePairs(present, { q, k, pairs, seed, redraws, backend });
  const heads = contests.map((contest, head) =>
    diagnoseHead(head, { contest, q, k, pairs, predicted, measured, settings }),
  );
  const { wantedError, maxFeatures } = settings;
  return {
    mechanism: present.name,
    projection: present.projection,
    numFeatures: present.numFeatures,
    causal,
    wantedError,
    maxFeatures,
    redraws,
    seed,
    sampled: {
      sequences: q.batch,
      queries: q.length,
      ofQueries: whole.q.length,
      keys: k.length,
      ofKeys: whole.k.length,
      pairs: q.batch * pairs.queries.length * pairs.keys.length,
    },
    heads,
  };
}

/** @throws GraphError when the mechanism has no map, which the options have been checked for */
function presentMechanism(settings: DiagnosisSettings, headDim: number): MeasuredMechanism {
  const map = mapOf(settings.mechanism);
  if (map === undefined)
    throw new GraphError(
      problem`diagnose: '${settings.mechanism}' must have a feature map, got none; diagnose 'favor' or another map`,
    );
  return measuredMechanismOf(settings, map, settings.numFeatures ?? defaultNumFeatures(headDim), headDim);
}

/**
 * At most `samples` positions, the same for queries and keys of equal length, so that causal attention stays what it
 * is.
 */
function thin({ q, k, v }: HeadSequences, { samples, seed }: DiagnosisSettings): Sequences {
  const random = createRandom(seed, "diagnose", "positions");
  const queries = samplePositions(random, q.length, samples);
  const keys = q.length === k.length ? queries : samplePositions(random, k.length, samples);
  const picked = pickPositions(k, keys);
  const gaussian = () => fillNormal(createRandom(seed, "diagnose", "values"), new Float32Array(picked.data.length));
  return {
    q: pickPositions(q, queries),
    k: picked,
    v: v === undefined ? { ...picked, data: gaussian() } : pickPositions(v, keys),
  };
}

interface HeadFacts extends Omit<Sequences, "v"> {
  readonly contest: HeadContest;
  readonly pairs: Pairs;
  /** For one row of the projection. */
  readonly predicted: PairTable | undefined;
  readonly measured: PairTable;
  readonly settings: DiagnosisSettings;
}

function diagnoseHead(head: number, facts: HeadFacts): HeadDiagnosis {
  const { contest, q, k, pairs, predicted, measured, settings } = facts;
  const { present, others } = contest;
  const { name, map, numFeatures } = present.subject;
  const best = { ...measuredCandidate(contest.best), ...needOf(contest.best) };
  const oneRow = predicted && summarise(predicted, pairs, head);
  const squaredNorm = medianSquaredNorm(q, k, head);
  const warning = warningFor({
    name,
    map,
    best,
    medianSquaredNorm: squaredNorm,
    varianceOfOneRow: oneRow?.attentionWeighted,
    ...settings,
  });
  return {
    head,
    medianSquaredNorm: squaredNorm,
    predictedRelativeVariance: oneRow ? dividedBy(numFeatures, oneRow) : null,
    measuredRelativeVariance: summarise(measured, pairs, head),
    outputError: finiteOrNull(present.error),
    standardError: finiteOrNull(present.standardError),
    numFeatures,
    ...needOf(present),
    best,
    candidates: others.map(measuredCandidate),
    ...(best.featuresNeeded === null && present.featuresNeeded === null && { warning }),
  };
}

function measuredCandidate({ subject, error, standardError }: Entrant): MeasuredCandidate {
  const { name, projection, numFeatures } = subject;
  return {
    mechanism: name,
    projection,
    numFeatures,
    outputError: finiteOrNull(error),
    standardError: finiteOrNull(standardError),
  };
}

function needOf({ featuresNeeded, confirmed, curve }: Followed): FeatureNeed {
  const errorCurve = curve.map(({ numFeatures, error, standardError }) => ({
    numFeatures,
    outputError: finiteOrNull(error),
    standardError: finiteOrNull(standardError),
  }));
  return { featuresNeeded, confirmed, errorCurve };
}

function dividedBy(count: number, { median, attentionWeighted }: VarianceSummary): VarianceSummary {
  return {
    median: median === null ? null : median / count,
    attentionWeighted: attentionWeighted === null ? null : attentionWeighted / count,
  };
}
