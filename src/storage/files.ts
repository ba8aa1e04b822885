// Files that are either complete or not there: temporary name, fsync, rename. All of this folder's file access is here.

import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { StorageError } from "./errors.ts";
import { codeOf, explainFailure } from "./failures.ts";

/** Files and folders with this in their name are unfinished: written by a process that was interrupted, or that still runs. */
export const PARTIAL_MARK = ".partial-";
/** A complete folder that was set aside while another takes its name, see {@link writeFolderAtomically}. */
export const REPLACED_MARK = ".replaced-";

/** Node reads and writes at most 2³¹−1 bytes in one call; larger files go in pieces. */
const PIECE_BYTES = 256 * 1024 * 1024;

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
 * The bytes go to a temporary name in the same folder, are synced, renamed, and the folder is synced. When something fails the
 * temporary is removed and what existed stays.
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
    await writeSynced(temporary, bytes);
    await fs.rename(temporary, path);
    await syncFolder(dirname(path));
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
 * @param files file name, or path inside the folder → content
 * @throws StorageError when the disk is full, read-only or not ours to write, or the folder exists and `replace` is not set
 */
export async function writeFolderAtomically(
  path: string,
  files: Readonly<Record<string, Uint8Array | string>>,
  options: WriteFolderOptions = {},
): Promise<void> {
  const contents = Object.entries(files).map(([name, content]) => ({ name, bytes: toBytes(content) }));
  const sizeBytes = contents.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const temporary = partialName(path);
  let replaced: string | undefined;
  try {
    await fs.mkdir(temporary);
    const folders = new Set([temporary, ...contents.map(({ name }) => dirname(join(temporary, name)))]);
    for (const folder of folders) await fs.mkdir(folder, { recursive: true });
    for (const { name, bytes } of contents) await writeSynced(join(temporary, name), bytes);
    for (const folder of folders) await syncFolder(folder);
    if (await exists(path)) {
      if (options.replace !== true) throw new StorageError(`${path} exists; choose another name or delete it first.`);
      replaced = `${path}${REPLACED_MARK}${randomSuffix()}`;
      await fs.rename(path, replaced);
    }
    await fs.rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await removeQuietly(temporary);
    if (replaced !== undefined && !(await exists(path))) await fs.rename(replaced, path);
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
    const file = await fs.open(path, "r");
    try {
      const { size } = await file.stat();
      const bytes = new Uint8Array(size);
      let done = 0;
      while (done < size) {
        const { bytesRead } = await file.read(bytes, done, Math.min(PIECE_BYTES, size - done), done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return bytes.subarray(0, done);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) === "ENOENT") {
      throw new StorageError(`${path}: not found (${what}); check the path.`, { cause: error });
    }
    throw await explainFailure(error, { action: "read", path });
  }
}

/** The same as {@link readFileOrExplain}, as UTF-8 text. */
export async function readTextOrExplain(path: string, what?: string): Promise<string> {
  return new TextDecoder().decode(await readFileOrExplain(path, what));
}

/**
 * Adds text at the end of a file and creates it when there is none. When it fails, the part that was written is taken back.
 * Not synced: for logs.
 */
export async function appendToFile(path: string, text: string): Promise<void> {
  const bytes = toBytes(text);
  try {
    const file = await fs.open(path, "a");
    try {
      const { size } = await file.stat();
      try {
        await writeAll(file, bytes);
      } catch (error) {
        await file.truncate(size);
        throw error;
      }
    } finally {
      await file.close();
    }
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
    await fs.link(from, temporary).catch(async (error: unknown) => {
      if (codeOf(error) === "ENOSPC" || codeOf(error) === "EROFS") throw error;
      await fs.copyFile(from, temporary, constants.COPYFILE_FICLONE);
      await syncFile(temporary);
    });
    await fs.rename(temporary, to);
    await syncFolder(dirname(to));
  } catch (error) {
    await removeQuietly(temporary);
    const sizeBytes = await fs.stat(from).then(
      ({ size }) => size,
      () => 0,
    );
    throw await explainFailure(error, { action: "write", path: to, sizeBytes, ...options });
  }
  // Renaming one link of a file onto another of the same file does nothing and leaves both.
  await removeQuietly(temporary);
}

/** Creates a folder and those above it; one that is there already is left as it is. */
export async function createFolder(path: string): Promise<void> {
  try {
    await fs.mkdir(path, { recursive: true });
  } catch (error) {
    throw await explainFailure(error, { action: "create", path });
  }
}

/** The names in a folder, or undefined when there is no such folder. A file of that name is an error. */
export async function listFolder(path: string): Promise<readonly string[] | undefined> {
  try {
    return await fs.readdir(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw await explainFailure(error, { action: "read", path });
  }
}

/** Deletes a folder; it loses its name first, so that an interrupted deletion leaves no half of a folder under it. */
export async function removeFolder(path: string): Promise<void> {
  try {
    const doomed = basename(path).includes(PARTIAL_MARK) ? path : partialName(path);
    if (doomed !== path) await fs.rename(path, doomed);
    await fs.rm(doomed, { recursive: true, force: true });
  } catch (error) {
    throw await explainFailure(error, { action: "delete", path });
  }
}

/** Whether anything, a broken link too, has this name. */
export async function exists(path: string): Promise<boolean> {
  return fs.lstat(path).then(
    () => true,
    () => false,
  );
}

function toBytes(content: Uint8Array | string): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}

function randomSuffix(): string {
  return randomBytes(4).toString("hex");
}

function partialName(path: string): string {
  return `${path}${PARTIAL_MARK}${randomSuffix()}`;
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await fs.open(path, "wx");
  try {
    await writeAll(file, bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function writeAll(file: fs.FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, Math.min(PIECE_BYTES, bytes.length - done));
    done += bytesWritten;
  }
}

async function syncFile(path: string): Promise<void> {
  const file = await fs.open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes a rename survive a power cut. Windows cannot open a folder for this and does not need it. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await fs.open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function removeQuietly(path: string): Promise<void> {
  // The failure that led here is the one to report; a leftover has a partial name and is ignored by every reader.
  await fs.rm(path, { recursive: true, force: true }).catch(() => undefined);
}
