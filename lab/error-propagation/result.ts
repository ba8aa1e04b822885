/** How errors of attention grow with depth: what was measured. */

export type WeightsName = "unitEmbeddings" | "initialised" | "trained";

/** The errors of one kind of weights at one number of features. */
export interface Propagation {
  readonly weights: WeightsName;
  readonly numFeatures: number;
  /** By seed, then by depth from 1 on. */
  readonly errors: readonly (readonly number[])[];
}
