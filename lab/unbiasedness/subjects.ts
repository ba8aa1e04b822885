/**
 * What is said to be unbiased: every map with the kernel that it estimates, and the projections that it is drawn with.
 */

import { arcCosineFeatures, featureMaps, type FeatureMap } from "performer-ts/attention";
import type { ProjectionName } from "performer-ts/random";

import { innerProduct, squaredDifference, type PairShape } from "../vector-pairs.ts";

/** The kernel itself, in float64. */
type Kernel = (pair: PairShape) => number;

const softmax: Kernel = (pair) => Math.exp(innerProduct(pair));
const gaussian: Kernel = (pair) => Math.exp(-squaredDifference(pair) / 2);

/**
 * The arc-cosine kernel of order n: 2 E[Θ(ω·x) Θ(ω·y) (ω·x)ⁿ (ω·y)ⁿ] = ‖x‖ⁿ‖y‖ⁿ Jₙ(θ)/π.
 *
 * J₀ = π − θ,  J₁ = sin θ + (π − θ) cos θ,  J₂ = 3 sin θ cos θ + (π − θ)(1 + 2 cos² θ)
 *
 * Source: Cho and Saul, Kernel methods for deep learning, 2009.
 */
function arcCosine(order: 0 | 1 | 2): Kernel {
  return ({ normX, normY, angleDegrees }) => {
    // Opposite vectors are never on the same side of a row. Said apart, because sin π is not 0 in floating point.
    if (angleDegrees === 180) return 0;
    const angle = (angleDegrees * Math.PI) / 180;
    const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
    const rest = Math.PI - angle;
    const J = [rest, sin + rest * cos, 3 * sin * cos + rest * (1 + 2 * cos ** 2)] as const;
    return ((normX * normY) ** order * J[order]) / Math.PI;
  };
}

interface Subject {
  readonly map: FeatureMap;
  readonly kernel: Kernel;
}

/** The maps that go with any projection whose rows are N(0, I). `regularized` is missing because it is no such map. */
const anyProjection = {
  positive: { map: featureMaps.positive, kernel: softmax },
  hyperbolic: { map: featureMaps.hyperbolic, kernel: softmax },
  trigonometric: { map: featureMaps.trigonometric, kernel: softmax },
  optimal: { map: featureMaps.optimal, kernel: softmax },
  rescaled: { map: featureMaps.rescaled, kernel: softmax },
  saderf: { map: featureMaps.saderf, kernel: softmax },
  gaussian: { map: featureMaps.gaussian, kernel: gaussian },
  "gaussian-trigonometric": { map: featureMaps["gaussian-trigonometric"], kernel: gaussian },
  "arc-cosine-0": { map: arcCosineFeatures(0), kernel: arcCosine(0) },
  "arc-cosine-1": { map: arcCosineFeatures(1), kernel: arcCosine(1) },
  "arc-cosine-2": { map: arcCosineFeatures(2), kernel: arcCosine(2) },
} as const satisfies Record<string, Subject>;

const simplexAlone = { simplex: { map: featureMaps.simplex, kernel: softmax } } as const;

export interface Series {
  readonly projection: ProjectionName;
  /** Rows that depend on one another: estimates are means over that many, and independent. */
  readonly rowsADraw: (headDim: number) => number;
  readonly subjects: Readonly<Record<string, Subject>>;
}

export const allSeries: readonly Series[] = [
  { projection: "iid", rowsADraw: () => 1, subjects: anyProjection },
  { projection: "orthogonal", rowsADraw: (headDim) => headDim, subjects: anyProjection },
  { projection: "simplex", rowsADraw: (headDim) => headDim, subjects: simplexAlone },
];
