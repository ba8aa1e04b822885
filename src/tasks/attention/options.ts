// What can be asked of the attention of a model.

import type { SplitName } from "../../data/index.ts";
import type { SimilarityView } from "../../inference/similarity.ts";
import type { EngineOptions } from "../../runs/engine-options.ts";

export interface AttentionOptions extends EngineOptions {
  /** Default, as of the text: one that is known. */
  readonly sequence?: string;
  readonly text?: string;
  readonly length?: number;
  /** A second model, of which the same is shown. */
  readonly beside?: string;
  readonly layers?: readonly number[];
  readonly heads?: readonly number[];
  /** Numbers of residues or of tokens of the text, from 1. */
  readonly tokens?: readonly number[];
  /** Files of the same names in it are replaced. Default: attention/ in the folder of a run, NAME-attention/ here for a pretrained model. */
  readonly out?: string;
  /** False after --no-similarity. */
  readonly similarity: boolean;
  readonly similarityOf?: SimilarityView;
  readonly split?: SplitName;
  readonly fasta?: string;
  readonly count?: number;
  readonly seed: number;
}
