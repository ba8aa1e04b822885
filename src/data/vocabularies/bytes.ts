/** Text as the bytes of its UTF-8: any text in any language, 260 tokens. */
import { FIRST_ORDINARY_ID, idsOfValues, refuseId, SPECIAL_TOKENS, vocabularyBehindSpecials } from "./specials.ts";
import type { Vocabulary } from "../vocabulary.ts";

const SIZE = SPECIAL_TOKENS.length + 256;

/**
 * The 256 bytes behind the specials: id = 4 + byte. Every text can be encoded. Bytes that are no UTF-8, as a model may
 * produce them, decode to "\uFFFD"; special tokens in between read "<bos>" and so on.
 *
 * Source: bytes as tokens, arXiv:2105.13626 (ByT5).
 */
export const byteVocabulary: Vocabulary = vocabularyBehindSpecials({
  name: "byte",
  ordinary: Array.from({ length: 256 }, (_, byte) => nameOfByte(byte)),
  encode: (text) => encodeBytes(new TextEncoder().encode(text)),
  decode: decodeBytes,
  description: { kind: "bytes" },
});

/** Bytes of any origin, text in UTF-8 or not, as ids of `byteVocabulary`. */
export function encodeBytes(bytes: Uint8Array): Int32Array {
  return idsOfValues(bytes);
}

function decodeBytes(ids: Iterable<number>): string {
  const bytes: number[] = [];
  // Specials are written into the stream as text, so that it is decoded as a whole.
  const encoder = new TextEncoder();
  for (const id of ids) {
    if (!Number.isInteger(id) || id < 0 || id >= SIZE) refuseId("byte", SIZE, id);
    const special = SPECIAL_TOKENS[id];
    if (special === undefined) bytes.push(id - FIRST_ORDINARY_ID);
    else bytes.push(...encoder.encode(special));
  }
  // ignoreBOM keeps a byte order mark, so that decoding is the inverse of encoding.
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
}

/** Printable ASCII as itself, everything else as "<0x0A>". */
function nameOfByte(byte: number): string {
  if (byte > 0x20 && byte < 0x7f) return String.fromCharCode(byte);
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}
