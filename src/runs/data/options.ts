// What a caller may say about data: where they are, and how they become what a model reads.

import type { splitRules, Task } from "./source.ts";

/** Where data come from instead of those that a recipe or a run names. */
export interface DataOptions {
  readonly data?: string;
  readonly fasta?: string;
  readonly splitBy?: (typeof splitRules)[number];
  readonly sequenceColumn?: string;
  readonly labelColumn?: string;
}

/** How data become what a new model reads and learns; a trained one has that already. */
export interface EncodingOptions {
  readonly tokenizer?: string;
  readonly imageSize?: number;
  readonly grey?: boolean;
  readonly colour?: boolean;
  readonly task?: Task;
}
