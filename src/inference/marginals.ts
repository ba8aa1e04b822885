/** A masked language model's distribution for each residue: masked alone, or with all residues visible. */
import type { EncodedSequence, Vocabulary } from "../data/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { logits } from "../model/performer.ts";
import { logSoftmax, oneHot } from "../ops/composed.ts";
import { reshape } from "../ops/layout.ts";
import { matmul } from "../ops/matmul.ts";
import { input } from "../ops/source.ts";
import { requireTokens, runSequences, type SequenceGraph, type SequenceRunOptions } from "./sequence-runs.ts";

/** A sequence with one hidden token. */
interface MaskedSequence<S> extends EncodedSequence {
  readonly place: number;
  readonly original: S;
}

/** The distribution at one hidden place. */
export interface MaskedMarginal<S> {
  readonly sequence: S;
  /** The position of the masked token, from 0. */
  readonly place: number;
  /** log p(token | all others) of every token of the vocabulary, in nats: `[vocabSize]`. */
  readonly logProbabilities: Float32Array;
}

export type MarginalOptions<S extends EncodedSequence> = Omit<
  SequenceRunOptions<unknown, S>,
  "wrap" | "build" | "read" | "rows"
>;

/**
 * log p(· | r without place i) for every place i of every sequence, in order: as many passes as there are tokens, in
 * batches.
 *
 * Source: Salazar et al., Masked Language Model Scoring, arXiv:1910.14659.
 *
 * @param options.onProgress is told residues done
 */
export async function* maskedMarginals<S extends EncodedSequence>(
  options: MarginalOptions<S>,
): AsyncGenerator<MaskedMarginal<S>> {
  let done = 0;
  const { onProgress } = options;
  yield* runSequences<MaskedMarginal<S>, MaskedSequence<S>>({
    ...options,
    sequences: hideEach(options.sequences, options.vocabulary),
    wrap: "wrapped",
    build: logProbabilitiesAtPlaces,
    // <bos> stands before the first token.
    rows: { places: ({ place }) => [place + 1] },
    read: ({ logProbabilities }, row, { original, place }) => {
      done++;
      const all = logProbabilities?.data as Float32Array; // declared float32
      const { vocabSize } = options.config;
      return {
        sequence: original,
        place,
        logProbabilities: Float32Array.from(all.subarray(row * vocabSize, (row + 1) * vocabSize)),
      };
    },
    ...(onProgress && { onProgress: () => onProgress(done) }),
  });
}

async function* hideEach<S extends EncodedSequence>(
  sequences: AsyncIterable<S> | Iterable<S>,
  { maskId }: Vocabulary,
): AsyncGenerator<MaskedSequence<S>> {
  for await (const original of sequences) {
    requireTokens(original);
    const { id, startId, tokenIds } = original;
    for (const place of tokenIds.keys()) yield { id, startId, tokenIds: tokenIds.with(place, maskId), place, original };
  }
}

/**
 * One place a row is picked before the softmax: `[B, vocabSize]` is computed and comes back instead of `[B, L,
 * vocabSize]`.
 */
function logProbabilitiesAtPlaces({ model, tokenIds, form }: SequenceGraph): Record<string, Tensor> {
  const [B = 1, L = 1] = tokenIds.shape;
  const chosen = oneHot(input("places", [B, 1], "int32"), L);
  const atPlaces = matmul(chosen, logits(model, tokenIds, { form }));
  return { logProbabilities: logSoftmax(reshape(atPlaces, [B, model.config.vocabSize])) };
}

/**
 * log p(· | r) for every place of a sequence that is shown as a whole, in one pass.
 *
 * @returns `[tokens, vocabSize]` row by row, in nats
 */
export async function wildTypeMarginals<S extends EncodedSequence>({
  sequence,
  ...options
}: Omit<MarginalOptions<S>, "sequences"> & { readonly sequence: S }): Promise<Float32Array> {
  const { vocabSize } = options.config;
  const runs = runSequences({
    ...options,
    sequences: [sequence],
    wrap: "wrapped",
    build: ({ model, tokenIds, form }) => ({ logProbabilities: logSoftmax(logits(model, tokenIds, { form })) }),
    // The only row; <bos> stands before the first token.
    read: ({ logProbabilities }) => {
      const all = logProbabilities?.data as Float32Array; // declared float32
      return Float32Array.from(all.subarray(vocabSize, (sequence.tokenIds.length + 1) * vocabSize));
    },
  });
  let found = new Float32Array(0);
  for await (const each of runs) found = each;
  return found;
}
