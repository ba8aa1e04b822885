/** How likely given sequences are under a model. */
import { ConfigError, problem } from "../graph/errors.ts";
import type { EncodedSequence } from "../data/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { ModelConfig } from "../model/config.ts";
import { logits } from "../model/performer.ts";
import { input } from "../ops/source.ts";
import { maskedMarginals } from "./marginals.ts";
import { runSequences, type SequenceGraph, type SequenceRunOptions } from "./sequence-runs.ts";
import { targetLogProbabilities } from "./target-log-probabilities.ts";

/**
 * How an encoder, which has no likelihood, scores a sequence. `masked`: the pseudo-log-likelihood Σ log p(rᵢ | r
 * without rᵢ), exactly, with as many passes as there are tokens (arXiv:1910.14659). `one-pass`: Σ log p(rᵢ | r), where
 * every token sees itself: an approximation from above, because training shows a tenth of the targets as they are; at
 * the cost of one pass.
 */
export const scoringMethods = ["masked", "one-pass"] as const;
export type ScoringMethod = (typeof scoringMethods)[number];

export interface ScoreOptions<S extends EncodedSequence = EncodedSequence> extends Pick<
  SequenceRunOptions<unknown, S>,
  "config" | "tensors" | "vocabulary" | "backend" | "sequences" | "tokensPerBatch" | "memoryLimitBytes" | "dtype"
> {
  /** How an encoder scores. Default `masked`. Decoders take none: their likelihood is one pass. */
  readonly method?: ScoringMethod;
  /** Called after every batch with the tokens scored so far. */
  readonly onProgress?: (tokens: number) => void;
}

export interface SequenceScore {
  readonly id: string;
  /** The sequence's own: the end token is not scored, as in an evaluation. */
  readonly tokens: number;
  /** Σ perTokenNats: log p(sequence) of a decoder, the pseudo-log-likelihood of an encoder. */
  readonly logLikelihoodNats: number;
  /** exp(−logLikelihoodNats / tokens). */
  readonly perplexity: number;
  /** log p of each token given those before it (decoder), or all others (encoder). */
  readonly perTokenNats: Float32Array;
}

/**
 * Scores sequences as they come, in their order, at memory that does not grow with their number.
 *
 * Probabilities are those that training and evaluation know: over the whole vocabulary, special tokens included. So
 * minus the sum over a split divided by its tokens is the loss that an evaluation of a decoder gives, as long as no
 * sequence is longer than maxSeqLen: an evaluation cuts those into windows, and here they are read whole, which learned
 * positions and mechanisms with a parameter for each place do not allow.
 *
 * @throws ConfigError for models that predict no tokens of their own input, for a method with a decoder, and for
 *   sequences that are longer than the model's positions; DataError for a sequence without tokens
 *
 * @example
 * const sequences = [{ id: "one", tokenIds: vocabulary.encode("MKVLA") }];
 * for await (const { id, logLikelihoodNats } of scoreSequences({ config, tensors, vocabulary, backend, sequences })) …
 */
export async function* scoreSequences(options: ScoreOptions): AsyncGenerator<SequenceScore> {
  const method = checkMethod("scoreSequences", options.config, options.method);
  if (method === "masked") yield* byMasking(options);
  else yield* inOnePass(options, method === "likelihood" ? "shifted" : "wrapped");
}

/**
 * How a model scores.
 *
 * @throws ConfigError for models that predict no tokens of their own input, and for a method with a decoder
 */
export function checkMethod(
  who: string,
  { architecture, head }: ModelConfig,
  method?: ScoringMethod,
): ScoringMethod | "likelihood" {
  if (architecture === "encoder-decoder" || head !== "language-modeling") {
    throw new ConfigError(
      problem`${who}: the model must predict the tokens of its input, got architecture '${architecture}' with head
      '${head}'; use a decoder or a masked language model`,
    );
  }
  if (architecture === "decoder" && method !== undefined) {
    throw new ConfigError(
      problem`${who}: method must be left out for a decoder, which has a likelihood, got '${String(method)}'; leave it
      out`,
    );
  }
  if (architecture === "decoder") return "likelihood";
  if (method === undefined || scoringMethods.includes(method)) return method ?? "masked";
  throw new ConfigError(
    problem`${who}: method must be ${scoringMethods.join(" or ")}, got '${String(method)}'; leave it out for masked`,
  );
}

/** @param wrap whether place i predicts token i from those before it, or reads it */
async function* inOnePass(options: ScoreOptions, wrap: "shifted" | "wrapped"): AsyncGenerator<SequenceScore> {
  const start = wrap === "wrapped" ? 1 : 0;
  const { bosId } = options.vocabulary;
  yield* runSequences({
    ...options,
    wrap,
    build: logProbabilitiesOfTargets,
    rows: { targetIds: ({ tokenIds }) => (start === 1 ? [bosId, ...tokenIds] : tokenIds) },
    read: ({ nats }, row, { id, tokenIds }) => {
      const [, width = 1] = nats?.shape ?? [];
      const first = row * width + start;
      const all = nats?.data as Float32Array; // declared float32
      return scoreOf(id, Float32Array.from(all.subarray(first, first + tokenIds.length)));
    },
  });
}

/**
 * Outputs `nats` `[B, L]` from inputs `tokenIds` and `targetIds`: the softmax over the vocabulary stays inside the
 * graph.
 */
export function logProbabilitiesOfTargets({ model, tokenIds, form }: SequenceGraph): Record<string, Tensor> {
  const targetIds = input("targetIds", tokenIds.shape, "int32");
  return { nats: targetLogProbabilities(logits(model, tokenIds, { form }), targetIds) };
}

async function* byMasking(options: ScoreOptions): AsyncGenerator<SequenceScore> {
  let nats: number[] = [];
  for await (const { sequence, place, logProbabilities } of maskedMarginals(options)) {
    const { id, tokenIds } = sequence;
    nats.push(logProbabilities[tokenIds[place] ?? 0] ?? Number.NaN);
    if (nats.length < tokenIds.length) continue;
    yield scoreOf(id, Float32Array.from(nats));
    nats = [];
  }
}

function scoreOf(id: string, perTokenNats: Float32Array): SequenceScore {
  const tokens = perTokenNats.length;
  const logLikelihoodNats = perTokenNats.reduce((total, nats) => total + nats, 0);
  return { id, tokens, logLikelihoodNats, perplexity: Math.exp(-logLikelihoodNats / tokens), perTokenNats };
}
