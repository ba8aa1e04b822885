/** A pretrained Transformer as a model of ours: its weights, what it reads, and how. */

import type { PixelImage } from "../data/images/pixels.ts";
import type { Vocabulary } from "../data/index.ts";
import type { NdArray } from "../graph/ndarray.ts";
import type { Pooling } from "../inference/embed.ts";
import type { ModelConfig } from "../model/config.ts";
import type { PretrainedInput } from "./architectures/architecture.ts";
import type { PretrainedModelType } from "./architectures/index.ts";
import type { EncodedText } from "./tokens.ts";
import type { UnusedTensor } from "./weight-reader.ts";

/** A model from a folder of Hugging Face's library. */
export interface PretrainedModel {
  /** Where it comes from. */
  readonly name: string;
  readonly modelType: PretrainedModelType;
  /** The name of the model that a converted one was made from. */
  readonly origin?: string | undefined;
  /** The kind of input that the model reads: texts, proteins by their letters, or images. */
  readonly reads: PretrainedInput;
  readonly config: ModelConfig;
  /** Weights by our names, float32. */
  readonly tensors: Readonly<Record<string, NdArray>>;
  readonly vocabulary: Vocabulary;
  /**
   * Tensors of the files that are not part of it, each with the reason: heads of tasks, tables that are computed anew.
   */
  readonly unused: readonly UnusedTensor[];
  /**
   * How the folder makes one vector of a text. Default `mean`, over all tokens; of proteins over the residues. Of
   * images `cls`, the state of the vector in front.
   */
  readonly pooling: Pooling;
  /** Whether the folder divides vectors by their length. */
  readonly normalize: boolean;
  /** Tokens that are read of a text, special ones included; of proteins and images all. */
  readonly longest: number;
  /** Texts are made lower case before the tokenizer reads them. */
  readonly lowerCase: boolean;
  /** Stands in front of every text. */
  readonly prompt: string;
  /**
   * A text's token ids with the special tokens that the model wants around it, cut to `longest`; a protein's residues
   * without.
   *
   * @param id for messages
   * @param longest tokens that are read, where it is to be another number
   * @throws DataError for parts without a token, and of a model of images always
   */
  readonly encode: (text: string, id?: string, longest?: number) => EncodedText;
  /**
   * Encodes an image of any size, resized and cropped as the folder says. Only for models of images.
   *
   * @param id for messages
   * @throws DataError where that leads to another size than the model reads
   */
  readonly encodeImage?: ((image: PixelImage, id?: string) => EncodedText) | undefined;
}
