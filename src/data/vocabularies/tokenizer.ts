/** Subwords, as a tokenizer.json of Hugging Face defines them. */
import { Tokenizer } from "@huggingface/tokenizers";
import * as z from "zod";
import { DataError } from "../errors.ts";
import { complainant, refuseId, SPECIAL_TOKENS } from "./specials.ts";
import type { SequenceOrigin, Vocabulary } from "../vocabulary.ts";

/** The parsed files of a tokenizer. */
export interface TokenizerOptions {
  /** The content of tokenizer.json, parsed. */
  readonly json: object;
  /** The content of tokenizer_config.json, parsed; names the special tokens where their names are unusual. */
  readonly config?: object;
  /** For messages. Default "tokenizer". */
  readonly name?: string;
}

type Role = "pad" | "bos" | "eos" | "mask";

/** How tokenizers name their special tokens: keys of tokenizer_config.json, then usual spellings. */
const usualNames = {
  bos: {
    keys: ["bos_token", "cls_token"],
    spellings: ["<s>", "<bos>", "<|begin_of_text|>", "[CLS]", "<cls>", "<|startoftext|>", "<|endoftext|>"],
  },
  eos: {
    keys: ["eos_token", "sep_token"],
    spellings: ["</s>", "<eos>", "<|end_of_text|>", "[SEP]", "<sep>", "<|endoftext|>"],
  },
  pad: { keys: ["pad_token"], spellings: ["<pad>", "[PAD]", "<|pad|>", "<|padding|>"] },
  mask: { keys: ["mask_token"], spellings: ["<mask>", "[MASK]", "<|mask|>"] },
} satisfies Record<Role, { readonly keys: readonly string[]; readonly spellings: readonly string[] }>;

const tokenizerFile = z.looseObject({
  model: z.looseObject({}),
  added_tokens: z.array(z.looseObject({ id: z.int(), content: z.string(), special: z.boolean().default(false) })),
});

/**
 * A tokenizer.json as a vocabulary, ids unchanged.
 *
 * `<pad>` and `<mask>`, `<bos>` and `<eos>` are the tokenizer's own where it has them; what it lacks, as GPT-2 lacks
 * three, is added behind its last id. A padding token that is also bos or eos counts as lacking: padding must not look
 * like an end. Decoding follows the tokenizer, which may not give back every blank.
 *
 * @throws DataError when the files are not those of a tokenizer that the library knows
 */
export function tokenizerVocabulary(options: TokenizerOptions): Vocabulary {
  const { json, config = {}, name = "tokenizer" } = options;
  const tokenizer = openTokenizer(name, json, config);
  const known = tokenizer.get_vocab(true);
  const numKnown = 1 + [...known.values()].reduce((highest, id) => Math.max(highest, id), -1);
  const tokens: string[] = Array.from({ length: numKnown }, (_, id) => `<unused ${id}>`);
  for (const [token, id] of known) tokens[id] = token;

  const special = new Set<number>();
  for (const [id, token] of tokenizer.get_added_tokens_decoder()) if (token.special) special.add(id);

  function idOfRole(role: Role, taken: readonly number[]): number {
    const { keys, spellings } = usualNames[role];
    const named = keys.map((key) => contentOf(Object.entries(config).find(([entry]) => entry === key)?.[1]));
    for (const token of [...named, ...spellings]) {
      const id = token === undefined ? undefined : known.get(token);
      if (id !== undefined && !taken.includes(id)) return id;
    }
    return tokens.push(`<${role}>`) - 1;
  }
  const bosId = idOfRole("bos", []);
  const eosId = idOfRole("eos", []);
  const padId = idOfRole("pad", [bosId, eosId]);
  const maskId = idOfRole("mask", [bosId, eosId, padId]);
  for (const id of [padId, bosId, eosId, maskId]) special.add(id);
  const size = tokens.length;

  function encode(text: string, where?: SequenceOrigin): Int32Array {
    // Typed here, as the library's own declaration ends in any.
    const ids: readonly number[] = tokenizer.encode(text, { add_special_tokens: false }).ids;
    const unknown = ids.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= numKnown);
    if (unknown < 0) return Int32Array.from(ids);
    throw new DataError({
      who: complainant(name, where),
      rule: "every part of the text must have a token",
      got: `none at token ${unknown + 1}`,
      fix: "use a tokenizer with an unknown token or with byte fallback, or byteVocabulary",
    });
  }

  function decode(ids: Iterable<number>): string {
    let text = "";
    let run: number[] = [];
    function finishRun(): void {
      if (run.length > 0) text += tokenizer.decode(run, { skip_special_tokens: false });
      run = [];
    }
    for (const id of ids) {
      const token = tokens[id] ?? refuseId(name, size, id);
      // The tokenizer itself does not know the tokens that were added here.
      if (id < numKnown) {
        run.push(id);
      } else {
        finishRun();
        text += token;
      }
    }
    finishRun();
    return text;
  }

  return {
    name,
    tokens,
    size,
    padId,
    bosId,
    eosId,
    maskId,
    encode,
    decode,
    isResidue: (id) => Number.isInteger(id) && id >= 0 && id < size && !special.has(id),
    toJSON: () => ({ kind: "tokenizer", name, json, ...(options.config === undefined ? {} : { config }) }),
  };
}

/** @throws DataError when the JSON is not that of a tokenizer that the library knows */
export function openTokenizer(name: string, json: object, config: object): Tokenizer {
  const parsed = tokenizerFile.safeParse(json);
  let problem = parsed.error === undefined ? "" : z.prettifyError(parsed.error);
  if (problem === "") {
    try {
      // The library asks for these keys, which files may leave out where they are null.
      const blank = { decoder: null, post_processor: null, pre_tokenizer: null, normalizer: null };
      return new Tokenizer({ ...blank, ...json }, config);
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
  }
  throw new DataError({
    who: `tokenizerVocabulary ${name}`,
    rule: "the JSON must be that of a tokenizer.json",
    got: problem.replaceAll("\n", " "),
    fix:
      `pass the parsed tokenizer.json of a fast tokenizer, or use byteVocabulary (${SPECIAL_TOKENS.length + 256} ` +
      "tokens)",
  });
}

/** Token names in tokenizer_config.json are strings or objects with a content. */
function contentOf(entry: unknown): string | undefined {
  if (typeof entry === "string") return entry;
  if (typeof entry !== "object" || entry === null || !("content" in entry)) return undefined;
  return typeof entry.content === "string" ? entry.content : undefined;
}
