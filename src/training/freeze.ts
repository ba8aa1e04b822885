/** Which weights a run trains, and which it leaves as they are. */
import { ConfigError, problem } from "../graph/errors.ts";
import type { ModelConfig } from "../model/config.ts";
import { layerPrefix, parameterShapes, type Named } from "../model/parameters.ts";
import type { TrainingConfig } from "./config.ts";

export type Freeze = TrainingConfig["freeze"];

/** The prefixes of output layers' names. */
const HEADS = ["head.", "headTransform.", "headBias.", "classifier.", "pointer."] as const;
const EMBEDDINGS = [
  "tokenEmbedding.",
  "patchEmbedding.",
  "positionEmbedding.",
  "axialEmbedding.",
  "embeddingNorm.",
] as const;

/**
 * Names of the weights that are trained, in the model's order.
 *
 * @throws ConfigError where nothing would be left to train, for more layers than there are, and for layers of two
 *   stacks
 */
export function trainableNames(config: ModelConfig, freeze: Freeze = "none"): readonly string[] {
  const names = Object.keys(parameterShapes(config));
  if (freeze === "none") return names;
  if (freeze === "body") {
    const ofHead = names.filter((name) => startsWithAny(name, HEADS));
    if (ofHead.length > 0) return ofHead;
    throw new ConfigError(
      problem`training: freeze 'body' must leave an output layer to train, got head '${config.head}' with tied
      embeddings, which has none of its own; set freeze to a number of layers, or train a head with labels`,
    );
  }
  const { architecture, numLayers } = config;
  if (architecture === "encoder-decoder") {
    throw new ConfigError(
      problem`training: freeze as a number of layers must come with one stack of blocks, got architecture
      'encoder-decoder' and ${freeze}; leave it out`,
    );
  }
  if (freeze > numLayers) {
    throw new ConfigError(
      problem`training: freeze must be at most numLayers ${numLayers}, got ${freeze}; 'body' freezes all but the output
      layer`,
    );
  }
  const frozen = [...EMBEDDINGS, ...Array.from({ length: freeze }, (_, layer) => layerPrefix(layer))];
  return names.filter((name) => !startsWithAny(name, frozen));
}

/** How many of the first layers, the embedding before them included, no gradient has to go through. */
export function frozenLayers({ numLayers }: Pick<ModelConfig, "numLayers">, freeze: Freeze = "none"): number {
  if (freeze === "none") return 0;
  return freeze === "body" ? numLayers : freeze;
}

/** The entries of the given names. */
export function pickNames<T>(all: Named<T>, names: readonly string[]): Record<string, T> {
  const wanted = new Set(names);
  return Object.fromEntries(Object.entries(all).filter(([name]) => wanted.has(name)));
}

function startsWithAny(name: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => name.startsWith(prefix));
}
