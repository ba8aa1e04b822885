/** New sequences from an encoder–decoder: a target for every source. */
import { ConfigError, problem } from "../graph/errors.ts";
import type { NdArray } from "../graph/ndarray.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Named } from "../model/parameters.ts";
import { createRandom } from "../random/index.ts";
import type { Backend, WeightOptions } from "../runtime/backend.ts";
import { checkMinNewTokens, checkSampling, sample, type SamplingOptions } from "./sampling.ts";
import { drawAll, streamDrawn, type Drawing, type DrawnToken, type StoppingRule, type StreamedToken } from "./draws.ts";
import { createSequenceToSequenceDecoder } from "./sequence-to-sequence-decoder.ts";

export interface GenerateTargetsOptions extends SamplingOptions {
  /** The model's configuration. */
  readonly config: ModelConfig;
  /** Weights and projections. */
  readonly tensors: Named<NdArray>;
  /** Where graphs run; see `createBackend`. */
  readonly backend: Backend;
  /** Tokens of each source. Those of a pointer end with eosId, for a target to end by pointing to it. */
  readonly sources: readonly ArrayLike<number>[];
  /** Begins every target. */
  readonly bosId: number;
  /** Ends a target. */
  readonly eosId: number;
  /** Tokens that are never chosen. Default: bosId and the configuration's padId. */
  readonly never?: readonly number[];
  /** Default 200. */
  readonly maxNewTokens?: number;
  /** The model cannot end a target before it has so many tokens. Default 0. */
  readonly minNewTokens?: number;
  /** Default 0. Each target has a stream of its own. */
  readonly seed?: number;
  /** How the weights are stored. Default float32. */
  readonly dtype?: WeightOptions["dtype"];
  /** Ends generation before the next step; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** Ends a target early. Default: targets end by themselves, or at maxNewTokens. */
  readonly stop?: StoppingRule | undefined;
}

export interface GeneratedTarget {
  /** Without bosId and eosId. */
  readonly tokenIds: readonly number[];
  /** Only for pointer networks: the positions of the source that the tokens come from. */
  readonly positions?: readonly number[];
  /** Whether the model ended it; otherwise maxNewTokens did. */
  readonly finished: boolean;
  /** Σ log p of what was chosen, the end included, in nats. */
  readonly logLikelihoodNats: number;
}

/**
 * A target for each source, token by token; all sources side by side.
 *
 * @throws ConfigError for options out of range and models that are no encoder–decoder; RuntimeError as
 *   `createSequenceToSequenceDecoder`
 */
export async function generateTargets(options: GenerateTargetsOptions): Promise<readonly GeneratedTarget[]> {
  return drawAll(drawTargets(options));
}

/**
 * Generates the target of one source, and gives each token as it is drawn. Leaving the loop early frees the decoder.
 *
 * @returns the target, which is that of `generateTargets` with the same options
 * @throws as `generateTargets`; the signal's reason once it is aborted
 */
export function streamTarget(
  { source, ...options }: Omit<GenerateTargetsOptions, "sources"> & { readonly source: ArrayLike<number> },
  decode: (tokenIds: readonly number[]) => string,
): AsyncGenerator<StreamedToken, GeneratedTarget | undefined> {
  return streamDrawn(drawTargets({ ...options, sources: [source] }), { eosId: options.eosId, decode });
}

async function* drawTargets(options: GenerateTargetsOptions): Drawing<GeneratedTarget> {
  const { config, sources, bosId, eosId, maxNewTokens = 200, minNewTokens = 0, seed = 0, dtype } = options;
  const never = options.never ?? [bosId, config.padId];
  const sampling = checkSampling(options);
  if (!Number.isInteger(maxNewTokens) || maxNewTokens < 1) {
    throw new ConfigError(
      problem`generate: maxNewTokens must be a positive whole number, got ${maxNewTokens}; omit it for the default`,
    );
  }
  checkMinNewTokens(minNewTokens, maxNewTokens);
  const { signal, stop } = options;
  signal?.throwIfAborted();
  await using decoder = await createSequenceToSequenceDecoder(
    config,
    options.tensors,
    options.backend,
    sources,
    dtype ? { dtype } : {},
  );
  const targets = sources.map((source, index) => ({
    source,
    random: createRandom(seed, "sample", index),
    tokenIds: [] as number[],
    positions: [] as number[],
    finished: false,
    isStopped: false,
    logLikelihoodNats: 0,
  }));
  const isPointer = config.head === "pointer";
  const last = new Int32Array(sources.length).fill(bosId);
  const hasEnded = ({ finished, isStopped }: (typeof targets)[number]) => finished || isStopped;
  for (let step = 0; step < maxNewTokens && !targets.every(hasEnded); step++) {
    signal?.throwIfAborted();
    const logits = await decoder.next(last);
    const drawn: DrawnToken[] = [];
    for (const [row, target] of targets.entries()) {
      if (hasEnded(target)) continue;
      const ownLogits = logits.subarray(row * decoder.width, (row + 1) * decoder.width);
      const own = Float64Array.from(ownLogits);
      if (!isPointer) for (const id of never) own[id] = Number.NEGATIVE_INFINITY;
      const ends = isPointer ? placesOf(target.source, eosId) : [eosId];
      const { token: chosen, logProbabilityNats } = sample(own, sampling, target.random, {
        seen: new Set(target.positions),
        barred: step < minNewTokens ? ends : [],
      });
      const token = isPointer ? (target.source[chosen] ?? config.padId) : chosen;
      target.logLikelihoodNats += logProbabilityNats;
      target.finished = token === eosId;
      last[row] = token;
      if (!target.finished) {
        target.tokenIds.push(token);
        target.positions.push(chosen);
        target.isStopped = stop?.([bosId, ...target.tokenIds], ownLogits) === true;
      }
      const isLast = hasEnded(target) || step === maxNewTokens - 1;
      drawn.push({ row, tokenId: token, isLast, logProbabilityNats });
    }
    yield drawn;
  }
  return targets.map(({ tokenIds, positions, finished, logLikelihoodNats }) => ({
    tokenIds,
    ...(isPointer && { positions }),
    finished,
    logLikelihoodNats,
  }));
}

/** Positions of a source that hold a token. */
function placesOf(source: ArrayLike<number>, token: number): readonly number[] {
  return Array.from(source, (each, at) => (each === token ? at : -1)).filter((at) => at >= 0);
}
