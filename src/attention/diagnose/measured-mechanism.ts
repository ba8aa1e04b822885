/** A measured mechanism: one with a feature map, and a projection of some kind and size. */
import type { NdArray } from "../../graph/ndarray.ts";
import { createRandom, type RowLengths } from "../../random/index.ts";
import type { FeatureMap } from "../feature-map.ts";
import type { AttentionMechanism, ProjectionChoice } from "../mechanism.ts";
import { mechanisms, type MechanismName } from "../mechanisms.ts";

export interface MeasuredMechanism {
  readonly name: MechanismName;
  readonly mechanism: AttentionMechanism;
  readonly map: FeatureMap;
  readonly projection: NonNullable<ProjectionChoice["kind"]>;
  readonly rowLengths: RowLengths;
  /** Rows of the projection. */
  readonly numFeatures: number;
}

export interface MechanismToMeasure {
  readonly mechanism: MechanismName;
  readonly projection?: MeasuredMechanism["projection"] | undefined;
  readonly projectionLengths?: RowLengths | undefined;
}

/** @param map the mechanism's, which the caller has made sure of */
export function measuredMechanismOf(
  choice: MechanismToMeasure,
  map: FeatureMap,
  numFeatures: number,
  headDim: number,
): MeasuredMechanism {
  const projection = choice.projection ?? map.projection;
  return {
    name: choice.mechanism,
    mechanism: mechanisms[choice.mechanism],
    map,
    projection,
    rowLengths: choice.projectionLengths ?? map.rowLengths,
    // Without a projection the features are functions of x itself.
    numFeatures: projection === "none" ? headDim : numFeatures,
  };
}

/** Whether another draw gives other features. */
function isRandom({ projection }: MeasuredMechanism): boolean {
  return projection !== "none";
}

/**
 * Whether the error against softmax attention falls towards 0 with more features, as 1/√numFeatures once it is small.
 */
export function convergesToSoftmax(subject: MeasuredMechanism): boolean {
  return subject.map.kernel === "softmax" && subject.rowLengths === "chi" && isRandom(subject);
}

/** Independently drawn projections `[M, D]`, the same for the same seed. */
export function drawnProjections(
  subject: MeasuredMechanism,
  headDim: number,
  seed: number,
  redraws: number,
): readonly NdArray[] {
  const { mechanism, name, projection, rowLengths, numFeatures } = subject;
  return Array.from({ length: isRandom(subject) ? redraws : 1 }).flatMap((_, redraw) => {
    const random = createRandom(seed, "diagnose", name, projection, numFeatures, redraw);
    const drawn = mechanism.initialise(random, { headDim, numFeatures, projection: { kind: projection, rowLengths } });
    return drawn === undefined ? [] : [drawn.projection];
  });
}
