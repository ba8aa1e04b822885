/** From what the last block leaves to predictions: tokens, classes or numbers. */
import { GraphError } from "../graph/errors.ts";
import { scope } from "../graph/scope.ts";
import type { Tensor } from "../graph/tensor.ts";
import { div, maximum, mul } from "../ops/elementwise.ts";
import { mean } from "../ops/composed.ts";
import { reshape } from "../ops/layout.ts";
import { matmul } from "../ops/matmul.ts";
import { sum } from "../ops/reduce.ts";
import { slice } from "../ops/slicing.ts";
import type { ModelConfig } from "./config.ts";
import { applyLinear } from "./layers.ts";
import { applyNorm } from "./norms.ts";
import type { Parameters, StackParameters } from "./parameter-tree.ts";

/** Whether there is one prediction a sequence instead of one a position. */
export function isPooled({ head }: Pick<ModelConfig, "head">): boolean {
  return head === "sequence-classification" || head === "regression";
}

/** The stream behind the last block as everything after it reads it. */
export function applyFinalNorm(config: ModelConfig, { finalNorm }: StackParameters<Tensor>, x: Tensor): Tensor {
  return finalNorm === undefined ? x : applyNorm(x, finalNorm, config);
}

/**
 * Logits, or numbers, from what the last block leaves.
 *
 * @param x `[…, modelDim]`; where there is one prediction a sequence `[B, L, modelDim]`
 * @param mask `[B, L]` float32: 1 for real tokens; default: all are
 * @returns `[…, vocabSize]` or `[…, numLabels]`; where there is one prediction a sequence `[B, 1, numLabels]`
 */
export function output(
  { config, parameters }: { readonly config: ModelConfig; readonly parameters: Parameters<Tensor> },
  x: Tensor,
  mask?: Tensor,
): Tensor {
  return scope("output", () => {
    const { decoder, classifier, head, tokenEmbedding } = parameters;
    const normed = applyFinalNorm(config, decoder ?? parameters, x);
    if (config.head === "language-modeling") {
      return matmul(normed, head?.weight ?? tokenEmbedding.weight, { transposeB: true });
    }
    if (classifier === undefined)
      throw new GraphError(`output: head '${config.head}' must have a classifier, got none`);
    return applyLinear(isPooled(config) ? pool(config, normed, mask) : normed, classifier);
  });
}

/** `[B, L, modelDim]` → `[B, 1, modelDim]`. */
function pool({ pooling }: ModelConfig, x: Tensor, mask: Tensor | undefined): Tensor {
  if (pooling === "first") return slice(x, 1, 0, 1);
  const over = { axes: [1], keepDims: true };
  if (mask === undefined) return mean(x, over);
  const real = reshape(mask, [...mask.shape, 1]);
  return div(sum(mul(x, real), over), maximum(sum(real, over), 1));
}
