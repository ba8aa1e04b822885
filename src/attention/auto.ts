/** Exact attention for short sequences, FAVOR+ for long ones: whichever is faster, on the same weights. */
import type { Tensor } from "../graph/tensor.ts";
import { exact } from "./exact.ts";
import { favorMechanisms } from "./favor/favor.ts";
import type { AttentionMechanism, ChoiceSizes } from "./mechanism.ts";

const { favor } = favorMechanisms;

/**
 * Keys up to which exact attention is faster on the CPU, over the number of features: its cost for a query grows with the keys,
 * that of linear attention with the features (`performer bench attention --lengths 256,512,1024,2048`, docs/performance.md).
 */
const CROSSOVER = { causal: 2.2, bidirectional: 2.8 } as const;

/** The longest sequence of keys that `auto` attends to exactly. */
export function longestExact({ causal, numFeatures }: Omit<ChoiceSizes, "numKeys">): number {
  return Math.round(numFeatures * CROSSOVER[causal ? "causal" : "bidirectional"]);
}

function choose({ numKeys, ...sizes }: ChoiceSizes): "exact" | "favor" {
  return numKeys <= longestExact(sizes) ? "exact" : "favor";
}

/**
 * Positive features estimate the softmax kernel, so both mechanisms take the weights of the other. A state is always that of FAVOR+:
 * decoding, and sequences in parts, are linear from the first token.
 */
export const auto: AttentionMechanism = {
  ...favor,
  name: "auto",
  summary: "exact attention up to the length where FAVOR+ becomes faster, FAVOR+ beyond it",
  apply: (q: Tensor, k, v, options) => {
    const numFeatures = options.projection?.shape.at(-2) ?? 0;
    const taken = choose({ causal: options.causal, numKeys: k.shape[2] ?? 0, numFeatures });
    return (taken === "exact" ? exact : favor).apply(q, k, v, options);
  },
  choose,
};
