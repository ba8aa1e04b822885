/** Kernel estimates as graphs: matrices between rows, and the single terms whose mean an estimate is. */
import type { FeatureMap, Features, Statistics } from "../attention/feature-map.ts";
import { checked, featureCount, underOwnMaximum } from "../attention/favor/maps/features.ts";
import { expectShapes } from "../graph/expect-shapes.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, exp, mul, sub } from "../ops/elementwise.ts";
import { reshape } from "../ops/layout.ts";
import { matmul } from "../ops/matmul.ts";
import { sum } from "../ops/reduce.ts";

/** Rows of x and y, features of both, ready to be multiplied. */
interface Prepared {
  readonly x: Features;
  readonly y: Features;
  /** What a sum over features is divided by to be an estimate. */
  readonly normaliser: number;
}

/** Rows `[N, D]` as the one head `[1, 1, N, D]` that maps read: maps divide by D^¼, so here it is multiplied. */
export function asHead(rows: Tensor): Tensor {
  const [length = 0, width = 0] = rows.shape;
  return reshape(mul(rows, width ** 0.25), [1, 1, length, width]);
}

function prepare(map: FeatureMap, x: Tensor, y: Tensor, projection: Tensor, given: Statistics | undefined): Prepared {
  const plain = { q: asHead(x), k: asHead(y), projection };
  const statistics = given ?? map.statistics?.measure(plain.q, plain.k, {});
  const { q, k, projection: adapted } = statistics && map.statistics ? map.statistics.adapt(plain, statistics) : plain;
  return {
    x: checked(map, map.features(q, adapted)),
    y: checked(map, map.features(k, adapted)),
    normaliser: map.normaliser(projection.shape[0] ?? 1),
  };
}

/**
 * Estimates of the map's kernel between all rows: φ(x)·φ(y).
 *
 * @param x `[N, D]`; not divided by anything: the softmax kernel is exp(x·y), the Gaussian exp(−‖x − y‖²/2)
 * @param y `[S, D]`
 * @param projection `[M, D]`
 * @param statistics for maps that need them; default: measured on x and y
 * @returns `[N, S]`
 */
export function kernelMatrix(
  map: FeatureMap,
  x: Tensor,
  y: Tensor,
  projection: Tensor,
  statistics?: Statistics,
): Tensor {
  expectShapes("kernelMatrix", { x: [x, "N D"], y: [y, "S D"], projection: [projection, "M D"] });
  const prepared = prepare(map, x, y, projection, statistics);
  const [left, right] = [underOwnMaximum(prepared.x), underOwnMaximum(prepared.y)];
  const products = mul(matmul(left.features, right.features, { transposeB: true }), 1 / prepared.normaliser);
  const shape = [x.shape[0] ?? 0, y.shape[0] ?? 0];
  if (left.logScale === undefined || right.logScale === undefined) return reshape(products, shape);
  const row = reshape(right.logScale, [1, 1, 1, -1]);
  return reshape(mul(products, exp(add(left.logScale, row))), shape);
}

/**
 * The terms of estimates between corresponding rows: row n of the result holds, for each row of the projection, what it
 * contributes, so that the mean over any of them is an estimate of the kernel between x_n and y_n.
 *
 * @param x `[N, D]`
 * @param y `[N, D]`
 * @param projection `[M, D]`
 * @returns `[N, M]`
 */
export function kernelTerms(
  map: FeatureMap,
  x: Tensor,
  y: Tensor,
  projection: Tensor,
  statistics?: Statistics,
): Tensor {
  expectShapes("kernelTerms", { x: [x, "N D"], y: [y, "N D"], projection: [projection, "M D"] });
  const prepared = prepare(map, x, y, projection, statistics);
  const rows = projection.shape[0] ?? 1;
  const products = productsOf(prepared.x, prepared.y);
  const perRow = featureCount(map, projection) / rows;
  // Features of one row of the projection lie `rows` apart: [first of all rows, second of all rows].
  const terms = sum(reshape(products, [x.shape[0] ?? 0, perRow, rows]), { axes: [1] });
  return mul(terms, rows / prepared.normaliser);
}

/** φ_m(x)·φ_m(y), with one exponential of the sum of both exponents. */
function productsOf(x: Features, y: Features): Tensor {
  if (x.kind === "exponential" && y.kind === "exponential") {
    return exp(sub(add(x.logits, y.logits), add(x.shift, y.shift)));
  }
  const [left, right] = [underOwnMaximum(x), underOwnMaximum(y)];
  const products = mul(left.features, right.features);
  if (left.logScale === undefined || right.logScale === undefined) return products;
  return mul(products, exp(add(left.logScale, right.logScale)));
}
