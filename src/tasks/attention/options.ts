/**
 * What can be asked of the attention of a model, and what is taken where nothing is said: apart from what reads it, so
 * that --help needs no model.
 */

import type { SplitName } from "../../data/index.ts";
import type { SimilarityView } from "../../inference/similarity.ts";
import type { EngineOptions } from "../../runs/engine-options.ts";
import type { SequenceOptions } from "../input/sequence-input.ts";

/** BPT1_BOVIN, the protein of the figures of arXiv:2009.14794. */
export const DEFAULT_SEQUENCE = "P00974";
/** A pronoun, and two nouns that it may stand for. */
export const DEFAULT_TEXT = "The animal did not cross the street because it was too tired.";
/** Tokens of a map: longer ones have points smaller than a pixel of a screen. */
export const DEFAULT_LENGTH = 256;
/** Proteins that the similarity is summed over. */
export const DEFAULT_COUNT = 256;
export const DEFAULT_SPLIT: SplitName = "test";

export interface AttentionOptions extends EngineOptions, Pick<SequenceOptions, "fasta" | "standardInput"> {
  /** Default, as of the text: one that is known. */
  readonly sequence?: string;
  /** A text. */
  readonly text?: string;
  /** The most tokens that are shown. */
  readonly length?: number;
  /** A second model, of which the same is shown. */
  readonly beside?: string;
  /** The layers that are shown. Default: all. */
  readonly layers?: readonly number[];
  /** The heads that are shown. Default: all. */
  readonly heads?: readonly number[];
  /** Numbers of residues or of tokens of the text, from 1. */
  readonly tokens?: readonly number[];
  /**
   * Files of the same names in it are replaced. Default: attention/ in the folder of a run, NAME-attention/ here for a
   * pretrained model.
   */
  readonly out?: string;
  /** Whether a model of proteins is asked which amino acids it treats alike. */
  readonly similarity: boolean;
  /** What amino acids are compared by. */
  readonly similarityOf?: SimilarityView;
  /** The split of the data. */
  readonly split?: SplitName;
  /** How many. */
  readonly count?: number;
  /** Same seed, same result. Default 0. */
  readonly seed: number;
}
