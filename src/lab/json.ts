/** The check that a value is plain data, as JSON holds them without loss. */

import type { JsonValue } from "../storage/json.ts";

export interface JsonRecord {
  readonly [name: string]: JsonValue;
}

/**
 * Where in plain data something stands that JSON cannot hold, and what it is; undefined when there is nothing of the
 * kind.
 */
export function findNotJson(value: unknown, path: string): { readonly path: string; readonly got: string } | undefined {
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined;
  if (typeof value === "number") return Number.isFinite(value) ? undefined : { path, got: String(value) };
  if (typeof value !== "object") return { path, got: typeof value };
  if (Array.isArray(value)) return firstOf(value.map((item, index) => [`${path}[${index}]`, item]));
  // A Float32Array, a Map or a Date would be written as something else than it is.
  if (Object.getPrototypeOf(value) !== Object.prototype) return { path, got: value.constructor.name };
  return firstOf(Object.entries(value).map(([name, item]) => [`${path}.${name}`, item]));
}

function firstOf(entries: readonly (readonly [path: string, value: unknown])[]) {
  for (const [path, value] of entries) {
    const found = findNotJson(value, path);
    if (found !== undefined) return found;
  }
  return undefined;
}
