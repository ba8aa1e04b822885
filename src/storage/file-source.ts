/** Files by name, wherever they lie: in a folder, on a server, in memory. */

import { problem } from "../graph/errors.ts";
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

/** How far a file has come. */
export interface DownloadProgress {
  readonly path: string;
  readonly doneBytes: number;
  readonly sizeBytes: number;
}

/** What a file holds. */
export type FileContent = Blob | Uint8Array | string;

/**
 * Files that are there already: contents by relative path, or what a page was given to choose (`input.files` of a
 * folder).
 */
export type GivenFiles = Readonly<Record<string, FileContent>> | Iterable<File>;

/** Files that are there already, e.g. what a page has fetched. */
export function memorySource(name: string, files: Readonly<Record<string, FileContent>>): FileSource {
  const contentOf = (path: string) => (Object.hasOwn(files, path) ? files[path] : undefined);
  return {
    name,
    has: async (path) => contentOf(path) !== undefined,
    read: async (path) => {
      const content = contentOf(path);
      if (content === undefined || content instanceof Uint8Array) return content;
      return typeof content === "string"
        ? new TextEncoder().encode(content)
        : new Uint8Array(await content.arrayBuffer());
    },
  };
}

/** Files that a caller gave, by their paths; those of a chosen folder by their paths inside it. */
export function givenSource(files: GivenFiles, name = "the given files"): FileSource {
  if (!isList(files)) return memorySource(name, files);
  const named = Array.from(files, (file) => [file.webkitRelativePath || file.name, file] as const);
  const first = named[0]?.[0] ?? "";
  const folder = first.slice(0, first.indexOf("/") + 1);
  const start = named.every(([path]) => path.startsWith(folder)) ? folder.length : 0;
  return memorySource(name, Object.fromEntries(named.map(([path, file]) => [path.slice(start), file])));
}

function isList(files: GivenFiles): files is Iterable<File> {
  return Symbol.iterator in files;
}

/**
 * Refuses paths that could lead out of the folder that they are relative to. Files name other files (shards, modules),
 * and whoever wrote them may not be known.
 *
 * @throws StorageError for absolute paths, `..`, backslashes and drives
 */
export function requireInside(who: string, path: string): void {
  const parts = path.split("/");
  const isInside = parts.every((part) => part !== "" && part !== "." && part !== "..") && !/[\\:\0]/.test(path);
  if (isInside) return;
  throw new StorageError(
    problem`${who}: a path must stay in its folder, got ${JSON.stringify(path)}; use names without '..', drive or
    leading slash, as the folder's own program writes them.`,
  );
}
