/** Tells beforehand how far FAVOR+ will be from exact attention on given queries and keys, and what would do better. */
import type { AttentionArray } from "../arrays.ts";
import { GraphError } from "../../graph/errors.ts";
import { createRandom, fillNormal } from "../../random/index.ts";
import { defaultNumFeatures } from "../favor/projections.ts";
import type { MechanismName } from "../mechanisms.ts";
import { mapOf, warningFor } from "./candidates.ts";
import { bestOf, errorOf, holdContest, needOf, type Contest, type Contestant } from "./contest.ts";
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
import { pickPositions, readSequences, samplePositions, type Heads, type HeadSequences } from "./sequences.ts";
import { subjectOf, type Subject } from "./subject.ts";

/** A map and a projection with the error that they were measured to have. */
export interface MeasuredCandidate {
  readonly mechanism: MechanismName;
  readonly projection: string;
  /** Rows of the projection; maps that make two features of a row have half as many, so that all have equal features. */
  readonly numFeatures: number;
  /** ‖out − exact‖ / ‖exact‖, mean over draws; null where outputs were not finite. */
  readonly outputError: number | null;
}

export interface HeadDiagnosis {
  readonly head: number;
  /** Median ‖x‖² over queries and keys, x = q·D^(-1/4). Variances grow with its exponential. */
  readonly medianSquaredNorm: number;
  /** Of a kernel entry at numFeatures independent rows, by formula; null for maps that have none. */
  readonly predictedRelativeVariance: VarianceSummary | null;
  /** The same, measured over draws of the projection. Below the prediction: orthogonal rows, or too few draws to see rare ones. */
  readonly measuredRelativeVariance: VarianceSummary;
  /** ‖out − exact‖ / ‖exact‖ of the attention output, mean over draws; null where outputs were not finite. */
  readonly outputError: number | null;
  readonly numFeatures: number;
  /** Rows that bring outputError to wantedError; null above maxFeatures, and for maps that do not estimate softmax. */
  readonly featuresNeeded: number | null;
  /** The least outputError at equal features among the present map and the candidates whose features are never negative. */
  readonly best: MeasuredCandidate & { readonly featuresNeeded: number | null };
  readonly candidates: readonly MeasuredCandidate[];
  /** Why nothing measured will do, and the ways out. */
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
  readonly redraws: number;
  readonly seed: number;
  /** What was looked at: all positions, or a random part of longer sequences. */
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
  const present = presentSubject(settings, q.width);
  const pairs = pickPairs(q, k, causal, createRandom(seed, "diagnose", "pairs"));
  const contest = await holdContest(present, { q, k, v }, settings);
  const predicted = predictPairs(present.map, q, k, pairs);
  const { redraws, backend } = settings;
  const measured = await measurePairs(present, { q, k, pairs, seed, redraws, backend });
  const heads = Array.from({ length: numHeads }, (_, head) =>
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
function presentSubject(settings: DiagnosisSettings, headDim: number): Subject {
  const map = mapOf(settings.mechanism);
  if (map === undefined) throw new GraphError(`diagnose: '${settings.mechanism}' must have a feature map, got none`);
  return subjectOf(settings, map, settings.numFeatures ?? defaultNumFeatures(headDim), headDim);
}

interface Sequences {
  readonly q: Heads;
  readonly k: Heads;
  readonly v: Heads;
}

/** At most `samples` positions, the same for queries and keys of equal length, so that causal attention stays what it is. */
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
  readonly contest: Contest;
  readonly pairs: Pairs;
  /** For one row of the projection. */
  readonly predicted: PairTable | undefined;
  readonly measured: PairTable;
  readonly settings: DiagnosisSettings;
}

function diagnoseHead(head: number, facts: HeadFacts): HeadDiagnosis {
  const { contest, q, k, pairs, predicted, measured, settings } = facts;
  const { present, others } = contest;
  const { map, numFeatures } = present.subject;
  const winner = bestOf(contest, head);
  const best = { ...measuredCandidate(winner, head), featuresNeeded: needOf(winner, head, settings) };
  const needed = needOf(present, head, settings);
  const oneRow = predicted && summarise(predicted, pairs, head);
  const squaredNorm = medianSquaredNorm(q, k, head);
  const warning = warningFor({
    name: present.subject.name,
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
    outputError: finiteOrNull(errorOf(present, head)),
    numFeatures,
    featuresNeeded: needed,
    best,
    candidates: others.map((each) => measuredCandidate(each, head)),
    ...(best.featuresNeeded === null && needed === null && { warning }),
  };
}

function measuredCandidate(contestant: Contestant, head: number): MeasuredCandidate {
  const { name, projection, numFeatures } = contestant.subject;
  return { mechanism: name, projection, numFeatures, outputError: finiteOrNull(errorOf(contestant, head)) };
}

function dividedBy(count: number, { median, attentionWeighted }: VarianceSummary): VarianceSummary {
  return {
    median: median === null ? null : median / count,
    attentionWeighted: attentionWeighted === null ? null : attentionWeighted / count,
  };
}
