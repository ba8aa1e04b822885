// Time of a generated token at several positions: with a state of fixed size it must not grow.

import { proteinVocabulary } from "../../data/index.ts";
import { createDecoder, type Decoder } from "../../inference/index.ts";
import { modelConfig, type ModelOptions } from "../../model/index.ts";
import type { Backend } from "../../runtime/backend.ts";
import { initialState } from "../../training/index.ts";
import { median } from "../../lab/statistics.ts";

export interface DecodeRow {
  readonly model: string;
  /** Sequences decoded side by side. */
  readonly batch: number;
  /** Tokens before the measured ones. */
  readonly position: number;
  readonly medianMsPerToken: number;
  /** All sequences together. */
  readonly tokensPerSecond: number;
  /** medianMsPerToken over the first position's, from interleaved rounds. */
  readonly ratioToFirst: number;
}

export interface DecodeBenchOptions {
  readonly backend: Backend;
  /** Each at least 0, ascending; the first is what the others are compared with. */
  readonly positions: readonly number[];
  readonly batch: number;
  /** Tokens measured at each position. */
  readonly tokens: number;
  readonly model: Omit<ModelOptions, "vocabSize">;
  /** Called with the tokens read so far, warm-up included, and how many there will be. */
  readonly onToken?: (done: number, total: number) => void;
}

/** Tokens a turn at one position, before it is the next one's turn. */
const TURN = 20;

/**
 * Decodes really up to every position, then measures the positions in turn: all see the same noise of the machine.
 *
 * Weights are fresh; the time of a step does not depend on their values.
 */
export async function benchDecode(options: DecodeBenchOptions): Promise<DecodeRow[]> {
  const { backend, positions, batch, tokens, onToken } = options;
  const config = modelConfig({ ...options.model, vocabSize: proteinVocabulary.size, positions: "rotary" });
  const tensors = initialState(config, 0).model;
  const name = `${config.mechanism}, ${config.numLayers} layers, modelDim ${config.modelDim}, numFeatures ${config.numFeatures}`;
  const total = (positions.at(-1) ?? 0) + positions.length * tokens;
  const ids = new Int32Array(batch);
  let done = 0;

  // One compiled graph for all positions: of two, one may lie better in memory, which is not what is asked here.
  const reader = await createDecoder(config, tensors, backend, batch);
  const read = async (decoder: Decoder, step: number) => {
    await decoder.next(ids.fill(4 + (step % 20)));
    onToken?.(++done, total);
  };
  const decoders: { readonly decoder: Decoder; readonly position: number; readonly times: number[] }[] = [];
  for (const position of positions) {
    while (reader.position < position) await read(reader, reader.position);
    decoders.push({ decoder: reader.fork(), position, times: [] });
  }
  try {
    for (let turn = 0; turn * TURN < tokens; turn++) {
      for (const { decoder, times } of decoders) {
        for (let step = 0; step < TURN; step++) {
          const started = performance.now();
          await read(decoder, step);
          times.push(performance.now() - started);
        }
      }
    }
  } finally {
    for (const { decoder } of [...decoders, { decoder: reader }]) await decoder[Symbol.asyncDispose]();
  }
  const first = median(decoders[0]?.times ?? []);
  return decoders.map(({ position, times }) => {
    const ms = median(times);
    return {
      model: name,
      batch,
      position,
      medianMsPerToken: ms,
      tokensPerSecond: (1000 * batch) / ms,
      ratioToFirst: ms / first,
    };
  });
}
