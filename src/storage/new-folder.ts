// A folder of results that takes no other's place: new or empty before, whole afterwards.

import { dirname } from "node:path";

import { StorageError } from "./errors.ts";
import { createFolder, listFolder, writeFolderAtomically } from "./files.ts";

/**
 * Refuses a folder that holds anything: to be asked before hours of work.
 *
 * @throws StorageError, also for a file of that name
 */
export async function requireNewFolder(path: string): Promise<void> {
  const held = await listFolder(path);
  if (held === undefined || held.length === 0) return;
  throw new StorageError(
    `${path}: the folder must be new or empty, got one with ${held.length} ${held.length === 1 ? "file" : "files"}; choose another --out.`,
  );
}

/**
 * Writes files into a new or an empty folder, which holds all of them or none.
 *
 * @param files paths in the folder → content
 * @throws StorageError as `requireNewFolder` and `writeFolderAtomically`
 */
export async function writeNewFolder(
  path: string,
  files: Readonly<Record<string, Uint8Array | string>>,
): Promise<void> {
  await requireNewFolder(path);
  await createFolder(dirname(path));
  await writeFolderAtomically(path, files, { replace: true });
}
