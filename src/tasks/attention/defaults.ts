// What `performer attention` takes where the command line says nothing, apart from what reads it, so that --help needs no model.

import type { SplitName } from "../../data/index.ts";

/** BPT1_BOVIN, the protein of the figures of arXiv:2009.14794. */
export const DEFAULT_SEQUENCE = "P00974";
/** A pronoun, and two nouns that it may stand for. */
export const DEFAULT_TEXT = "The animal did not cross the street because it was too tired.";
/** Tokens of a map: longer ones have points smaller than a pixel of a screen. */
export const DEFAULT_LENGTH = 256;
/** Proteins that the similarity is summed over. */
export const DEFAULT_COUNT = 256;
export const DEFAULT_SPLIT: SplitName = "test";
