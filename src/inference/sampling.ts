/** From logits to a token: repetition penalty, temperature, top-k, top-p. */
import type { Random } from "../random/index.ts";
import { ConfigError, problem } from "../graph/errors.ts";
import { logSumExp } from "../statistics/index.ts";

export interface SamplingOptions {
  /** Divides the logits; 0 takes the most probable token. Default 1: the model's own distribution. */
  readonly temperature?: number;
  /** Only the k most probable tokens; 0 (default) keeps all. */
  readonly topK?: number;
  /** Only the most probable tokens that together reach this probability; 1 (default) keeps all. */
  readonly topP?: number;
  /**
   * Logits of tokens that have come before, the prompt's included, are divided by it where they are above 0 and
   * multiplied by it where they are below, as in Hugging Face's library; below 1 it rewards repetition. 1 (default)
   * changes nothing. Meant for large vocabularies: of 20 residues all have soon come, and from then on it lowers them
   * all alike, which brings the end nearer.
   *
   * Source: CTRL, arXiv:1909.05858.
   */
  readonly repetitionPenalty?: number;
}

/** Constraints on a single draw. */
export interface DrawContext {
  /** Tokens that have come before. Default none. */
  readonly seen?: ReadonlySet<number>;
  /** Tokens that must not be drawn now, though the model may mean them. Default none. */
  readonly barred?: readonly number[];
}

/** @throws ConfigError naming the option, the rule and what came */
export function checkSampling(options: SamplingOptions): Required<SamplingOptions> {
  const { temperature = 1, topK = 0, topP = 1, repetitionPenalty = 1 } = options;
  if (!(Number.isFinite(temperature) && temperature >= 0)) {
    throw new ConfigError(
      problem`generate: temperature must be a number ≥ 0, got ${temperature}; 1 is the model's own distribution`,
    );
  }
  if (!Number.isInteger(topK) || topK < 0) {
    throw new ConfigError(problem`generate: topK must be a whole number ≥ 0, got ${topK}; 0 keeps all tokens`);
  }
  if (!(topP > 0 && topP <= 1)) {
    throw new ConfigError(problem`generate: topP must be above 0 and at most 1, got ${topP}; 1 keeps all tokens`);
  }
  if (!(Number.isFinite(repetitionPenalty) && repetitionPenalty > 0)) {
    throw new ConfigError(
      problem`generate: repetitionPenalty must be a number above 0, got ${repetitionPenalty}; 1 changes nothing, 1.2 is
      usual for text`,
    );
  }
  return { temperature, topK, topP, repetitionPenalty };
}

/** @throws ConfigError for a least number of tokens that is none, or above the largest */
export function checkMinNewTokens(minNewTokens: number, maxNewTokens: number): void {
  if (Number.isInteger(minNewTokens) && minNewTokens >= 0 && minNewTokens <= maxNewTokens) return;
  throw new ConfigError(
    problem`generate: minNewTokens must be a whole number from 0 to ${maxNewTokens}, the tokens at most, got
    ${minNewTokens}; omit it for 0`,
  );
}

/**
 * Draws a token.
 *
 * @param logits one a token; −Infinity for tokens that must not come
 * @returns the token and its log-probability under the model itself (temperature 1, no penalty, nothing cut or barred),
 *   in nats
 */
export function sample(
  logits: Float64Array,
  { temperature, topK, topP, repetitionPenalty }: Required<SamplingOptions>,
  random: Random,
  { seen = new Set(), barred = [] }: DrawContext = {},
): { readonly token: number; readonly logProbabilityNats: number } {
  const wanted = logits.slice();
  if (repetitionPenalty !== 1) for (const id of seen) wanted[id] = penalised(wanted[id] ?? 0, repetitionPenalty);
  for (const id of barred) wanted[id] = Number.NEGATIVE_INFINITY;
  const order = Array.from(wanted.keys()).toSorted((a, b) => (wanted[b] ?? 0) - (wanted[a] ?? 0) || a - b);
  const best = order[0] ?? 0;
  const token = temperature === 0 ? best : draw(wanted, order, { temperature, topK, topP }, random);
  return { token, logProbabilityNats: (logits[token] ?? 0) - logSumExp(logits) };
}

function penalised(logit: number, penalty: number): number {
  return logit > 0 ? logit / penalty : logit * penalty;
}

function draw(
  logits: Float64Array,
  order: readonly number[],
  { temperature, topK, topP }: Required<Omit<SamplingOptions, "repetitionPenalty">>,
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
