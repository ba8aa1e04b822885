/**
 * Next-token logits for growing sequences: by a state of fixed size where the mechanism has one, else by running it all
 * again.
 */
import { problem } from "../graph/errors.ts";
import type { NdArray } from "../graph/ndarray.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Named } from "../model/parameters.ts";
import { RuntimeError, type Backend, type WeightOptions } from "../runtime/backend.ts";
import { checkPosition, checkToken, createSlotEngine } from "./batch-decoder.ts";
import type { SlotEngine } from "./slot-engine.ts";

/** B sequences that grow in step, one token each a call. For sequences that come and go, see `createBatchDecoder`. */
export interface Decoder extends AsyncDisposable {
  /** Position of the next token. */
  readonly position: number;
  /**
   * Reads one token of every sequence.
   *
   * @param tokens `[B]`
   * @returns logits of the token after it, `[B, vocabSize]`
   */
  readonly next: (tokens: Int32Array) => Promise<Float32Array>;
  /**
   * A decoder that goes on from here by itself; the compiled graph is shared, and freed with the last one that uses it.
   */
  readonly fork: () => Decoder;
}

/**
 * @param tensors weights and projections; they become constants of the compiled graph
 * @param start position of the first token; default 0
 * @param weights how they are stored; default float32
 * @throws RuntimeError for a batch of none, or a dtype that the device does not have
 */
export async function createDecoder(
  config: ModelConfig,
  tensors: Named<NdArray>,
  backend: Backend,
  batchSize: number,
  start = 0,
  weights: Pick<WeightOptions, "dtype"> = {},
): Promise<Decoder> {
  const engine = await createSlotEngine(config, tensors, backend, batchSize, weights);
  for (let slot = 0; slot < batchSize; slot++) engine.clear(slot, start);
  return decodeFrom(config, engine, batchSize, start);
}

function decodeFrom(config: ModelConfig, engine: SlotEngine, batchSize: number, start: number): Decoder {
  let position = start;
  return {
    get position() {
      return position;
    },
    next: async (tokens) => {
      checkPosition(config, position);
      if (tokens.length !== batchSize) {
        throw new RuntimeError(
          problem`decode: tokens must be one for each of ${batchSize} sequences, got ${tokens.length}; create the
          decoder for as many as there are`,
        );
      }
      tokens.forEach((token) => checkToken(config, token));
      const logits = await engine.step(new Map(tokens.entries()));
      position++;
      return logits;
    },
    fork: () => decodeFrom(config, engine.clone(), batchSize, position),
    [Symbol.asyncDispose]: engine.dispose,
  };
}
