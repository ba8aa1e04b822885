/** The means of all estimates, from millions of rows. */

import type { FeatureMap } from "performer-ts/attention";
import { ndarray, type NdArray } from "performer-ts/graph";
import { createMoments, type Moments } from "performer-ts/lab";
import { fillNormal, type Random } from "performer-ts/random";

import { drawTerms, forEachEstimate, type TermsOptions } from "../kernel-terms.ts";

export interface MeasureOptions extends Omit<TermsOptions<string>, "maps"> {
  readonly maps: Readonly<Record<string, FeatureMap>>;
  /** Rows that depend on one another; the means over so many are independent. */
  readonly rowsADraw: number;
}

/** How the estimates of every map are distributed, pair by pair. */
export async function measureMeans(options: MeasureOptions): Promise<Readonly<Record<string, readonly Moments[]>>> {
  const { maps, pairs, rowsADraw } = options;
  const means = Object.keys(maps).map((name) => ({ name, moments: pairs.map(createMoments) }));
  for await (const terms of drawTerms(options)) {
    for (const { name, moments } of means) {
      for (const [index, { add }] of moments.entries()) {
        forEachEstimate(terms[name]?.[index] ?? new Float32Array(), rowsADraw, add);
      }
    }
  }
  return Object.fromEntries(means.map(({ name, moments }) => [name, moments]));
}

/**
 * Queries and keys for maps that measure statistics on sequences: Gaussian, of mean squared norm 1 once divided by
 * headDim^¼, short enough that their statistics differ from dimension to dimension.
 */
export function drawSequences(
  random: Random,
  length: number,
  headDim: number,
): { readonly q: NdArray; readonly k: NdArray } {
  const scale = headDim ** 0.25 / Math.sqrt(headDim);
  const draw = () => ndarray(fillNormal(random, new Float32Array(length * headDim), scale), [1, 1, length, headDim]);
  return { q: draw(), k: draw() };
}
