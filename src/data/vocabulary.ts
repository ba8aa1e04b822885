/** Vocabularies: what a model reads, and the numbers that stand for it. */

/** Where a sequence came from, for messages. */
export interface SequenceOrigin {
  readonly recordId: string;
  /** The file's name. */
  readonly fileName?: string;
  /** The line of the record's header, counted from 1. */
  readonly line?: number;
}

/** A vocabulary as plain JSON, as a run stores it; `vocabularyFrom` restores it. */
export type VocabularyDescription =
  | { readonly kind: "letters"; readonly name: string; readonly letters: string; readonly tags?: readonly string[] }
  | { readonly kind: "bytes" }
  | { readonly kind: "characters"; readonly characters: string }
  | { readonly kind: "words"; readonly name: string; readonly words: readonly string[] }
  /** Without a shape: intensities alone, of images that know their shapes from elsewhere. */
  | { readonly kind: "pixels"; readonly width?: number; readonly height?: number; readonly channels?: 1 | 3 }
  /** `json` is the parsed tokenizer.json, `config` the parsed tokenizer_config.json where there is one. */
  | { readonly kind: "tokenizer"; readonly name: string; readonly json: object; readonly config?: object };

/**
 * Tokens and their ids. All kinds but "tokenizer" have the four special tokens in front: <pad>, <bos>, <eos>, <mask>.
 */
export interface Vocabulary {
  readonly name: string;
  /** The token of every id. */
  readonly tokens: readonly string[];
  /** Number of tokens, specials included. */
  readonly size: number;
  /** Fills up rows behind their end. */
  readonly padId: number;
  /** Stands in front of the first token. */
  readonly bosId: number;
  /** Stands behind the last token. */
  readonly eosId: number;
  /** Hides a token in masked training. */
  readonly maskId: number;
  /** Names of conditioning tags in the order of their ids, which are the last ones. Left out where there are none. */
  readonly tags?: readonly string[];
  /**
   * The ids of a sequence, without specials.
   *
   * @param where named in the message when a part is refused
   * @throws DataError on the first part outside the vocabulary, with its position counted from 1
   */
  encode(sequence: string, where?: SequenceOrigin): Int32Array;
  /**
   * The text that ids stand for; specials read "<bos>" and so on.
   *
   * @throws DataError on an id outside [0, size)
   */
  decode(ids: Iterable<number>): string;
  /** Whether an id stands for an ordinary token (a residue, a byte, a word) rather than for a special one. */
  isResidue(id: number): boolean;
  /** The plain description that is saved with a run; `JSON.stringify(vocabulary)` writes it. */
  toJSON(): VocabularyDescription;
}
