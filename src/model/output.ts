/** From what the last block leaves to predictions: tokens, classes or numbers. */
import { GraphError, problem } from "../graph/errors.ts";
import { scope } from "../graph/scope.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, div, maximum, mul, sub } from "../ops/elementwise.ts";
import { mean } from "../ops/composed.ts";
import { reshape } from "../ops/layout.ts";
import { gelu } from "../ops/gelu.ts";
import { matmul } from "../ops/matmul.ts";
import { sum } from "../ops/reduce.ts";
import { concat, slice } from "../ops/slicing.ts";
import { full } from "../ops/source.ts";
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
 * @returns `[…, vocabSize]` or `[…, numLabels]`; of head `none` x behind the final norm; where there is one prediction
 *   a sequence `[B, 1, numLabels]`
 */
export function output(
  { config, parameters }: { readonly config: ModelConfig; readonly parameters: Parameters<Tensor> },
  x: Tensor,
  mask?: Tensor,
): Tensor {
  const normed = scope("output", () => applyFinalNorm(config, parameters.decoder ?? parameters, x));
  return applyHead({ config, parameters }, normed, mask);
}

/** The output layer alone, applied to the final norm's result. */
export function applyHead(
  { config, parameters }: { readonly config: ModelConfig; readonly parameters: Parameters<Tensor> },
  normed: Tensor,
  mask?: Tensor,
): Tensor {
  return scope("output", () => {
    const { classifier, head, headTransform, headBias, tokenEmbedding } = parameters;
    if (config.head === "none") return normed;
    if (config.head === "language-modeling") {
      const x = headTransform
        ? applyNorm(gelu(applyLinear(normed, headTransform.linear)), headTransform.norm, config)
        : normed;
      const table = head ?? tokenEmbedding;
      if (table === undefined)
        throw new GraphError(problem`output: a language model must have a table of tokens, got none`);
      const y = matmul(x, table.weight, { transposeB: true });
      return headBias ? add(y, headBias.bias) : y;
    }
    if (classifier === undefined)
      throw new GraphError(problem`output: head '${config.head}' must have a classifier, got none`);
    const y = applyLinear(isPooled(config) ? pool(config, normed, mask) : normed, classifier);
    const { labelMean = 0, labelDeviation = 1 } = config;
    const scaled = labelDeviation === 1 ? y : mul(y, labelDeviation);
    return labelMean === 0 ? scaled : add(scaled, labelMean);
  });
}

/** `[B, L, modelDim]` → `[B, 1, modelDim]`. Padding stands at the end. */
function pool({ pooling }: ModelConfig, x: Tensor, mask: Tensor | undefined): Tensor {
  if (pooling === "first") return slice(x, 1, 0, 1);
  const over = { axes: [1], keepDims: true };
  const [batchSize = 1, seqLen = 1] = x.shape;
  if (mask === undefined) return pooling === "last" ? slice(x, 1, seqLen - 1, seqLen) : mean(x, over);
  const real = reshape(mask, [batchSize, seqLen, 1]);
  if (pooling === "last") {
    // 1 where a token stands and none behind it.
    const none = full([batchSize, 1, 1], 0);
    const behind = seqLen === 1 ? none : concat([slice(real, 1, 1, seqLen), none], 1);
    return sum(mul(x, sub(real, behind)), over);
  }
  return div(sum(mul(x, real), over), maximum(sum(real, over), 1));
}
