/** tokenizer.json of vocabularies whose tokens are the pieces of a simple cut: letters, characters, words. */

/** How texts are cut, as a pre-tokenizer of Hugging Face's format. */
export const cuts = {
  letters: { type: "FixedLength", length: 1 },
  // Code points, blanks and line ends included.
  characters: { type: "Split", pattern: { Regex: "[\\s\\S]" }, behavior: "Isolated", invert: false },
  words: { type: "WhitespaceSplit" },
} as const;

export interface PiecewiseTokenizer {
  /** The token of every id. */
  readonly tokens: readonly string[];
  /** The tokens that stand for no piece of a text. */
  readonly specials: readonly string[];
  readonly cut: keyof typeof cuts;
  /** In front of every text. */
  readonly first: string;
  /** Behind every text. */
  readonly last: string;
  /** In the place of a piece without a token. */
  readonly unknown: string;
}

/** Pieces one by one between two special tokens. */
export function piecewiseTokenizerJson({ tokens, specials, cut, first, last, unknown }: PiecewiseTokenizer): object {
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const id = (token: string) => vocab[token] ?? tokens.length;
  const special = (token: string) => ({ SpecialToken: { id: token, type_id: 0 } });
  const around = (token: string) => [token, { id: token, ids: [id(token)], tokens: [token] }] as const;
  const single = [special(first), { Sequence: { id: "A", type_id: 0 } }, special(last)];
  return {
    added_tokens: specials
      .filter((token) => Object.hasOwn(vocab, token))
      .map((content) => ({ id: id(content), content, special: true })),
    pre_tokenizer: cuts[cut],
    post_processor: {
      type: "TemplateProcessing",
      single,
      pair: single,
      special_tokens: Object.fromEntries([around(first), around(last)]),
    },
    decoder: { type: "Fuse" },
    // A piece is a word of one token.
    model: { type: "WordPiece", unk_token: unknown, continuing_subword_prefix: "", vocab },
  };
}
