/** The table of all feature maps. */
import type { FeatureMap } from "../../feature-map.ts";
import { generalizedMaps } from "./generalized.ts";
import { optimalFeatures } from "./optimal.ts";
import {
  gaussianFeatures,
  hyperbolicFeatures,
  positiveFeatures,
  regularizedFeatures,
  simplexFeatures,
} from "./positive.ts";
import { rescaledFeatures, saderfFeatures } from "./rescaled.ts";
import { gaussianTrigonometricFeatures, trigonometricFeatures } from "./trigonometric.ts";

export const featureMaps = {
  positive: positiveFeatures,
  hyperbolic: hyperbolicFeatures,
  trigonometric: trigonometricFeatures,
  regularized: regularizedFeatures,
  gaussian: gaussianFeatures,
  "gaussian-trigonometric": gaussianTrigonometricFeatures,
  ...generalizedMaps,
  optimal: optimalFeatures,
  rescaled: rescaledFeatures,
  saderf: saderfFeatures,
  simplex: simplexFeatures,
} as const satisfies Record<string, FeatureMap>;

export type FeatureMapName = keyof typeof featureMaps;
