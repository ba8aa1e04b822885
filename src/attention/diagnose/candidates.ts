/** Alternatives to the present map and projection, and the warning when none is good enough. */
import type { FeatureMap } from "../feature-map.ts";
import { mechanisms, type MechanismName } from "../mechanisms.ts";
import type { DiagnosisCandidate, DiagnosisSettings } from "./options.ts";
import { measuredMechanismOf, type MeasuredMechanism } from "./measured-mechanism.ts";

/** The maps that estimate softmax attention, under the projections that they are known to do best with. */
const usualCandidates: readonly DiagnosisCandidate[] = [
  { mechanism: "favor", projection: "orthogonal" },
  { mechanism: "favor", projection: "iid" },
  { mechanism: "favor", projection: "simplex" },
  { mechanism: "favor-hyperbolic", projection: "orthogonal" },
  { mechanism: "favor-trigonometric", projection: "orthogonal" },
  { mechanism: "favor-optimal", projection: "orthogonal" },
  { mechanism: "favor-rescaled", projection: "orthogonal" },
  { mechanism: "favor-saderf", projection: "orthogonal" },
];

/**
 * The candidates as subjects with as many features as the present one, without that itself. A map that makes two
 * features of a row gets half the rows.
 */
export function candidateSubjects(
  settings: DiagnosisSettings,
  present: MeasuredMechanism,
  headDim: number,
): readonly MeasuredMechanism[] {
  const features = present.numFeatures * present.map.featuresPerRow;
  const chosen = settings.candidates ?? usualCandidates.filter((each) => fits(each, settings.causal, headDim));
  const subjects = chosen.flatMap((choice) => {
    const map = mapOf(choice.mechanism);
    if (map === undefined) return [];
    return [measuredMechanismOf(choice, map, Math.max(1, Math.floor(features / map.featuresPerRow)), headDim)];
  });
  const seen = new Set([keyOf(present)]);
  return subjects.filter((subject) => {
    const isNew = !seen.has(keyOf(subject));
    seen.add(keyOf(subject));
    return isNew;
  });
}

function fits({ mechanism, projection }: DiagnosisCandidate, causal: boolean, headDim: number): boolean {
  if (causal && mapOf(mechanism)?.statistics !== undefined) return false;
  // A simplex has corners from two dimensions on.
  return projection !== "simplex" || headDim >= 2;
}

export function mapOf(name: MechanismName) {
  return "map" in mechanisms[name] ? mechanisms[name].map : undefined;
}

function keyOf({ name, projection, rowLengths }: MeasuredMechanism): string {
  return `${name} ${projection} ${rowLengths}`;
}

export interface WarningFacts {
  /** The present mechanism's name. */
  readonly name: string;
  readonly map: FeatureMap;
  readonly best: { readonly mechanism: string; readonly projection: string; readonly outputError: number | null };
  readonly medianSquaredNorm: number;
  /**
   * The variance of a kernel entry with one row of the projection; undefined without a formula, null beyond float64.
   */
  readonly varianceOfOneRow: number | null | undefined;
  readonly wantedError: number;
  readonly maxFeatures: number;
}

/** Why no feature count up to maxFeatures reaches the wanted error, and the ways out. */
export function warningFor(facts: WarningFacts): string {
  const { name, map, best, medianSquaredNorm, varianceOfOneRow, wantedError, maxFeatures } = facts;
  const error = best.outputError === null ? "beyond any number" : best.outputError.toPrecision(2);
  const parts = [
    `no measured map comes to an output error of ${wantedError} with up to ${maxFeatures.toLocaleString("en-US")} ` +
      "features; " +
      `the best at this count, ${best.mechanism} with ${best.projection} rows, has ${error}`,
  ];
  if (varianceOfOneRow !== undefined) {
    const variance = varianceOfOneRow === null ? "more than 1e308" : varianceOfOneRow.toPrecision(2);
    parts.push(
      `with queries and keys of a median ‖x‖² of ${medianSquaredNorm.toPrecision(2)} the entries that attention ` +
        "reads have a " +
        `relative variance of ${variance} / numFeatures`,
    );
  }
  if (map.kernel !== "softmax") {
    parts.push(
      `'${name}' defines an attention of its own instead of estimating softmax: a model trained with it is none ` +
        "the worse " +
        "for this error",
    );
  }
  parts.push(
    "use exact attention, shorter queries and keys (QK normalisation, a higher temperature), or train with FAVOR+ " +
      "so that the " +
      "weights adapt to it",
  );
  return parts.join("; ");
}
