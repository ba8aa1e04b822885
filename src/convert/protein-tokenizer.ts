/** The vocab.txt of ESM-2, a token a line, as the tokenizer.json that says the same. */
import { piecewiseTokenizerJson } from "./piecewise-tokenizer.ts";

const SPECIALS = ["<cls>", "<pad>", "<eos>", "<unk>", "<mask>", "<null_1>"];

/**
 * Letters one by one, between `<cls>` and `<eos>`; what is no token is `<unk>`.
 *
 * @param text vocab.txt: the token of id 0 on its first line
 */
export function proteinTokenizerJson(text: string): object {
  const tokens = text.trimEnd().split(/\r?\n/);
  return piecewiseTokenizerJson({
    tokens,
    specials: SPECIALS,
    cut: "letters",
    first: "<cls>",
    last: "<eos>",
    unknown: "<unk>",
  });
}
