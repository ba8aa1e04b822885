/** Texts, or proteins, as vectors of a pretrained model. */
import { embedSequences, type EmbedOptions, type SequenceEmbedding } from "../inference/embed.ts";
import type { PretrainedModel } from "./pretrained.ts";

export interface EmbedTextsOptions extends Pick<
  EmbedOptions,
  "backend" | "pooling" | "normalize" | "dtype" | "tokensPerBatch"
> {
  /** Told of every text of which the model reads only the beginning. Default: nothing is told. */
  readonly onTruncated?: (text: { readonly id: string; readonly dropped: number }) => void;
}

/** What `embedSequences` is told of a pretrained model beside the sequences. */
export function embeddingOf(model: PretrainedModel) {
  const { config, tensors, vocabulary, reads } = model;
  // The special tokens of texts are those that the tokenizer puts there; proteins stand between <cls> and <eos>.
  return { config, tensors, vocabulary, ...(reads === "text" && { wrap: "bare" as const }) };
}

/**
 * The vectors of texts, in their order.
 *
 * @param options `pooling` and `normalize`: default as the model's folder says
 * @returns for each text `[modelDim]`, with pooling `residues` `[tokens, modelDim]`
 * @throws DataError for parts without a token; ConfigError for a pooling that says nothing in this kind of model
 */
export async function embedTexts(
  model: PretrainedModel,
  texts: readonly string[],
  { onTruncated, ...options }: EmbedTextsOptions,
): Promise<readonly SequenceEmbedding["embedding"][]> {
  const { pooling, normalize } = model;
  const sequences = texts.map((text, index) => {
    const encoded = model.encode(text, `text ${index + 1}`);
    if (encoded.dropped > 0) onTruncated?.(encoded);
    return encoded;
  });
  const found: SequenceEmbedding["embedding"][] = [];
  for await (const { embedding } of embedSequences({
    pooling,
    normalize,
    ...options,
    ...embeddingOf(model),
    sequences,
  })) {
    found.push(embedding);
  }
  return found;
}
