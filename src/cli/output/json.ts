/** The result of a command as one JSON document on standard output. */

import { writeText } from "./write-text.ts";

/**
 * Writes the value as one indented JSON document and a line break; a command calls it once, at its end, and writes
 * nothing else to standard output. Typed arrays become lists, 64-bit integers numbers (text beyond 2⁵³), NaN and
 * infinities null.
 *
 * @param stream default standard output
 * @returns when the text is handed over, so that the process may end without cutting it short
 * @throws TypeError when the value is no JSON (undefined, a function)
 */
export async function printJson(value: unknown, stream: NodeJS.WritableStream = process.stdout): Promise<void> {
  const text: string | undefined = JSON.stringify(value, toPlain, 2);
  if (text === undefined)
    throw new TypeError(`printJson: a JSON value is needed, got ${typeof value}; pass an object.`);
  await writeText(stream, `${text}\n`);
}

function toPlain(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Float32Array || value instanceof Float64Array) return Array.from(value);
  if (value instanceof Int32Array || value instanceof Uint8Array) return Array.from(value);
  if (value instanceof BigInt64Array) return Array.from(value);
  return value;
}
