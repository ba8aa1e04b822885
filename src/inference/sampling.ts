/** From logits to a token: temperature, top-k, top-p. */
import type { Random } from "../random/index.ts";
import { ConfigError } from "../attention/parse-options.ts";

export interface SamplingOptions {
  /** Divides the logits; 0 takes the most probable token. Default 1: the model's own distribution. */
  readonly temperature?: number;
  /** Only the k most probable tokens; 0 (default) keeps all. */
  readonly topK?: number;
  /** Only the most probable tokens that together reach this probability; 1 (default) keeps all. */
  readonly topP?: number;
}

/** @throws ConfigError naming the option, the rule and what came */
export function checkSampling(options: SamplingOptions): Required<SamplingOptions> {
  const { temperature = 1, topK = 0, topP = 1 } = options;
  if (!(Number.isFinite(temperature) && temperature >= 0)) {
    throw new ConfigError(
      `generate: temperature must be a number ≥ 0, got ${temperature}; 1 is the model's own distribution`,
    );
  }
  if (!Number.isInteger(topK) || topK < 0) {
    throw new ConfigError(`generate: top-k must be a whole number ≥ 0, got ${topK}; 0 keeps all tokens`);
  }
  if (!(topP > 0 && topP <= 1)) {
    throw new ConfigError(`generate: top-p must be above 0 and at most 1, got ${topP}; 1 keeps all tokens`);
  }
  return { temperature, topK, topP };
}

/**
 * Draws a token.
 *
 * @param logits one a token; −Infinity for tokens that must not come
 * @returns the token and its log-probability under the model itself (temperature 1, nothing cut), in nats
 */
export function sample(
  logits: Float64Array,
  { temperature, topK, topP }: Required<SamplingOptions>,
  random: Random,
): { readonly token: number; readonly logProbabilityNats: number } {
  const order = Array.from(logits.keys()).toSorted((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0) || a - b);
  const best = order[0] ?? 0;
  const token = temperature === 0 ? best : draw(logits, order, { temperature, topK, topP }, random);
  return { token, logProbabilityNats: (logits[token] ?? 0) - logSumExp(logits) };
}

function draw(
  logits: Float64Array,
  order: readonly number[],
  { temperature, topK, topP }: Required<SamplingOptions>,
  random: Random,
): number {
  const top = logits[order[0] ?? 0] ?? 0;
  const kept = topK > 0 ? order.slice(0, topK) : order;
  const weights = kept.map((token) => Math.exp(((logits[token] ?? 0) - top) / temperature));
  const limit = topP * weights.reduce((a, b) => a + b, 0);
  let nucleus = 0;
  let reached = 0;
  while (nucleus < weights.length && (nucleus === 0 || reached < limit)) reached += weights[nucleus++] ?? 0;
  let left = random.uniform() * reached;
  for (let i = 0; i < nucleus; i++) {
    left -= weights[i] ?? 0;
    if (left < 0) return kept[i] ?? 0;
  }
  return kept[nucleus - 1] ?? 0;
}

function logSumExp(values: Float64Array): number {
  const top = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return top + Math.log(values.reduce((total, value) => total + Math.exp(value - top), 0));
}
