/** Where a model lies: a folder, or else the hub. */
import { defaultCacheFolder } from "#files";
import type { FileSource } from "../storage/file-source.ts";
import { exists } from "../storage/files.ts";
import { openFolderSource } from "../storage/folder-source.ts";
import { isHubName, openHubSource } from "../storage/hub-source.ts";
import type { HubOptions } from "../storage/hub-source.ts";

export type OpenSourceOptions = Partial<HubOptions>;

/**
 * A folder of that name, or else the model of that name on the hub.
 *
 * What begins like a folder that is there (`runs/…` beside a folder `runs`) is a path that is mistyped, and nothing is asked of the hub.
 *
 * @param options `cacheFolder`: default what PERFORMER_CACHE names, else the system's folder for caches
 * @throws StorageError when there is neither
 */
export async function openSource(
  name: string,
  { cacheFolder, ...options }: OpenSourceOptions = {},
): Promise<FileSource> {
  const [first = ""] = name.split("/");
  if (!isHubName(name) || (await exists(name)) || (await exists(first))) return openFolderSource(name);
  return openHubSource(name, { ...options, cacheFolder: cacheFolder ?? defaultCacheFolder() });
}
