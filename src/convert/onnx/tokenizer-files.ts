/** tokenizer.json and tokenizer_config.json for other programs: any vocabulary that their format can say. */
import type { Vocabulary } from "../../data/index.ts";
import { piecewiseTokenizerJson } from "../piecewise-tokenizer.ts";

/** How texts are prepared, and how long they may be. */
export interface TokenizerSettings {
  readonly vocabulary: Vocabulary;
  /** Tokens that are read of a text, special ones included; without end where infinite. */
  readonly longest: number;
  /** Texts are made lower case first. */
  readonly lowerCase: boolean;
  /** Stands in front of every text. */
  readonly prompt: string;
}

interface Tokenizer {
  readonly json: Readonly<Record<string, unknown>>;
  readonly config: Readonly<Record<string, unknown>>;
}

/** @returns undefined for vocabularies that the format cannot say: bytes and pixels */
export function tokenizerFiles(settings: TokenizerSettings): Readonly<Record<string, object>> | undefined {
  const found = tokenizerOf(settings.vocabulary);
  if (found === undefined) return undefined;
  const { json, config } = found;
  const { vocabulary, longest } = settings;
  return {
    "tokenizer.json": {
      version: "1.0",
      normalizer: null,
      decoder: null,
      post_processor: null,
      pre_tokenizer: null,
      ...json,
      // What is fixed to one length makes batches of other lengths fail.
      truncation: null,
      padding: null,
      ...withNormalizers(json, settings),
    },
    "tokenizer_config.json": {
      tokenizer_class: "PreTrainedTokenizerFast",
      ...roleNames(vocabulary, json),
      ...config,
      ...(Number.isFinite(longest) && { model_max_length: longest }),
    },
  };
}

function tokenizerOf(vocabulary: Vocabulary): Tokenizer | undefined {
  const description = vocabulary.toJSON();
  switch (description.kind) {
    case "tokenizer":
      return { json: { ...description.json }, config: { ...description.config } };
    case "letters":
    case "characters":
    case "words":
      return { json: piecewise(vocabulary, description.kind), config: {} };
    case "bytes":
    case "pixels":
      return undefined;
  }
}

/** Unknown tokens are read as <mask>. */
function piecewise(vocabulary: Vocabulary, cut: "letters" | "characters" | "words"): Tokenizer["json"] {
  const { tokens, bosId, eosId, maskId } = vocabulary;
  const [first = "", last = "", unknown = ""] = [bosId, eosId, maskId].map((id) => tokens[id]);
  const specials = tokens.filter((_, id) => !vocabulary.isResidue(id));
  return { ...piecewiseTokenizerJson({ tokens, specials, cut, first, last, unknown }) };
}

/** Lower case first, then the prompt, then what the tokenizer does itself. */
function withNormalizers(json: Tokenizer["json"], { lowerCase, prompt }: TokenizerSettings): object {
  const own = json["normalizer"];
  const normalizers = [
    ...(lowerCase ? [{ type: "Lowercase" }] : []),
    ...(prompt === "" ? [] : [{ type: "Prepend", prepend: prompt }]),
  ];
  if (normalizers.length === 0) return {};
  return { normalizer: { type: "Sequence", normalizers: [...normalizers, ...(own ? [own] : [])] } };
}

/** The special tokens by the names of their roles; those that a tokenizer lacks are left out. */
function roleNames({ tokens, padId, bosId, eosId, maskId }: Vocabulary, json: Tokenizer["json"]) {
  const model: unknown = json["model"];
  const unknown: unknown = typeof model === "object" && model !== null ? Reflect.get(model, "unk_token") : undefined;
  return {
    pad_token: tokens[padId],
    cls_token: tokens[bosId],
    sep_token: tokens[eosId],
    bos_token: tokens[bosId],
    eos_token: tokens[eosId],
    ...(maskId !== eosId && { mask_token: tokens[maskId] }),
    ...(typeof unknown === "string" && { unk_token: unknown }),
  };
}
