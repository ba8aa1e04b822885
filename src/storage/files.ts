/**
 * Files that are either complete or not there: temporary name, fsync, rename. All that this folder writes is written
 * here.
 */

import { problem } from "../graph/errors.ts";
import { files, paths } from "#files";
import { StorageError } from "./errors.ts";
import { codeOf, explainFailure } from "./failures.ts";

/**
 * Files and folders with this in their name are unfinished: written by a process that was interrupted, or that still
 * runs.
 */
export const PARTIAL_MARK = ".partial-";
/** A complete folder that was set aside while another takes its name, see {@link writeFolderAtomically}. */
export const REPLACED_MARK = ".replaced-";

export interface WriteOptions {
  /** What is safe when the write fails, to end the error with. Default: that the file under this name is as it was. */
  readonly stillThere?: string;
}

export interface WriteFolderOptions extends WriteOptions {
  /** Take the place of a folder of the same name. Default false: an existing folder is an error and stays. */
  readonly replace?: boolean;
}

/**
 * Writes a file so that a reader, now or after a power cut, sees the old content or the new one, never a part.
 *
 * The bytes go to a temporary name in the same folder, are synced, renamed, and the folder is synced. When something
 * fails the temporary is removed and what existed stays.
 *
 * @throws StorageError when the disk is full, read-only or not ours to write
 */
export async function writeFileAtomically(
  path: string,
  content: Uint8Array | string,
  options: WriteOptions = {},
): Promise<void> {
  const bytes = toBytes(content);
  const temporary = partialName(path);
  try {
    await files.create(temporary, bytes);
    await files.rename(temporary, path);
    await files.syncFolder(paths.dirname(path));
  } catch (error) {
    await removeQuietly(temporary);
    throw await explainFailure(error, {
      action: "write",
      path,
      sizeBytes: bytes.length,
      stillThere: options.stillThere ?? `what was at ${path} before is as it was`,
    });
  }
}

/**
 * Writes a folder of files that appears under its name only when all of them are complete and on the disk.
 *
 * @param path the folder; its parent must exist
 * @param contents file name, or path inside the folder → content
 * @throws StorageError when the disk is full, read-only or not ours to write, or the folder exists and `replace` is not
 *   set
 */
export async function writeFolderAtomically(
  path: string,
  contents: Readonly<Record<string, Uint8Array | string>>,
  options: WriteFolderOptions = {},
): Promise<void> {
  const parts = Object.entries(contents).map(([name, content]) => ({ name, bytes: toBytes(content) }));
  const sizeBytes = parts.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const temporary = partialName(path);
  let replaced: string | undefined;
  try {
    await files.createFolder(temporary);
    const folders = new Set([temporary, ...parts.map(({ name }) => paths.dirname(paths.join(temporary, name)))]);
    for (const folder of folders) await files.createFolder(folder, { parents: true });
    for (const { name, bytes } of parts) await files.create(paths.join(temporary, name), bytes);
    for (const folder of folders) await files.syncFolder(folder);
    if (await exists(path)) {
      if (options.replace !== true)
        throw new StorageError(problem`${path} exists; choose another name or delete it first.`);
      replaced = `${path}${REPLACED_MARK}${randomSuffix()}`;
      await files.rename(path, replaced);
    }
    await files.rename(temporary, path);
    await files.syncFolder(paths.dirname(path));
  } catch (error) {
    await removeQuietly(temporary);
    if (replaced !== undefined && !(await exists(path))) await files.rename(replaced, path);
    throw await explainFailure(error, { action: "write", path, sizeBytes, ...options });
  }
  if (replaced !== undefined) await removeFolder(replaced);
}

/**
 * Reads a whole file.
 *
 * @param what the file in words, for the error: "the weights"
 * @throws StorageError when there is none, it is a folder, or it may not be read
 */
export async function readFileOrExplain(path: string, what = "the file"): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await files.read(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") {
      throw new StorageError(problem`${path}: not found (${what}); ${files.missingHint}.`, {
        cause: error,
        code: "ERR_NOT_FOUND",
      });
    }
    throw await explainFailure(error, { action: "read", path });
  }
}

/** The same as {@link readFileOrExplain}, as UTF-8 text. */
export async function readTextOrExplain(path: string, what?: string): Promise<string> {
  return new TextDecoder().decode(await readFileOrExplain(path, what));
}

/**
 * Adds text at the end of a file and creates it when there is none. When it fails, the part that was written is taken
 * back. Not synced: for logs.
 */
export async function appendToFile(path: string, text: string): Promise<void> {
  const bytes = toBytes(text);
  try {
    await files.append(path, bytes);
  } catch (error) {
    throw await explainFailure(error, {
      action: "write",
      path,
      sizeBytes: bytes.length,
      stillThere: `what was in ${path} before is as it was`,
    });
  }
}

/**
 * Gives a complete file a second name, atomically: a hard link, or a copy where the file system has no links.
 *
 * @throws StorageError as {@link writeFileAtomically}
 */
export async function linkOrCopyAtomically(from: string, to: string, options: WriteOptions = {}): Promise<void> {
  const temporary = partialName(to);
  try {
    await files.link(from, temporary);
    await files.rename(temporary, to);
    await files.syncFolder(paths.dirname(to));
  } catch (error) {
    await removeQuietly(temporary);
    const sizeBytes = (await files.stat(from).catch(() => undefined))?.sizeBytes ?? 0;
    throw await explainFailure(error, { action: "write", path: to, sizeBytes, ...options });
  }
  // Renaming one link of a file onto another of the same file does nothing and leaves both.
  await removeQuietly(temporary);
}

/** Creates a folder and those above it; one that is there already is left as it is. */
export async function createFolder(path: string): Promise<void> {
  try {
    await files.createFolder(path, { parents: true });
  } catch (error) {
    throw await explainFailure(error, { action: "create", path });
  }
}

/** The names in a folder, or undefined when there is no such folder. A file of that name is an error. */
export async function listFolder(path: string): Promise<readonly string[] | undefined> {
  try {
    return (await files.list(path)).map(({ name }) => name);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw await explainFailure(error, { action: "read", path });
  }
}

/** Deletes a folder; it loses its name first, so that an interrupted deletion leaves no half of a folder under it. */
export async function removeFolder(path: string): Promise<void> {
  try {
    const doomed = paths.basename(path).includes(PARTIAL_MARK) ? path : partialName(path);
    if (doomed !== path) await files.rename(path, doomed);
    await files.remove(doomed);
  } catch (error) {
    throw await explainFailure(error, { action: "delete", path });
  }
}

/** Whether anything, a broken link too, has this name. */
export function exists(path: string): Promise<boolean> {
  return files.exists(path);
}

function toBytes(content: Uint8Array | string): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}

function randomSuffix(): string {
  return crypto.randomUUID().slice(0, 8);
}

function partialName(path: string): string {
  return `${path}${PARTIAL_MARK}${randomSuffix()}`;
}

async function removeQuietly(path: string): Promise<void> {
  // The failure that led here is the one to report; a leftover has a partial name and is ignored by every reader.
  await files.remove(path).catch(() => undefined);
}
