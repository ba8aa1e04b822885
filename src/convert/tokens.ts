/**
 * Texts as a pretrained model reads them: the tokenizer's own ids, special tokens around them, cut to what the model
 * can read.
 */
import type { Tokenizer } from "@huggingface/tokenizers";
import { tokenizerVocabulary, type Vocabulary } from "../data/index.ts";
import { DataError } from "../data/errors.ts";
import { openTokenizer } from "../data/vocabularies/tokenizer.ts";
import type { FileSource } from "../storage/file-source.ts";
import { fileOf, jsonObject, readJsonIfThere } from "./json-files.ts";
import type { PretrainedInput } from "./architectures/architecture.ts";
import { proteinTokenizerJson } from "./protein-tokenizer.ts";
import { refuse } from "./refuse.ts";

export interface TokenSettings {
  /** The folder inside the source, with a slash at its end. */
  readonly base: string;
  readonly vocabSize: number;
  readonly reads: PretrainedInput;
}

export interface PretrainedTokens {
  readonly vocabulary: Vocabulary;
  /** Ids in front of and behind a text's own. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** How many tokens the tokenizer's own settings allow, special ones included. */
  readonly longest: number;
}

/** Rows that tables have beyond the tokens, so that their number is a multiple of a power of two. */
const MOST_UNUSED_ROWS = 127;

/** Token ids of a text. */
export interface EncodedText {
  readonly id: string;
  /** Special tokens included, for text. */
  readonly tokenIds: Int32Array;
  /** Tokens that were left out, because the model reads no more. */
  readonly dropped: number;
  /**
   * How many of `tokenIds` are special ones, in front of the text's own and behind them; undefined where there are
   * none.
   */
  readonly specials?: readonly [before: number, after: number];
}

/**
 * The folder's tokenizer.json; for proteins also vocab.txt.
 *
 * @throws StorageError when there is none, and when it has more tokens than the model, or far fewer
 */
export async function readTokens(source: FileSource, settings: TokenSettings): Promise<PretrainedTokens> {
  const { base, vocabSize, reads } = settings;
  const fileName = `${base}tokenizer.json`;
  const config = await readJsonIfThere(source, `${base}tokenizer_config.json`, jsonObject);
  let name = fileOf(source, fileName);
  let json: object | undefined = await readJsonIfThere(source, fileName, jsonObject);
  if (json === undefined && reads === "proteins") {
    const letters = await source.read(`${base}vocab.txt`);
    name = letters === undefined ? name : fileOf(source, `${base}vocab.txt`);
    json = letters && proteinTokenizerJson(new TextDecoder().decode(letters));
  }
  if (json === undefined) {
    refuse(
      name,
      "the tokenizer must be there",
      "nothing",
      "save it with AutoTokenizer.from_pretrained(name).save_pretrained(folder) in Python, or download the whole " +
        "folder",
    );
  }
  const tokenizer = openTokenizer(name, json, config ?? {});
  const numTokens = 1 + [...tokenizer.get_vocab(true).values()].reduce((highest, id) => Math.max(highest, id), -1);
  if (numTokens > vocabSize || vocabSize - numTokens > MOST_UNUSED_ROWS) {
    refuse(
      name,
      `the tokenizer must have the ${vocabSize} tokens of vocab_size in config.json (or up to ${MOST_UNUSED_ROWS} ` +
        "fewer)",
      String(numTokens),
      "use the tokenizer that the model was trained with",
    );
  }
  const longest = config?.["model_max_length"];
  return {
    vocabulary: fitted(tokenizerVocabulary({ json, name, ...(config && { config }) }), vocabSize),
    ...specialsAround(name, tokenizer),
    // A tokenizer without a limit states 10³⁰.
    longest: typeof longest === "number" ? longest : Number.POSITIVE_INFINITY,
  };
}

/**
 * The same vocabulary with as many tokens as the model has rows. Roles that the tokenizer lacks, as GPT-2 lacks
 * padding, stand at its end token: decoders neither see what comes behind a text, nor are padding and masks ever
 * predicted.
 */
function fitted(known: Vocabulary, vocabSize: number): Vocabulary {
  const inside = (id: number) => (id < vocabSize ? id : known.eosId);
  const tokens = Array.from({ length: vocabSize }, (_, id) => known.tokens[id] ?? `<unused ${id}>`);
  return {
    ...known,
    tokens,
    size: vocabSize,
    padId: inside(known.padId),
    bosId: inside(known.bosId),
    maskId: inside(known.maskId),
  };
}

/** The special tokens that the tokenizer puts around every text, found by encoding a letter. */
function specialsAround(name: string, tokenizer: Tokenizer): Pick<PretrainedTokens, "before" | "after"> {
  const plain: readonly number[] = tokenizer.encode("A", { add_special_tokens: false }).ids;
  const whole: readonly number[] = tokenizer.encode("A", { add_special_tokens: true }).ids;
  const start = whole.findIndex((_, at) => plain.every((id, index) => whole[at + index] === id));
  if (plain.length === 0 || start < 0) {
    refuse(
      name,
      "special tokens must stand in front of a text or behind it",
      `${whole.join(" ")} for ${plain.join(" ")}`,
      "use a tokenizer whose post_processor does nothing else",
    );
  }
  return { before: whole.slice(0, start), after: whole.slice(start + plain.length) };
}

/**
 * A text's ids between its special ones, cut behind `longest`.
 *
 * @throws DataError for parts that the tokenizer has no token for
 */
export function encodeText(
  { vocabulary, before, after }: PretrainedTokens,
  text: string,
  id: string,
  longest: number,
): EncodedText {
  const own = vocabulary.encode(text, { recordId: id });
  const room = longest - before.length - after.length;
  if (room < 1) {
    throw new DataError({
      who: id,
      rule: "a text must have room for a token between its special ones",
      got: `${longest} places in all`,
      fix: "allow more tokens",
    });
  }
  const kept = own.subarray(0, room);
  return {
    id,
    tokenIds: Int32Array.from([...before, ...kept, ...after]),
    dropped: own.length - kept.length,
    specials: [before.length, after.length],
  };
}
