/** How this folder says what is wrong with a file: who, the rule, what came, the way out. */
import { problem } from "../graph/errors.ts";
import { StorageError } from "../storage/errors.ts";

/** @throws StorageError, always */
export function refuse(who: string, rule: string, got: string, fix: string): never {
  throw new StorageError(problem`${who}: ${rule}, got ${got}; ${fix}.`);
}

/** A value as it stands in JSON, cut to a line. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
