/** Exact attention for short sequences, FAVOR+ for long ones: whichever is faster, on the same weights. */
import type { Tensor } from "../graph/tensor.ts";
import { exact } from "./exact.ts";
import { favorMechanisms } from "./favor/favor.ts";
import type { AttentionMechanism, ChoiceSizes } from "./mechanism.ts";

// Without the summary of keys: for few of them attention is exact, and what is kept for it are the keys themselves. And
// without a length of blocks: which of both is taken follows the length.
const { summarised: _summarised, wholeBlocks: _wholeBlocks, ...favor } = favorMechanisms.favor;

/**
 * Keys up to which exact attention is faster on the CPU: a fixed number and so many for each feature, for its cost for
 * a query grows with the keys, that of linear attention with the features. Between where the forward pass alone breaks
 * even and where training does; measured with 128, 256 and 512 features (docs/performance.md).
 */
const CROSSOVER = {
  causal: { keys: 240, keysPerFeature: 1.4 },
  bidirectional: { keys: 110, keysPerFeature: 1.85 },
} as const;

/** The longest sequence of keys that `auto` attends to exactly. */
export function longestExact({ causal, numFeatures }: Omit<ChoiceSizes, "numKeys">): number {
  const { keys, keysPerFeature } = CROSSOVER[causal ? "causal" : "bidirectional"];
  return Math.round(keys + keysPerFeature * numFeatures);
}

function choose({ numKeys, ...sizes }: ChoiceSizes): "exact" | "favor" {
  return numKeys <= longestExact(sizes) ? "exact" : "favor";
}

/**
 * Positive features estimate the softmax kernel, so both mechanisms take the weights of the other. A state is always
 * that of FAVOR+: decoding, and sequences in parts, are linear from the first token.
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
