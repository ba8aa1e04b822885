/** A kind of pretrained models: how its configuration and weights map to ours. */
import type { ImageShape } from "../../data/vocabularies/pixels.ts";
import type { NdArray } from "../../graph/ndarray.ts";
import type { ModelConfig, ModelOptions } from "../../model/config.ts";
import type { IntensityScale } from "../images/preparation.ts";
import type { UnusedKeys, WeightReader } from "../weight-reader.ts";

export type Weights = Record<string, NdArray>;

/** One folder's configuration, read. */
export interface PretrainedPlan {
  readonly vocabSize: number;
  /** The shape of the images that a model of images reads. */
  readonly image?: ImageShape | undefined;
  /**
   * Everything that follows from config.json and, for the head, from the weights. The mechanism is always exact
   * attention.
   */
  readonly options: (reader: Pick<WeightReader, "has">, known: KnownInput) => PretrainedOptions;
  /** Takes the tensors of the file and names them as ours. */
  readonly weights: (reader: WeightReader, config: ModelConfig) => Weights;
}

/** The folder's settings for inputs, other than config.json. */
export interface KnownInput {
  /** The tokenizer's id of the mask. */
  readonly maskId: number;
  /** How a model of images scales intensities. */
  readonly scale?: IntensityScale | undefined;
}

export type PretrainedOptions = Omit<ModelOptions, "vocabSize" | "padId" | "mechanism">;

/** The kinds of inputs that models are trained on. */
export type PretrainedInput = "text" | "proteins" | "images";

export interface PretrainedArchitecture {
  /** The prefix of the body's names in models with a head. */
  readonly prefix: string;
  /** `proteins` are read letter by letter. */
  readonly reads: PretrainedInput;
  /** Keys, without the prefix, that are left out. */
  readonly unused: readonly UnusedKeys[];
  /**
   * @param who config.json's path, for messages
   * @throws StorageError for what is not computed here
   */
  readonly plan: (config: Readonly<Record<string, unknown>>, who: string) => PretrainedPlan;
}
