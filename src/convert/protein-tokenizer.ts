/** The vocab.txt of ESM-2, a token a line, as the tokenizer.json that says the same. */

const SPECIALS = ["<cls>", "<pad>", "<eos>", "<unk>", "<mask>", "<null_1>"];

/**
 * Letters one by one, between `<cls>` and `<eos>`; what is no token is `<unk>`.
 *
 * @param text vocab.txt: the token of id 0 on its first line
 */
export function proteinTokenizerJson(text: string): object {
  const tokens = text.trimEnd().split(/\r?\n/);
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const id = (token: string) => vocab[token] ?? tokens.length;
  const special = (token: string) => ({ SpecialToken: { id: token, type_id: 0 } });
  const around = (token: string) => [token, { id: token, ids: [id(token)], tokens: [token] }] as const;
  const single = [special("<cls>"), { Sequence: { id: "A", type_id: 0 } }, special("<eos>")];
  return {
    added_tokens: SPECIALS.filter((token) => Object.hasOwn(vocab, token)).map((content) => ({
      id: id(content),
      content,
      special: true,
    })),
    pre_tokenizer: { type: "FixedLength", length: 1 },
    post_processor: {
      type: "TemplateProcessing",
      single,
      pair: single,
      special_tokens: Object.fromEntries([around("<cls>"), around("<eos>")]),
    },
    decoder: { type: "Fuse" },
    // A letter is a word of one piece.
    model: { type: "WordPiece", unk_token: "<unk>", continuing_subword_prefix: "", vocab },
  };
}
