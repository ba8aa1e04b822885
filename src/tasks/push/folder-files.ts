/**
 * What of a model's folder goes to the hub: everything that is read of it, and nothing that only its training needs.
 */

import { problem } from "../../graph/errors.ts";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

import { StorageError } from "../../storage/errors.ts";
import { explainFailure } from "../../storage/failures.ts";

export interface FolderFile {
  /** In the folder, with forward slashes. */
  readonly path: string;
  readonly sizeBytes: number;
}

/** Checkpoints, which hold an optimizer's state, and leftovers of interrupted commands. */
const LEFT_OUT = [/^checkpoint-\d+$/, /\.partial$/, /\.tmp$/];
/** Deeper folders than any library's models have. */
const DEEPEST = 5;

/**
 * The files of a folder in the order of their names, without checkpoints and without hidden files, which may hold what
 * is nobody's business.
 *
 * @throws StorageError for links, which would take files from elsewhere along, and where the folder cannot be read
 */
export async function filesOfFolder(folder: string): Promise<readonly FolderFile[]> {
  const found: FolderFile[] = [];
  const read = async (inside: readonly string[]): Promise<void> => {
    const place = join(folder, ...inside);
    const names = await readdir(place).catch(async (error: unknown) => {
      throw await explainFailure(error, { action: "read", path: place });
    });
    for (const name of names.toSorted()) {
      if (name.startsWith(".") || LEFT_OUT.some((pattern) => pattern.test(name))) continue;
      const own = [...inside, name];
      const about = await lstat(join(folder, ...own));
      if (about.isDirectory() && own.length < DEEPEST) await read(own);
      else if (about.isFile()) found.push({ path: own.join("/"), sizeBytes: about.size });
      else {
        throw new StorageError(
          problem`${join(folder, ...own)}: what is uploaded must be files, got a link or something else; copy the file
          itself, or take it away.`,
        );
      }
    }
  };
  await read([]);
  return found;
}
