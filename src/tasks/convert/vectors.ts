/** Vectors of the same texts or proteins by a model before and after its conversion: how far they turn. */

import { embedSequences } from "../../inference/embed.ts";
import { cosine } from "../../inference/retrieval.ts";
import type { EncodedSequence } from "../../data/index.ts";
import { unitsIn } from "../../model/patches.ts";
import { mean } from "../../statistics/index.ts";
import { reportProgress, type OnEvent } from "../../runs/events.ts";
import type { EmbeddingModel } from "../../runs/open-model.ts";

export interface VectorComparison {
  readonly count: number;
  /** All tokens, special ones of texts included; patches for images. */
  readonly tokens: number;
  /** The mean cosine between the vectors before and after conversion. */
  readonly meanCosine: number;
  readonly leastCosine: number;
}

export async function compareVectors(
  before: EmbeddingModel,
  after: EmbeddingModel,
  sequences: readonly EncodedSequence[],
  onEvent?: OnEvent,
): Promise<VectorComparison> {
  const tokens = sequences.reduce((sum, { tokenIds }) => sum + unitsIn(before.config, tokenIds.length), 0);
  const progress = reportProgress(onEvent, { label: "compare vectors", unit: "tokens", total: 2 * tokens });
  try {
    const first = await vectorsOf(before, sequences, (done) => progress.update(done));
    const second = await vectorsOf(after, sequences, (done) => progress.update(tokens + done));
    const cosines = first.map((vector, index) => cosine(vector, second[index] ?? []));
    return { count: cosines.length, tokens, meanCosine: mean(cosines), leastCosine: Math.min(...cosines) };
  } finally {
    progress.stop();
  }
}

async function vectorsOf(
  { config, tensors, vocabulary, backend, wrap, pooling }: EmbeddingModel,
  sequences: readonly EncodedSequence[],
  onProgress: (tokens: number) => void,
): Promise<readonly ArrayLike<number>[]> {
  const options = { config, tensors, vocabulary, backend, pooling, sequences, onProgress, ...(wrap && { wrap }) };
  const vectors: ArrayLike<number>[] = [];
  for await (const { embedding } of embedSequences(options)) vectors.push(embedding.data);
  return vectors;
}
