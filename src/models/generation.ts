/** Options of generation by the names of transformers.js, and what they mean here. */
import { problem, withOptionNames } from "../graph/errors.ts";
import { refuseUnknownKeys } from "./check-examples.ts";
import { ConfigError } from "../model/index.ts";
import type { StoppingRule, StreamedToken } from "../inference/index.ts";

/**
 * Receives token ids while they are generated, as transformers.js' TextStreamer does: `new TextStreamer(tokenizer)` is
 * one.
 */
export interface TokenStreamer {
  /** Called with the prompt's ids, then with each new id: `[[id]]`. */
  put(value: bigint[][]): void;
  /** Called once, after the last token. */
  end(): void;
}

/**
 * Decides after each token whether the sequence ends, as a StoppingCriteria of transformers.js does.
 *
 * @param input_ids the sequence so far, the begin token included: `[[…ids]]`
 * @param scores logits of the last token: `[[…]]`, one for each token of the vocabulary
 */
export type StoppingCriterion = (input_ids: number[][], scores: number[][]) => boolean | readonly boolean[];

/** Options of `stream`, by the names of transformers.js. */
export interface StreamOptions {
  /** Most tokens to add. Default 200. */
  readonly max_new_tokens?: number;
  /** Divides the logits. Default 1, the model's own distribution; 0 takes the most probable token. */
  readonly temperature?: number;
  /** Draws from the k most probable tokens only. Default 0: from all. */
  readonly top_k?: number;
  /** Draws from the most probable tokens that together reach this probability. Default 1: from all. */
  readonly top_p?: number;
  /** Makes tokens that have come before less probable (arXiv:1909.05858). Default 1: no change. */
  readonly repetition_penalty?: number;
  /** The sequence cannot end before it has so many new tokens. Default 0. */
  readonly min_new_tokens?: number;
  /** Same seed, same tokens. Default 0. */
  readonly seed?: number;
  /** Ends the sequence where one of them says so. Default: the model ends it, or max_new_tokens. */
  readonly stopping_criteria?: StoppingCriterion | readonly StoppingCriterion[];
  /** Ends generation before the next step; the signal's reason is thrown. Default: nothing does. */
  readonly signal?: AbortSignal;
}

/** Options of `generate` for a sequence with one result. */
export interface SingleGenerationOptions extends StreamOptions {
  /** Receives token ids as they come; for one sequence. Default: nobody does. */
  readonly streamer?: TokenStreamer;
}

/** Options of `generate`, by the names of transformers.js. */
export interface GenerationOptions extends SingleGenerationOptions {
  /** How many sequences to draw. Default 1. */
  readonly num_return_sequences?: number;
  /** A conditioning tag that the model was trained with; `vocabulary.tags` lists them. Default: none. */
  readonly tag?: string;
}

const streamKeys = [
  "max_new_tokens",
  "min_new_tokens",
  "temperature",
  "top_k",
  "top_p",
  "repetition_penalty",
  "seed",
  "stopping_criteria",
  "signal",
] as const satisfies readonly (keyof StreamOptions)[];

/**
 * Generation options by the names of this package.
 *
 * @param more options of the caller beside those of streams
 * @throws ConfigError for keys that are no options, and for a signal or criteria of another kind
 */
export function generationSettings(who: string, options: StreamOptions, more: readonly string[] = []) {
  refuseUnknownKeys(who, options, [...streamKeys, ...more]);
  const { max_new_tokens, min_new_tokens, top_k, top_p, temperature, repetition_penalty, seed, signal } = options;
  const { stopping_criteria } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new ConfigError(
      problem`${who}: signal must be an AbortSignal, got a ${typeof signal}; give controller.signal`,
    );
  }
  return {
    ...(min_new_tokens !== undefined && { minNewTokens: min_new_tokens }),
    ...(repetition_penalty !== undefined && { repetitionPenalty: repetition_penalty }),
    ...(max_new_tokens !== undefined && { maxNewTokens: max_new_tokens }),
    ...(top_k !== undefined && { topK: top_k }),
    ...(top_p !== undefined && { topP: top_p }),
    ...(temperature !== undefined && { temperature }),
    ...(seed !== undefined && { seed }),
    ...(signal !== undefined && { signal }),
    ...(stopping_criteria !== undefined && { stop: stoppingRule(who, stopping_criteria) }),
  };
}

function stoppingRule(who: string, criteria: StoppingCriterion | readonly StoppingCriterion[]): StoppingRule {
  const all = typeof criteria === "function" ? [criteria] : criteria;
  if (!Array.isArray(all) || !all.every((each) => typeof each === "function")) {
    throw new ConfigError(
      problem`${who}: stopping_criteria must be a function or a list of functions, got a ${typeof criteria}; give
      (input_ids, scores) => boolean`,
    );
  }
  return (tokenIds, logits) =>
    all.some((criterion) => {
      const found = criterion([[...tokenIds]], [Array.from(logits)]);
      return Array.isArray(found) ? found.some((each) => each === true) : found === true;
    });
}

/** Names of options that transformers.js writes otherwise. */
const callersNames: Readonly<Record<string, string>> = {
  maxNewTokens: "max_new_tokens",
  minNewTokens: "min_new_tokens",
  topK: "top_k",
  topP: "top_p",
  repetitionPenalty: "repetition_penalty",
  count: "num_return_sequences",
};

/** Passes a result on, and renames the options in errors to those that the caller wrote. */
export async function byCallersNames<Result>(generating: Promise<Result>): Promise<Result> {
  return generating.catch((error: unknown) => {
    throw withOptionNames(error, (option) => callersNames[option]);
  });
}

/** Does for a stream what `byCallersNames` does for a call. */
export async function* streamByCallersNames<Result>(
  stream: AsyncGenerator<StreamedToken, Result>,
): AsyncGenerator<StreamedToken, Result> {
  try {
    return yield* stream;
  } catch (error) {
    throw withOptionNames(error, (option) => callersNames[option]);
  }
}

/**
 * Passes a stream on to a streamer.
 *
 * @param promptIds without the begin token
 * @returns what the stream returns
 * @throws ConfigError for a streamer that has no put and end
 */
export async function sendTo<Result>(
  who: string,
  streamer: TokenStreamer,
  promptIds: Iterable<number>,
  stream: AsyncGenerator<StreamedToken, Result>,
): Promise<Result> {
  if (typeof streamer?.put !== "function" || typeof streamer.end !== "function") {
    throw new ConfigError(
      problem`${who}: streamer must have put() and end(), got a ${typeof streamer}; use a TextStreamer`,
    );
  }
  try {
    streamer.put([Array.from(promptIds, BigInt)]);
    for (;;) {
      const { done, value } = await stream.next();
      if (done === true) {
        streamer.end();
        return value;
      }
      streamer.put([[BigInt(value.tokenId)]]);
    }
  } finally {
    // Frees the decoder, also where the streamer has thrown.
    await stream.return(undefined as Result);
  }
}
