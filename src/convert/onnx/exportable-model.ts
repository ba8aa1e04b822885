/** A model that can be exported. */
import type { Vocabulary } from "../../data/index.ts";
import type { NdArray } from "../../graph/ndarray.ts";
import type { Pooling } from "../../inference/embed.ts";
import type { ModelConfig } from "../../model/config.ts";
import type { Named } from "../../model/parameters.ts";

/** A model of any origin: what `loadPretrained` and `convertPretrained` give, or a run's parts. */
export interface ExportableModel {
  readonly name: string;
  readonly config: ModelConfig;
  /** Weights and projections. */
  readonly tensors: Named<NdArray>;
  readonly vocabulary: Vocabulary;
  /** Tokens that are read of a text. Default: as many as the model has positions. */
  readonly longest?: number;
  readonly lowerCase?: boolean;
  readonly prompt?: string;
  /** How one vector is made of the states; only told in config.json. */
  readonly pooling?: Pooling;
  readonly normalize?: boolean;
  /** The names of its head's classes. */
  readonly classNames?: readonly string[];
}
