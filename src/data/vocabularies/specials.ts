/** The parts that all vocabularies share: four special tokens first, and error messages. */
import { DataError } from "../errors.ts";
import { checkTags, tokenOfTag } from "./tags.ts";
import type { SequenceOrigin, Vocabulary, VocabularyDescription } from "../vocabulary.ts";

/** The special tokens, by their ids. */
export const SPECIAL_TOKENS = ["<pad>", "<bos>", "<eos>", "<mask>"] as const;

/** The id of the first ordinary token. */
export const FIRST_ORDINARY_ID: number = SPECIAL_TOKENS.length;

/**
 * Values from 0 to 255 as ids behind the specials. A loop: typed arrays' `from` takes ten times as long on millions.
 */
export function idsOfValues(values: Uint8Array | Uint8ClampedArray): Int32Array {
  const ids = new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) ids[i] = FIRST_ORDINARY_ID + (values[i] ?? 0);
  return ids;
}

/** The part of a vocabulary after the special tokens. */
export interface OrdinaryTokens {
  readonly name: string;
  /** The ordinary tokens, in the order of their ids from FIRST_ORDINARY_ID on. */
  readonly ordinary: readonly string[];
  /** Names of conditioning tags, which stand behind the ordinary tokens. Default none. */
  readonly tags?: readonly string[];
  readonly encode: Vocabulary["encode"];
  /** Stands between decoded tokens. Default "". */
  readonly separator?: string;
  /** In place of joining the tokens. */
  readonly decode?: Vocabulary["decode"];
  readonly description: VocabularyDescription;
}

/**
 * A vocabulary of `<pad>` = 0, `<bos>` = 1, `<eos>` = 2, `<mask>` = 3, then the ordinary tokens, and behind them the
 * tags.
 *
 * @throws DataError on tags that `checkTags` refuses
 */
export function vocabularyBehindSpecials(options: OrdinaryTokens): Vocabulary {
  const { name, ordinary, tags = [], encode, separator = "", description } = options;
  checkTags(`${name} vocabulary`, tags, SPECIAL_TOKENS);
  const tokens: readonly string[] = [...SPECIAL_TOKENS, ...ordinary, ...tags.map(tokenOfTag)];
  const behindOrdinary = FIRST_ORDINARY_ID + ordinary.length;

  function decode(ids: Iterable<number>): string {
    return Array.from(ids, (id) => tokens[id] ?? refuseId(name, tokens.length, id)).join(separator);
  }

  return {
    name,
    tokens,
    size: tokens.length,
    padId: 0,
    bosId: 1,
    eosId: 2,
    maskId: 3,
    ...(tags.length > 0 && { tags }),
    encode,
    decode: options.decode ?? decode,
    isResidue: (id) => Number.isInteger(id) && id >= FIRST_ORDINARY_ID && id < behindOrdinary,
    toJSON: () => description,
  };
}

/** Throws for an id outside the vocabulary. */
export function refuseId(name: string, size: number, id: number): never {
  throw new DataError({
    who: `${name} vocabulary`,
    rule: `ids must be integers from 0 to ${size - 1}`,
    got: String(id),
    fix: "decode only ids that this vocabulary or a model of its size produced",
  });
}

/** Who complains about a text: its origin where that is known, the vocabulary elsewhere. */
export function complainant(name: string, where: SequenceOrigin | undefined): string {
  return where === undefined ? `${name} vocabulary` : describeOrigin(where);
}

/** For example "human.fasta, line 12, record P02768": the line is that of the record's header. */
function describeOrigin({ recordId, fileName, line }: SequenceOrigin): string {
  const parts = [`record ${recordId}`];
  if (line !== undefined) parts.unshift(`line ${line}`);
  if (fileName !== undefined) parts.unshift(fileName);
  return parts.join(", ");
}
