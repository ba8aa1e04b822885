/** What is compared: feature maps with their projections, at which scales of queries and keys. */

import { mechanisms, type AttentionMechanism } from "performer-ts/attention";
import type { ProjectionName } from "performer-ts/random";

/** The four of the published figure, and what has been proposed since. */
export type SubjectName =
  | "positive"
  | "positive, iid"
  | "trigonometric"
  | "trigonometric, iid"
  | "hyperbolic"
  | "optimal"
  | "simplex"
  | "saderf";

export interface Subject {
  readonly name: SubjectName;
  readonly mechanism: AttentionMechanism;
  readonly projection: ProjectionName;
  readonly featuresPerRow: 1 | 2;
  /** Whether it takes part in the comparison of orthogonal with independent rows, which needs more projections. */
  readonly paired: boolean;
}

export const subjects: readonly Subject[] = [
  { name: "positive", mechanism: mechanisms.favor, projection: "orthogonal", featuresPerRow: 1, paired: true },
  { name: "positive, iid", mechanism: mechanisms.favor, projection: "iid", featuresPerRow: 1, paired: true },
  subject("trigonometric", mechanisms["favor-trigonometric"], "orthogonal", 2),
  subject("trigonometric, iid", mechanisms["favor-trigonometric"], "iid", 2),
  subject("hyperbolic", mechanisms["favor-hyperbolic"], "orthogonal", 2),
  subject("optimal", mechanisms["favor-optimal"], "orthogonal", 1),
  subject("simplex", mechanisms["favor-simplex"], "simplex", 1),
  subject("saderf", mechanisms["favor-saderf"], "orthogonal", 1),
];

function subject(
  name: SubjectName,
  mechanism: AttentionMechanism,
  projection: ProjectionName,
  featuresPerRow: 1 | 2,
): Subject {
  return { name, mechanism, projection, featuresPerRow, paired: false };
}

/** Standard deviation of every coordinate of q and k. */
export interface Scale {
  readonly name: "unit" | "half";
  readonly std: number;
}

export const scales: readonly Scale[] = [
  { name: "unit", std: 1 },
  { name: "half", std: 0.5 },
];
