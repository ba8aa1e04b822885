// What was measured: errors of the hidden states, by weights, features, seed and depth.

export type WeightsName = "unitEmbeddings" | "initialised" | "trained";

/** The errors of one kind of weights at one number of features. */
export interface Propagation {
  readonly weights: WeightsName;
  readonly numFeatures: number;
  /** By seed, then by depth from 1 on. */
  readonly errors: readonly (readonly number[])[];
}
