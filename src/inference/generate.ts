/** New sequences from a causal model. */
import type { NdArray } from "../graph/ndarray.ts";
import { tagId, tagIds, type Vocabulary } from "../data/index.ts";
import type { ModelConfig } from "../model/config.ts";
import { ConfigError, problem } from "../graph/errors.ts";
import type { Named } from "../model/parameters.ts";
import { longestSequence } from "../model/positions.ts";
import { checkTensors, checkVocabulary } from "../model/tensors.ts";
import { createRandom, type Random } from "../random/index.ts";
import type { Backend, WeightOptions } from "../runtime/backend.ts";
import { createBatchDecoder, type BatchDecoder } from "./batch-decoder.ts";
import { checkMinNewTokens, checkSampling, sample, type SamplingOptions } from "./sampling.ts";
import { drawAll, streamDrawn, type Drawing, type DrawnToken, type StoppingRule, type StreamedToken } from "./draws.ts";

/**
 * Draws for a sequence, where some are dropped, before it is given up: a model that repeats itself would draw forever.
 */
const DRAWS_A_SEQUENCE = 20;

/** Sequences decoded side by side, if there are as many: more make a step dearer by as much as they add. */
const MAX_SLOTS = 16;

export interface GenerateOptions extends SamplingOptions {
  /** The model's configuration. */
  readonly config: ModelConfig;
  /** Weights and projections. */
  readonly tensors: Named<NdArray>;
  /** The model's vocabulary. */
  readonly vocabulary: Vocabulary;
  /** Where graphs run; see `createBackend`. */
  readonly backend: Backend;
  /** The sequences begin with this. Default empty. */
  readonly prompt?: string;
  /** A conditioning tag of the vocabulary, which the model reads in place of <bos>. Default none. */
  readonly tag?: string;
  /** At most so many tokens are added; a sequence ends earlier where the model ends it. Default 200. */
  readonly maxNewTokens?: number;
  /** The model cannot end a sequence before it has added so many tokens. Default 0. */
  readonly minNewTokens?: number;
  /** Default 0. Each sequence has a stream of its own, so the first is the same whatever the count. */
  readonly seed?: number;
  /**
   * Sequences. They share a batch of up to 16 slots, each of which goes to the next sequence when one ends. Default 1.
   */
  readonly count?: number;
  /** A sequence that has come before is dropped and another drawn in its place. Default false. */
  readonly unique?: boolean;
  /** Sequences (prompt included) for which it returns false are replaced by new ones. Default: all are accepted. */
  readonly accept?: (sequence: string) => boolean;
  /** Sequences drawn at most, dropped ones included: there may be fewer than `count` then. Default 20 · count. */
  readonly maxDraws?: number;
  /** Called for each sequence that is dropped. */
  readonly onDropped?: (reason: "duplicate" | "refused") => void;
  /** How the weights are stored. Default float32. */
  readonly dtype?: WeightOptions["dtype"];
  /** Called after every step with the number of tokens so far, of all sequences together. */
  readonly onToken?: (tokens: number) => void;
  /** Ends generation before the next step; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** Ends a sequence early. Default: sequences end by themselves, or at maxNewTokens. */
  readonly stop?: StoppingRule | undefined;
  /**
   * A decoder of this model whose slots are free. It stays open. Default: one of its own, which is disposed of at the
   * end.
   */
  readonly decoder?: BatchDecoder | undefined;
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

/** A sequence while it is drawn. */
interface Row {
  readonly ids: number[];
  /** Tokens of the prompt and those that were added. */
  readonly seen: Set<number>;
  readonly random: Random;
  tokens: number;
  finished: boolean;
  logLikelihoodNats: number;
}

/**
 * Generates sequences token by token, at a cost that does not depend on the position for mechanisms with a recurrent
 * form. A sequence depends on its seed and its number alone; with another count it may differ where two tokens are as
 * good as equally likely, because the engine rounds products of batches of another size otherwise. Where sequences are
 * dropped, the ones that are left are those of the lowest numbers.
 *
 * @throws ConfigError for options out of range; DataError for a prompt with letters outside the vocabulary and for a
 *   tag that it does not have; RuntimeError for a dtype that the device does not have
 */
export async function generate(options: GenerateOptions): Promise<readonly GeneratedSequence[]> {
  return drawAll(drawTokens(options), options.onToken);
}

/**
 * Generates one sequence, and gives each token as it is drawn. Leaving the loop early frees the decoder.
 *
 * @returns the sequence, which is that of `generate` with the same options
 * @throws as `generate`; the signal's reason once it is aborted
 */
export function streamTokens(
  options: Omit<GenerateOptions, "count" | "unique" | "accept" | "maxDraws" | "onDropped" | "onToken">,
): AsyncGenerator<StreamedToken, GeneratedSequence | undefined> {
  return streamDrawn(drawTokens({ ...options, count: 1 }), options.vocabulary);
}

/** Draws the tokens of all sequences, and gives those of each step. Ended early, it frees the decoder as well. */
async function* drawTokens(options: GenerateOptions): Drawing<GeneratedSequence> {
  const { config, tensors, vocabulary, backend, prompt = "", maxNewTokens = 200, seed = 0, count = 1, dtype } = options;
  const { tag, minNewTokens = 0, unique = false, accept = () => true, maxDraws = DRAWS_A_SEQUENCE * count } = options;
  const sampling = checkSampling(options);
  for (const [name, value] of Object.entries({ maxNewTokens, count, maxDraws })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new ConfigError(
        problem`generate: ${name} must be a positive whole number, got ${value}; omit it for the default`,
      );
    }
  }
  checkMinNewTokens(minNewTokens, maxNewTokens);
  if (config.head !== "language-modeling") {
    throw new ConfigError(
      problem`generate: head must be 'language-modeling', got '${config.head}', which tells something of whole
      sequences; use predictSequences`,
    );
  }
  checkTensors(config, tensors, "generate");
  checkVocabulary(config, vocabulary, "generate");
  const promptIds = vocabulary.encode(prompt, { recordId: "the prompt" });
  const startId = tag === undefined ? vocabulary.bosId : tagId(vocabulary, tag, "generate");
  // The begin token and all but the last of the rest are read.
  const positions = promptIds.length + maxNewTokens;
  const { length: longest, reason, fix } = longestSequence(config);
  if (positions > longest) {
    throw new ConfigError(
      problem`generate: with ${reason}, prompt and new tokens together must not exceed maxSeqLen ${longest}, got
      ${positions}; ask for at most ${longest - promptIds.length} tokens, or ${fix}`,
    );
  }
  const { padId, bosId, maskId, eosId } = vocabulary;
  // Where one token is both, as in GPT-2, it ends a sequence.
  const never = [padId, bosId, maskId, ...tagIds(vocabulary)].filter((id) => id !== eosId);
  const rows: Row[] = [];
  const addRow = (): Row => {
    const random = createRandom(seed, "sample", rows.length);
    const row = { ids: [], seen: new Set(promptIds), random, tokens: 0, finished: false, logLikelihoodNats: 0 };
    rows.push(row);
    return row;
  };

