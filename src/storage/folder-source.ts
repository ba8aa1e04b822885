/** A folder on the disk as a source of files. */

import { problem } from "../graph/errors.ts";
import { files, paths } from "#files";
import { StorageError } from "./errors.ts";
import { requireInside, type FileSource } from "./file-source.ts";
import { listFolder, readFileOrExplain } from "./files.ts";

/**
 * The files of a folder. Links are followed, as caches of downloads are made of them.
 *
 * @throws StorageError when there is no such folder; `read` and `has` for paths that leave it, and `read` for files
 *   that may not be read
 */
export async function openFolderSource(path: string): Promise<FileSource> {
  if ((await listFolder(path)) === undefined) {
    throw new StorageError(problem`${path}: a folder is needed, but there is no such folder; check the path.`, {
      code: "ERR_NOT_FOUND",
    });
  }
  const has = async (name: string): Promise<boolean> => {
    requireInside(path, name);
    return files.stat(paths.join(path, name)).then(
      (found) => found !== undefined,
      // Reading it will say why.
      () => true,
    );
  };
  return {
    name: path,
    has,
    read: async (name) => ((await has(name)) ? readFileOrExplain(paths.join(path, name)) : undefined),
  };
}
