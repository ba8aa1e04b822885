/** New sequences from a causal model. */
import type { NdArray } from "../graph/ndarray.ts";
import type { Vocabulary } from "../data/index.ts";
import type { ModelConfig } from "../model/config.ts";
import { ConfigError } from "../model/parse-options.ts";
import type { Named } from "../model/parameters.ts";
import { checkTensors, checkVocabulary } from "../model/tensors.ts";
import { createRandom } from "../random/index.ts";
import type { Backend } from "../runtime/backend.ts";
import { createDecoder } from "./decoder.ts";
import { checkSampling, sample, type SamplingOptions } from "./sampling.ts";

export interface GenerateOptions extends SamplingOptions {
  readonly config: ModelConfig;
  /** Weights and projections. */
  readonly tensors: Named<NdArray>;
  readonly vocabulary: Vocabulary;
  readonly backend: Backend;
  /** The sequences begin with this. Default empty. */
  readonly prompt?: string;
  /** At most so many tokens are added; a sequence ends earlier where the model ends it. Default 200. */
  readonly maxNewTokens?: number;
  /** Default 0. Each sequence has a stream of its own, so the first is the same whatever the count. */
  readonly seed?: number;
  /** Sequences, drawn side by side. Default 1. */
  readonly count?: number;
  /** Called after every token with the number of tokens so far. */
  readonly onToken?: (tokens: number) => void;
}

export interface GeneratedSequence {
  readonly prompt: string;
  /** The whole sequence, prompt included. */
  readonly sequence: string;
  /** Tokens added, the end token included. */
  readonly tokens: number;
  /** Whether the model ended it; otherwise maxNewTokens did. */
  readonly finished: boolean;
  /** Σ log p of the added tokens under the model, in nats. */
  readonly logLikelihoodNats: number;
}

/**
 * Generates sequences token by token, at a cost that does not depend on the position for mechanisms with a recurrent form.
 *
 * @throws ConfigError for options out of range; DataError for a prompt with letters outside the vocabulary
 */
export async function generate(options: GenerateOptions): Promise<GeneratedSequence[]> {
  const { config, tensors, vocabulary, backend, prompt = "", maxNewTokens = 200, seed = 0, count = 1 } = options;
  const sampling = checkSampling(options);
  for (const [name, value] of Object.entries({ tokens: maxNewTokens, count })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new ConfigError(`generate: ${name} must be a positive whole number, got ${value}; omit it for the default`);
    }
  }
  checkTensors(config, tensors, "generate");
  checkVocabulary(config, vocabulary, "generate");
  const promptIds = vocabulary.encode(prompt, { recordId: "the prompt" });
  // The begin token and all but the last of the rest are read.
  const positions = promptIds.length + maxNewTokens;
  if (config.positions === "learned" && positions > config.maxSeqLen) {
    throw new ConfigError(
      `generate: with learned positions, prompt and new tokens together must not exceed maxSeqLen ${config.maxSeqLen}, got ${positions}; ` +
        `ask for at most ${config.maxSeqLen - promptIds.length} tokens, or train with positions 'rotary', which have no end`,
    );
  }
  const never = [vocabulary.padId, vocabulary.bosId, vocabulary.maskId];
  const rows = Array.from({ length: count }, (_, index) => ({
    ids: [] as number[],
    random: createRandom(seed, "sample", index),
    tokens: 0,
    finished: false,
    logLikelihoodNats: 0,
  }));

  await using decoder = await createDecoder(config, tensors, backend, count);
  let logits = await decoder.next(new Int32Array(count).fill(vocabulary.bosId));
  for (const token of promptIds) logits = await decoder.next(new Int32Array(count).fill(token));
  for (let added = 0; added < maxNewTokens && rows.some(({ finished }) => !finished); added++) {
    const tokens = new Int32Array(count).fill(vocabulary.eosId);
    rows.forEach((row, index) => {
      if (row.finished) return;
      const own = Float64Array.from(logits.subarray(index * config.vocabSize, (index + 1) * config.vocabSize));
      for (const id of never) own[id] = Number.NEGATIVE_INFINITY;
      const { token, logProbabilityNats } = sample(own, sampling, row.random);
      row.tokens++;
      row.logLikelihoodNats += logProbabilityNats;
      row.finished = token === vocabulary.eosId;
      if (!row.finished) row.ids.push(token);
      tokens[index] = token;
    });
    options.onToken?.(added + 1);
    const more = added + 1 < maxNewTokens && rows.some(({ finished }) => !finished);
    if (more) logits = await decoder.next(tokens);
  }
  return rows.map(({ ids, tokens, finished, logLikelihoodNats }) => ({
    prompt,
    sequence: prompt + vocabulary.decode(ids),
    tokens,
    finished,
    logLikelihoodNats,
  }));
}
