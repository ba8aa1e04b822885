/** Texts, proteins or images as vectors of a pretrained model. */
import { createBackend } from "#engine";
import { requireArgument } from "../graph/arguments.ts";
import { ConfigError, problem } from "../graph/errors.ts";
import { decodeImage } from "../data/images/codecs.ts";
import type { PixelImage } from "../data/images/pixels.ts";
import { embedSequences, type EmbedOptions, type SequenceEmbedding } from "../inference/embed.ts";
import type { Backend } from "../runtime/backend.ts";
import type { PretrainedModel } from "./pretrained-model.ts";
import type { EncodedText } from "./tokens.ts";

export interface EmbedTextsOptions extends Pick<EmbedOptions, "pooling" | "normalize" | "dtype" | "tokensPerBatch"> {
  /** Where graphs run. Default: the platform's own. */
  readonly backend?: Backend;
  /** Called for each text that is cut to the model's longest input. Default: not called. */
  readonly onTruncated?: (text: { readonly id: string; readonly dropped: number }) => void;
}

/** The options of `embedSequences` that a pretrained model decides. */
export function embeddingOf(model: Pick<PretrainedModel, "config" | "tensors" | "vocabulary" | "reads">) {
  const { config, tensors, vocabulary, reads } = model;
  // The special tokens of texts are those that the tokenizer puts there; proteins and images stand between <cls> and
  // <eos>.
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
  { onTruncated, ...options }: EmbedTextsOptions = {},
): Promise<readonly SequenceEmbedding["embedding"][]> {
  const isList = Array.isArray(texts);
  requireArgument(isList, "embedTexts", "texts", "an array of strings", texts, "write one text as [text]");
  const sequences = texts.map((text, index) => {
    const encoded = model.encode(text, `text ${index + 1}`);
    if (encoded.dropped > 0) onTruncated?.(encoded);
    return encoded;
  });
  return embedEncoded(model, sequences, options);
}

/**
 * The vectors of images, in their order.
 *
 * @param images PNG or JPEG files, or pixels; of any size, as the model's folder says how they are resized
 * @param options `pooling` and `normalize`: default as the model's folder says, which is the state of the vector in
 *   front
 * @returns for each image `[modelDim]`, with pooling `residues` `[patches, modelDim]`
 * @throws ConfigError for a model of something else; DataError for files that are no images, or damaged
 *
 * @example
 * const model = await loadPretrained("vit-base-patch16-224");
 * const [cat] = await embedImages(model, [await readFile("cat.png")]);
 */
export async function embedImages(
  model: PretrainedModel,
  images: readonly (Uint8Array | PixelImage)[],
  options: Omit<EmbedTextsOptions, "onTruncated"> = {},
): Promise<readonly SequenceEmbedding["embedding"][]> {
  const { encodeImage } = model;
  if (encodeImage === undefined) {
    throw new ConfigError(
      problem`embedImages: the model must be one of images, got ${model.name}, which reads ${model.reads}; use
      embedTexts`,
    );
  }
  const sequences = await Promise.all(
    images.map(async (image, index) => {
      const id = `image ${index + 1}`;
      return encodeImage(image instanceof Uint8Array ? await decodeImage(image, id) : image, id);
    }),
  );
  return embedEncoded(model, sequences, options);
}

async function embedEncoded(
  model: PretrainedModel,
  sequences: readonly EncodedText[],
  { backend = createBackend(), ...options }: Omit<EmbedTextsOptions, "onTruncated">,
): Promise<readonly SequenceEmbedding["embedding"][]> {
  const { pooling, normalize } = model;
  const found: SequenceEmbedding["embedding"][] = [];
  for await (const { embedding } of embedSequences({
    pooling,
    normalize,
    ...options,
    backend,
    ...embeddingOf(model),
    sequences,
  })) {
    found.push(embedding);
  }
  return found;
}
