/** Where a model lies: a folder, a server, the hub, or with the caller. */
import { problem } from "../graph/errors.ts";
import { defaultCacheFolder } from "#files";
import { isAddress } from "../files/http.ts";
import { givenSource, type FileSource, type GivenFiles } from "../storage/file-source.ts";
import { exists } from "../storage/files.ts";
import { openFolderSource } from "../storage/folder-source.ts";
import { isHubName, openHubSource, type HubOptions } from "../storage/hub-source.ts";
import { openUrlSource } from "../storage/url-source.ts";
import { StorageError } from "../storage/errors.ts";
import { shown } from "./refuse.ts";

export type OpenSourceOptions = Partial<HubOptions>;

/**
 * Where the files of a model are: the path of a folder, the address of one (https://…/), a name on the hub
 * (owner/name), or the files.
 */
export type ModelOrigin = string | FileSource | GivenFiles;

/**
 * Opens the files of a model. A name is that of a folder, or else of a model on the hub.
 *
 * What begins like a folder that is there (`runs/…` beside a folder `runs`) is a path that is mistyped, and nothing is
 * asked of the hub.
 *
 * @param options `cacheFolder`: default what PERFORMER_CACHE names, else the system's folder for caches
 * @throws StorageError when there is neither
 */
export async function openSource(
  from: ModelOrigin,
  { cacheFolder, ...options }: OpenSourceOptions = {},
): Promise<FileSource> {
  if (typeof from !== "string") return sourceOf(from);
  if (isAddress(from)) return openUrlSource(from, options.onDownload);
  const [first = ""] = from.split("/");
  if (!isHubName(from) || (await exists(from)) || (await exists(first))) return openFolderSource(from);
  return openHubSource(from, { ...options, cacheFolder: cacheFolder ?? defaultCacheFolder() });
}

function sourceOf(from: FileSource | GivenFiles): FileSource {
  // For callers without types.
  if (typeof from !== "object" || from === null) {
    throw new StorageError(
      problem`loadPretrained: a model must be named by a folder, an address (https://…/) or a name on the hub (owner/name), or given as
      files by their paths, got ${shown(from)}; give one of these.`,
    );
  }
  return isSource(from) ? from : givenSource(from);
}

function isSource(from: FileSource | GivenFiles): from is FileSource {
  return "read" in from && typeof from.read === "function";
}
