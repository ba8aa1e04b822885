/**
 * Efficient attention: a softmax of queries over features and one of keys over positions, in place of one over all
 * pairs.
 */
import { expectShapes } from "../graph/expect-shapes.ts";
import { GraphError, problem } from "../graph/errors.ts";
import type { Tensor } from "../graph/tensor.ts";
import { withOnes } from "../ops/composed.ts";
import { exp, mul, sub } from "../ops/elementwise.ts";
import { matmul } from "../ops/matmul.ts";
import { max } from "../ops/maximum-along.ts";
import { softmax } from "../ops/normalize.ts";
import { stopGradient } from "../ops/source.ts";
import { refuseCausal, requireBidirectional } from "./bidirectional-only.ts";
import { maskColumn } from "./favor/maps/real.ts";
import { maskedScale, normalized } from "./favor/normalized.ts";
import type { AttentionMechanism, SummarisedForm } from "./mechanism.ts";

/** Summary: `context` ρ_k(K)ᵀ V, a mean of values for every feature of a key, `[B, H, D, E]`. */
const summarised: SummarisedForm = {
  summarise: (k, v, { keyMask }) => {
    const shapes = { k: [k, "B H S D"], v: [v, "B H S E"] } as const;
    expectShapes("efficient", keyMask ? { ...shapes, keyMask: [keyMask, "B S"] } : shapes);
    return { context: contextOf(k, v, keyMask) };
  },
  read: (q, { context }) => {
    if (context !== undefined) return matmul(softmax(q), context);
    throw new GraphError(problem`efficient: a summary must have 'context', got none; take what summarise() gives`);
  },
};

/**
 * ρ_q(Q) (ρ_k(K)ᵀ V), with ρ_q the softmax of each row and ρ_k that of each column: every feature is an attention map
 * over the sequence, and a query mixes the means that they give. As published, without the factor 1/√D of softmax
 * attention.
 *
 * A sequence without any real key gives 0.
 *
 * Source: section 3.2, arXiv:1812.01243.
 */
export const efficient: AttentionMechanism & { readonly summarised: SummarisedForm } = {
  name: "efficient",
  summary: "efficient attention: softmax of queries over features, of keys over positions; bidirectional",
  complexity: "O(L)",
  wholeBlocks: { least: 1 },
  initialise: () => undefined,
  refuse: refuseCausal,
  apply: (q, k, v, { causal, keyMask }) => {
    requireBidirectional("efficient", causal);
    const shapes = { q: [q, "B H L D"], k: [k, "B H S D"], v: [v, "B H S E"] } as const;
    expectShapes("efficient", keyMask ? { ...shapes, keyMask: [keyMask, "B S"] } : shapes);
    return matmul(softmax(q), contextOf(k, v, keyMask));
  },
  summarised,
};

/** A softmax over positions is a quotient of two sums over them; the ones column of [v, 1] holds the lower one. */
function contextOf(k: Tensor, v: Tensor, keyMask: Tensor | undefined): Tensor {
  const mask = keyMask && maskColumn(keyMask);
  const logits = maskedScale(k, mask);
  const largest = stopGradient(max(logits, { axes: [-2], keepDims: true }));
  const weights = exp(sub(logits, largest));
  // Where no key is real, the largest logit is that of padding.
  return normalized(matmul(mask ? mul(weights, mask) : weights, withOnes(v), { transposeA: true })).out;
}
