/** A folder of results that takes no other's place: new or empty before, whole afterwards. */

import { problem } from "../graph/errors.ts";
import { paths } from "#files";
import { StorageError } from "./errors.ts";
import { createFolder, exists, listFolder, writeFolderAtomically } from "./files.ts";

/**
 * Refuses a folder that holds anything: to be asked before hours of work.
 *
 * @param wayOut what else there is to do than to choose another folder, for the error
 * @throws StorageError, also for a file of that name
 */
export async function requireNewFolder(path: string, wayOut?: string): Promise<void> {
  const held = (await listFolder(path)) ?? [];
  if (held.length === 0) return;
  throw new StorageError(
    problem`${path}: the folder must be new or empty, got one with ${held.length}
    ${held.length === 1 ? "file" : "files"}; choose another --out (${await nextFreePath(path)} is
    free)${wayOut === undefined ? "" : ` or ${wayOut}`}. Nothing in it was changed.`,
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
  await createFolder(paths.dirname(path));
  await writeFolderAtomically(path, files, { replace: true });
}

/**
 * The first free one of base, base-2, base-3, ...: what is new never takes the place of what is there. An empty folder
 * is free.
 */
export async function nextFreePath(base: string): Promise<string> {
  const stem = paths.normalize(base).replace(/[/\\]+$/, "");
  let candidate = stem;
  for (let number = 2; !(await isFree(candidate)); number++) candidate = `${stem}-${number}`;
  return candidate;
}

async function isFree(path: string): Promise<boolean> {
  if (!(await exists(path))) return true;
  const names = await listFolder(path).catch(() => undefined);
  return names !== undefined && names.length === 0;
}
