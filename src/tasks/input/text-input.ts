/** What --text and --file give: texts as a model reads them, one after the other, whatever the file's size. */

import type { EncodedText } from "../../convert/index.ts";
import { readLines, type ByteSource } from "../../data/bytes.ts";
import { openInputFile } from "./sequence-input.ts";
import { formatCount, plural } from "../../text/numbers.ts";

export interface TextOptions {
  /** A text. */
  readonly text?: readonly string[];
  /** A file with a text on each line. */
  readonly file?: string;
  /** What `-` stands for. */
  readonly standardInput?: () => ByteSource;
}

/** What has been read of the texts. */
export interface TextCounts {
  texts: number;
  tokens: number;
  /** The number of texts that are cut to what the model reads. */
  truncated: number;
  /** The first truncated text. */
  first?: EncodedText;
}

export function noTexts(): TextCounts {
  return { texts: 0, tokens: 0, truncated: 0 };
}

/**
 * The texts of the command line first, then the lines of the file, empty ones too, so that a line's number is its
 * vector's.
 *
 * @param counts is counted up
 * @throws DataError with file and line for what is no text, and for parts that the tokenizer has no token for
 */
export async function* readTexts(
  { text = [], file, standardInput }: TextOptions,
  encode: (text: string, id: string) => EncodedText,
  counts: TextCounts,
): AsyncGenerator<EncodedText> {
  const counted = (encoded: EncodedText): EncodedText => {
    counts.texts += 1;
    counts.tokens += encoded.tokenIds.length;
    if (encoded.dropped > 0) {
      counts.truncated += 1;
      counts.first ??= encoded;
    }
    return encoded;
  };
  for (const [index, each] of text.entries()) yield counted(encode(each, `text ${index + 1}`));
  if (file === undefined) return;
  const { name, source } = openInputFile(file, standardInput);
  for await (const line of readLines(source, name)) {
    yield counted(encode(line.text, `line ${line.number}`));
  }
}

/** A line for people where texts were cut; undefined where none was. */
export function truncationNotice({ texts, truncated, first }: TextCounts, longest: number): string | undefined {
  if (first === undefined) return undefined;
  return (
    `${formatCount(truncated)} of ${formatCount(texts)} ${plural(texts, "text")} ${truncated === 1 ? "is" : "are"} longer than the ` +
    `${formatCount(longest)} tokens that the model reads; what is behind them is left out (${first.id}: ${formatCount(first.dropped)} ` +
    `${plural(first.dropped, "token")})`
  );
}
