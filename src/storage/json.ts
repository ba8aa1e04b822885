/** JSON values, and the one place where they become text. */

import { problem } from "../graph/errors.ts";
import { StorageError } from "./errors.ts";

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/**
 * A JSON document that reads back as exactly what was written.
 *
 * @param name what it is, for the error
 * @throws StorageError for NaN and infinities, which JSON.stringify would silently turn into null, and for what is no
 *   JSON at all
 */
export function toExactJson(value: unknown, name: string): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(
      value,
      (key, item: unknown) => {
        if (typeof item === "number" && !Number.isFinite(item)) {
          throw new TypeError(`${JSON.stringify(key)} is ${item}`);
        }
        return item;
      },
      2,
    );
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StorageError(problem`${name} must be a JSON value, but ${reason}; store it as text or leave it out.`, {
      cause,
    });
  }
  if (text === undefined)
    throw new StorageError(problem`${name} must be a JSON value, got ${typeof value}; leave it out.`);
  return `${text}\n`;
}

/** @throws StorageError when the text is not JSON: the file was cut short or edited by hand */
export function parseJson(text: string, name: string): JsonValue {
  try {
    // JSON.parse returns nothing but JSON values.
    return JSON.parse(text) as JsonValue;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StorageError(
      problem`${name} must be JSON, but ${reason}; the file was cut short or edited, restore it.`,
      {
        cause,
      },
    );
  }
}
