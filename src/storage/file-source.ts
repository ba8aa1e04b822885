// Files by name, wherever they lie: in a folder, on a server, in memory.

import { StorageError } from "./errors.ts";

/** Where files are read from. */
export interface FileSource {
  /** For messages: a folder's path, or a name on the hub. */
  readonly name: string;
  /**
   * @param path relative, with forward slashes
   * @returns undefined where there is no such file
   */
  readonly read: (path: string) => Promise<Uint8Array | undefined>;
  /** Whether there is such a file, without its content. */
  readonly has: (path: string) => Promise<boolean>;
}

/** Files that are there already, e.g. what a page has fetched. */
export function memorySource(name: string, files: Readonly<Record<string, Uint8Array | string>>): FileSource {
  return {
    name,
    has: async (path) => Object.hasOwn(files, path),
    read: async (path) => {
      const content = Object.hasOwn(files, path) ? files[path] : undefined;
      return typeof content === "string" ? new TextEncoder().encode(content) : content;
    },
  };
}

/**
 * Refuses paths that could lead out of the folder that they are relative to. Files name other files (shards, modules), and whoever wrote
 * them may not be known.
 *
 * @throws StorageError for absolute paths, `..`, backslashes and drives
 */
export function requireInside(who: string, path: string): void {
  const parts = path.split("/");
  const isInside = parts.every((part) => part !== "" && part !== "." && part !== "..") && !/[\\:\0]/.test(path);
  if (isInside) return;
  throw new StorageError(
    `${who}: a path must stay in its folder, got ${JSON.stringify(path)}; ` +
      "use names without '..', drive or leading slash, as the folder's own program writes them.",
  );
}
