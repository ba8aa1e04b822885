/**
 * Moments of pairs of numbers, and what follows from them: squared error, R², correlation, slope. In float64, about the
 * means.
 */
import { ArgumentError, problem } from "../graph/errors.ts";
import { mean } from "./moments.ts";

/**
 * What is kept of any number of pairs (x, y): their means, and sums about these. Sums about the means stay exact where
 * the numbers are far from zero; sums of x² and y² would cancel.
 */
export interface PairMoments {
  readonly count: number;
  readonly meanX: number;
  readonly meanY: number;
  /** Σ (x − x̄)². */
  readonly squaresX: number;
  /** Σ (y − ȳ)². */
  readonly squaresY: number;
  /** Σ (x − x̄)(y − ȳ). */
  readonly products: number;
  /** Σ (y − x)². */
  readonly squaredErrors: number;
}

/** The moments of no pairs: merged with others, it changes nothing. */
export const NO_PAIRS: PairMoments = {
  count: 0,
  meanX: 0,
  meanY: 0,
  squaresX: 0,
  squaresY: 0,
  products: 0,
  squaredErrors: 0,
};

/**
 * Computes the moments of pairs in two passes: the means, then sums about them.
 *
 * @throws ArgumentError when the lists differ in length, and for a number that is not finite
 */
export function pairMoments(xs: ArrayLike<number>, ys: ArrayLike<number>): PairMoments {
  const count = xs.length;
  if (count !== ys.length) {
    throw new ArgumentError(
      problem`pairMoments: there must be a y for each x, got ${count} and ${ys.length}; leave out what has no partner.`,
    );
  }
  if (count === 0) return NO_PAIRS;
  const [meanX, meanY] = [mean(xs), mean(ys)];
  let [squaresX, squaresY, products, squaredErrors] = [0, 0, 0, 0];
  for (let index = 0; index < count; index++) {
    const [x = Number.NaN, y = Number.NaN] = [xs[index], ys[index]];
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      throw new ArgumentError(
        problem`pairMoments: the numbers must be finite, got (${x}, ${y}) at index ${index}; leave such pairs out.`,
      );
    }
    squaresX += (x - meanX) ** 2;
    squaresY += (y - meanY) ** 2;
    products += (x - meanX) * (y - meanY);
    squaredErrors += (y - x) ** 2;
  }
  return { count, meanX, meanY, squaresX, squaresY, products, squaredErrors };
}

/**
 * Merges the moments of two sets of pairs into those of both together.
 *
 * With n = n_a + n_b and d = x̄_b − x̄_a: x̄ = x̄_a + d · n_b/n, Σ (x − x̄)² = both sums + d² · n_a n_b/n.
 *
 * Source: Chan, Golub and LeVeque, The American Statistician 37 (1983).
 */
export function mergePairMoments(a: PairMoments, b: PairMoments): PairMoments {
  if (a.count === 0) return b;
  if (b.count === 0) return a;
  const count = a.count + b.count;
  const share = b.count / count;
  const [dx, dy] = [b.meanX - a.meanX, b.meanY - a.meanY];
  return {
    count,
    meanX: a.meanX + dx * share,
    meanY: a.meanY + dy * share,
    squaresX: a.squaresX + b.squaresX + dx * dx * a.count * share,
    squaresY: a.squaresY + b.squaresY + dy * dy * a.count * share,
    products: a.products + b.products + dx * dy * a.count * share,
    squaredErrors: a.squaredErrors + b.squaredErrors,
  };
}

/** Mean of (y − x)²; NaN for no pairs. */
export function meanSquaredErrorOf({ squaredErrors, count }: PairMoments): number {
  return squaredErrors / count;
}

/**
 * Coefficient of determination, 1 − Σ (y − x)² / Σ (x − x̄)², of targets x and predictions y. At most 1; 0 for the
 * targets' own mean, and below that for worse predictions.
 *
 * @returns NaN where the targets do not vary, as of a single one
 */
export function rSquaredOf({ squaredErrors, squaresX }: PairMoments): number {
  return squaresX > 0 ? 1 - squaredErrors / squaresX : Number.NaN;
}

/**
 * Pearson's correlation, Σ (x − x̄)(y − ȳ) / √(Σ (x − x̄)² · Σ (y − ȳ)²), in [−1, 1].
 *
 * @returns NaN where one side does not vary
 */
export function pearsonOf({ products, squaresX, squaresY }: PairMoments): number {
  if (!(squaresX > 0 && squaresY > 0)) return Number.NaN;
  // Rounding goes past ±1 by some 1e-16.
  return Math.max(-1, Math.min(1, products / Math.sqrt(squaresX) / Math.sqrt(squaresY)));
}

/** Mean of (prediction − target)². Throws as `pairMoments`. */
export function meanSquaredError(targets: ArrayLike<number>, predictions: ArrayLike<number>): number {
  return meanSquaredErrorOf(pairMoments(targets, predictions));
}

/** Share of the targets' variance that predictions explain, as `rSquaredOf`. Throws as `pairMoments`. */
export function rSquared(targets: ArrayLike<number>, predictions: ArrayLike<number>): number {
  return rSquaredOf(pairMoments(targets, predictions));
}

/** Pearson's correlation, as `pearsonOf`. Throws as `pairMoments`. */
export function pearson(xs: ArrayLike<number>, ys: ArrayLike<number>): number {
  return pearsonOf(pairMoments(xs, ys));
}

/**
 * Slope of the line through points by least squares, Σ (x − x̄)(y − ȳ) / Σ (x − x̄)²: of logarithms, the exponent of a
 * power law.
 *
 * @returns NaN where x does not vary
 * @throws ArgumentError as `pairMoments`
 */
export function slope(xs: ArrayLike<number>, ys: ArrayLike<number>): number {
  const { products, squaresX } = pairMoments(xs, ys);
  return squaresX > 0 ? products / squaresX : Number.NaN;
}