  let drawn: DrawnToken[] = [];
  const begin = [startId, ...promptIds];
  const draw = (row: Row, logits: Float32Array): number | undefined => {
    const own = Float64Array.from(logits);
    for (const id of never) own[id] = Number.NEGATIVE_INFINITY;
    const barred = row.tokens < minNewTokens ? [vocabulary.eosId] : [];
    const { token, logProbabilityNats } = sample(own, sampling, row.random, { seen: row.seen, barred });
    row.tokens++;
    row.logLikelihoodNats += logProbabilityNats;
    row.finished = token === vocabulary.eosId;
    if (!row.finished) {
      row.ids.push(token);
      row.seen.add(token);
    }
    const isLast =
      row.finished || row.tokens === maxNewTokens || options.stop?.([...begin, ...row.ids], logits) === true;
    drawn.push({ row: rows.indexOf(row), tokenId: token, logProbabilityNats, isLast });
    return isLast ? undefined : token;
  };

  const { signal } = options;
  signal?.throwIfAborted();
  const slots = Math.min(count, MAX_SLOTS);
  const decoder =
    options.decoder ?? (await createBatchDecoder(config, tensors, backend, { slots, ...(dtype && { dtype }) }));
  await using _held = {
    [Symbol.asyncDispose]: async () => {
      // A decoder that was given stays open, with its slots free.
      if (options.decoder === undefined) await decoder[Symbol.asyncDispose]();
      else for (const slot of decoder.active) decoder.leave(slot);
    },
  };
  // The prompt is read once; every sequence goes on from there.
  const first = decoder.join();
  const behindPrompt = (await decoder.prefill(new Map([[first, begin]]))).get(first);
  // A single one goes on in the prompt's own slot, several from copies of what it left.
  const isSingle = count === 1 && !unique && options.accept === undefined;
  const prompted = isSingle ? undefined : decoder.snapshot(first);
  if (!isSingle) decoder.leave(first);
  const waiting = Array.from({ length: count }, addRow);
  const running = new Map<number, Row>();
  const found = new Map<string, Row>();
  /** Keeps a row that has ended, or drops it and draws another in its place. */
  const settle = (row: Row): void => {
    const sequence = prompt + vocabulary.decode(row.ids);
    const key = unique ? sequence : String(rows.indexOf(row));
    const before = found.get(key);
    const isRefused = !accept(sequence);
    // Of equal ones the first drawn stays, whichever ended first.
    if (!isRefused && (before === undefined || rows.indexOf(row) < rows.indexOf(before))) found.set(key, row);
    if (!isRefused && before === undefined) return;
    options.onDropped?.(isRefused ? "refused" : "duplicate");
    if (rows.length < maxDraws) waiting.push(addRow());
  };
  let logits: ReadonlyMap<number, Float32Array> = new Map();
  while (waiting.length > 0 || running.size > 0) {
    const next = new Map<number, number>();
    for (const [slot, row] of running) {
      const token = draw(row, logits.get(slot) ?? new Float32Array(0));
      if (token !== undefined) {
        next.set(slot, token);
      } else {
        running.delete(slot);
        decoder.leave(slot);
        settle(row);
      }
    }
    while (running.size < slots && waiting.length > 0) {
      const row = waiting.shift() as Row; // there is one
      const token = draw(row, behindPrompt ?? new Float32Array(0));
      if (token === undefined) {
        settle(row);
        continue;
      }
      const slot = prompted === undefined ? first : decoder.restore(prompted);
      running.set(slot, row);
      next.set(slot, token);
    }
    const step = drawn;
    drawn = [];
    yield step;
    signal?.throwIfAborted();
    logits = await decoder.step(next);
  }
  const kept = new Set(found.values());
  return rows
    .filter((row) => kept.has(row))
    .map(({ ids, tokens, finished, logLikelihoodNats }) => ({
      prompt,
      sequence: prompt + vocabulary.decode(ids),
      tokens,
      finished,
      logLikelihoodNats,
    }));
}
