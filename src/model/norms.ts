/** Norms over the last axis. */
import type { Tensor } from "../graph/tensor.ts";
import { add, div, mul, sqrt } from "../ops/elementwise.ts";
import { layerNorm } from "../ops/normalize.ts";
import { sumSquares } from "../ops/sum-squares.ts";
import type { ModelConfig } from "./config-schema.ts";
import type { Norm } from "./parameter-tree.ts";

/** The configuration's norm, of `[…, modelDim]`. */
export function applyNorm(
  x: Tensor,
  { weight, bias }: Norm<Tensor>,
  { norm, layerNormEpsilon: epsilon }: Pick<ModelConfig, "norm" | "layerNormEpsilon">,
): Tensor {
  if (norm === "scalenorm") return scaleNorm(x, weight, epsilon);
  return bias === undefined ? rmsNorm(x, weight, epsilon) : layerNorm(x, weight, bias, epsilon);
}

/**
 * x / √(mean x² + ε) · weight.
 *
 * Source: Zhang and Sennrich, arXiv:1910.07467.
 */
function rmsNorm(x: Tensor, weight: Tensor, epsilon: number): Tensor {
  const squares = mul(sumSquares(x, { axes: [-1], keepDims: true }), 1 / (x.shape.at(-1) ?? 1));
  return mul(div(x, sqrt(add(squares, epsilon))), weight);
}

/**
 * length · x / √(‖x‖² + ε), with one learned length.
 *
 * Source: Nguyen and Salazar, arXiv:1910.05895.
 */
function scaleNorm(x: Tensor, length: Tensor, epsilon: number): Tensor {
  return mul(x, div(length, sqrt(add(sumSquares(x, { axes: [-1], keepDims: true }), epsilon))));
}
