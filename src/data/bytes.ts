/**
 * Byte streams of any origin as bytes, text or lines, gunzipped on sight; lines are never held in memory as a whole.
 */
import { DataError } from "./errors.ts";

/** Anything that hands out bytes piece by piece: a file, a response body, an array of chunks behind a generator. */
export type ByteSource = AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>;

/** One line of text without its line end, and its number, counted from 1. */
export interface Line {
  readonly text: string;
  readonly number: number;
}

/**
 * The bytes of a source piece by piece, gunzipped on sight.
 *
 * @param place where the reading is, for messages: the file's name, with the line where there are lines
 * @throws DataError when the gzip data end early or are damaged
 */
export async function* readPieces(source: ByteSource, place: () => string): AsyncGenerator<Uint8Array> {
  try {
    yield* gunzipOnSight(iterateBytes(source));
  } catch (error) {
    throw explainGunzip(error, place());
  }
}

/**
 * The lines of a UTF-8 text, plain or gzip (recognised by its first two bytes, 1f 8b), ended by LF or CR LF.
 *
 * @param name the file's name, for messages
 * @throws DataError when the gzip data end early or are damaged, and on NUL bytes, which text does not have
 */
export async function* readLines(source: ByteSource, name: string): AsyncGenerator<Line> {
  const decoder = new TextDecoder();
  let rest = "";
  let number = 1;
  for await (const bytes of readPieces(source, () => `${name}, line ${number}`)) {
    const text = decoder.decode(bytes, { stream: true });
    refuseNul(text, name, number);
    // Only the new piece is searched, so that a chromosome on one line still takes linear time.
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      yield { text: withoutCarriageReturn(rest + text.slice(start, end)), number };
      rest = "";
      number += 1;
      start = end + 1;
    }
    rest += text.slice(start);
  }
  rest += decoder.decode();
  if (rest !== "") yield { text: withoutCarriageReturn(rest), number };
}

/**
 * All bytes of a source, gunzipped on sight.
 *
 * @param name the file's name, for messages
 * @throws DataError when the gzip data end early or are damaged
 */
export async function readBytes(source: ByteSource, name: string): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of readPieces(source, () => name)) {
    pieces.push(piece);
    length += piece.length;
  }
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}

/**
 * A whole text in UTF-8, plain or gzip, as it stands; a byte order mark is left out.
 *
 * @param name the file's name, for messages
 * @throws DataError when the bytes are not UTF-8, on NUL bytes, and on damaged gzip data
 */
export async function readText(source: ByteSource, name: string): Promise<string> {
  const bytes = await readBytes(source, name);
  let text = "";
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new DataError(
      {
        who: name,
        rule: "the file must be text in UTF-8",
        got: "bytes that are not",
        fix: "convert it to UTF-8, for example with iconv -f latin1 -t utf-8",
      },
      { cause: error },
    );
  }
  refuseNul(text, name, 1);
  return text;
}

/** Marks a failure as the decompressor's, apart from those of the source beneath it. */
class GunzipFailure extends Error {}

function explainGunzip(error: unknown, who: string): unknown {
  if (!(error instanceof GunzipFailure)) return error;
  return new DataError(
    {
      who,
      rule: "gzip data must be complete and intact",
      got: `"${error.message}" from the decompressor`,
      fix: "the file was probably cut off while it was copied: fetch it again, and check it with gzip -t",
    },
    { cause: error.cause },
  );
}

/** Streams iterate by their reader: not every browser lets `for await` walk a ReadableStream. */
async function* iterateBytes(source: ByteSource): AsyncGenerator<Uint8Array> {
  if (!("getReader" in source)) {
    yield* source;
    return;
  }
  const reader = source.getReader();
  let finished = false;
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) {
        finished = true;
        return;
      }
      yield value;
    }
  } finally {
    if (!finished) await reader.cancel().catch(() => undefined);
    reader.releaseLock();
  }
}

/** Passes the bytes on, through the web-standard DecompressionStream when they start with gzip's magic number. */
async function* gunzipOnSight(source: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    let head = new Uint8Array(0);
    while (head.length < 2) {
      const { done, value } = await source.next();
      if (done) break;
      const joined = new Uint8Array(head.length + value.length);
      joined.set(head);
      joined.set(value, head.length);
      head = joined;
    }
    const whole = prepend(head, source);
    yield* head[0] === 0x1f && head[1] === 0x8b ? gunzip(whole) : whole;
  } finally {
    // Closes the file when the reader stops early.
    await source.return(undefined);
  }
}

async function* prepend(head: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (head.length > 0) yield head;
  yield* rest;
}

async function* gunzip(source: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  let sourceFailure: { readonly error: unknown } | undefined;
  const compressed = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      try {
        const { done, value } = await source.next();
        if (done) controller.close();
        // The copy is what DecompressionStream's type asks for: bytes that are not shared between threads.
        else controller.enqueue(new Uint8Array(value));
      } catch (error) {
        sourceFailure = { error };
        controller.error(error);
      }
    },
    async cancel() {
      await source.return(undefined);
    },
  });
  try {
    yield* iterateBytes(compressed.pipeThrough(new DecompressionStream("gzip")));
  } catch (error) {
    if (sourceFailure !== undefined) throw sourceFailure.error;
    throw new GunzipFailure(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function refuseNul(text: string, name: string, lineOfStart: number): void {
  const position = text.indexOf("\0");
  if (position < 0) return;
  throw nulByte(name, lineOfStart + text.slice(0, position).split("\n").length - 1);
}

/** The refusal of a NUL byte, which text does not have. */
export function nulByte(name: string, line: number): DataError {
  return new DataError({
    who: `${name}, line ${line}`,
    rule: "the file must be text",
    got: "a NUL byte",
    fix: "give a text file in UTF-8, plain or compressed with gzip; binary and UTF-16 files must be converted first",
  });
}

function withoutCarriageReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}
