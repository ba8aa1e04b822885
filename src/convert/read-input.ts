/**
 * What stands in front of a pretrained model: the tokens of its texts or proteins, or the preparation of its images.
 */
import { imageVocabulary, type Vocabulary } from "../data/index.ts";
import { encodePixels } from "../data/vocabularies/pixels.ts";
import { DataError } from "../data/errors.ts";
import type { Pooling } from "../inference/embed.ts";
import type { FileSource } from "../storage/file-source.ts";
import type { PretrainedInput, PretrainedPlan } from "./architectures/architecture.ts";
import { readPreparation, type IntensityScale } from "./images/preparation.ts";
import type { PretrainedModel } from "./pretrained-model.ts";
import type { SentencePipeline } from "./sentence-transformers.ts";
import { encodeText, readTokens, type EncodedText } from "./tokens.ts";

export interface ModelInput extends Pick<PretrainedModel, "encodeImage"> {
  readonly vocabulary: Vocabulary;
  /** How one vector is made of a text or an image. */
  readonly pooling: Pooling;
  /** Tokens that the folder allows of a text. */
  readonly longest: number;
  readonly encode: (text: string, id: string, longest: number) => EncodedText;
  /** How intensities of images are scaled. */
  readonly scale?: IntensityScale;
}

/** @throws StorageError for files that are missing, damaged or of another model */
export async function readInput(
  source: FileSource,
  pipeline: SentencePipeline,
  { vocabSize, image }: Pick<PretrainedPlan, "vocabSize" | "image">,
  reads: PretrainedInput,
): Promise<ModelInput> {
  const { base, pooling, prompt, lowerCase } = pipeline;
  if (image !== undefined) {
    const { scale, prepare } = await readPreparation(source, base, image);
    return {
      vocabulary: imageVocabulary(image),
      pooling: "cls",
      longest: Number.POSITIVE_INFINITY,
      scale,
      encode: (_, id) => {
        throw new DataError({
          who: id,
          rule: "a model of images must be given images",
          got: "a text",
          fix: "use encodeImage",
        });
      },
      encodeImage: (given, id = "image") => ({
        id,
        tokenIds: encodePixels(prepare(given, id).pixels),
        dropped: 0,
      }),
    };
  }
  const tokens = await readTokens(source, { base, vocabSize, reads });
  const bare = { ...tokens, before: [], after: [] };
  return {
    vocabulary: tokens.vocabulary,
    pooling,
    longest: pipeline.longest ?? tokens.longest,
    encode: (text, id, most) => {
      const cased = lowerCase ? text.toLowerCase() : text;
      return encodeText(reads === "text" ? tokens : bare, prompt + cased, id, most);
    },
  };
}
