/** What a caller may say about data: where they are, and how they become what a model reads. */

import type { splitRules, Task } from "./source.ts";

/** Where data come from instead of those that a recipe or a run names. */
export interface DataOptions {
  /** A file, a folder, or the name of data that come with the package. Default: the run's or the recipe's own. */
  readonly data?: string;
  /** A FASTA file of proteins, plain or gzip. Default: none. */
  readonly fasta?: string;
  /** How data are assigned to splits. Default: as the kind of data is usually split. */
  readonly splitBy?: (typeof splitRules)[number];
  /** The column of a table that holds the sequences. Default: `sequence`, else `text`. */
  readonly sequenceColumn?: string;
  /** The column of a table that holds the labels. Default: `label`. */
  readonly labelColumn?: string;
}

/** How data become what a new model reads and learns; a trained one has that already. */
export interface EncodingOptions {
  /** How text becomes tokens: `bytes`, `characters`, `protein`, or a tokenizer.json. Default `bytes`. */
  readonly tokenizer?: string;
  /** Side of the square that images are resized to. Default: as they are. */
  readonly imageSize?: number;
  /** One intensity a pixel. Default false. */
  readonly grey?: boolean;
  /** Red, green and blue of each pixel. Default: as the files have it. */
  readonly colour?: boolean;
  /** What is learnt. Default: what the labels suggest, else the next token. */
  readonly task?: Task;
}
