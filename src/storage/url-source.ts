/** A folder on a server as a source of files, read by fetch, in Node and in browsers. */

import { problem } from "../graph/errors.ts";
import { askServer, bodyOf } from "../files/http.ts";
import { StorageError } from "./errors.ts";
import { requireInside, type DownloadProgress, type FileSource } from "./file-source.ts";

/** Statuses that say that there is no such file. Stores of files answer 403 where they do not list what they hold. */
const ABSENT = [403, 404, 410];

/**
 * The files below an address. What follows `?` in it goes with every request.
 *
 * @throws StorageError for what is no address; `read` and `has` where the server does not answer or a path leaves the
 *   folder
 */
export function openUrlSource(url: string, onDownload?: (progress: DownloadProgress) => void): FileSource {
  if (!URL.canParse(url))
    throw new StorageError(problem`${url}: an address (https://…/) is needed; check its spelling.`);
  const base = new URL(url);
  if (!base.pathname.endsWith("/")) base.pathname += "/";
  const get = async (path: string, method: "GET" | "HEAD"): Promise<Response | undefined> => {
    requireInside(url, path);
    const address = new URL(path.split("/").map(encodeURIComponent).join("/"), base);
    address.search = base.search;
    const response = await askServer(address.href, method);
    // Servers of applications answer with their page for what they do not have.
    const isPage = response.headers.get("content-type")?.startsWith("text/html") === true;
    if (response.ok && !isPage) return response;
    await response.body?.cancel();
    if (response.ok || ABSENT.includes(response.status)) return undefined;
    throw new StorageError(
      problem`${address.href}: the server must have the file or say that it has none, got status ${response.status}; try
      again.`,
    );
  };
  const name = url.replace(/\/+$/, "");
  const load = async (path: string) => {
    const response = await get(path, "GET");
    return response && (await bytesOf(response, { name, path, onDownload }));
  };
  const known = new Map<string, Promise<Uint8Array | undefined>>();
  return {
    name,
    has: async (path) => (await get(path, "HEAD")) !== undefined,
    read: (path) => {
      const reading = known.get(path) ?? load(path);
      // Weights are read once, and would fill memory; descriptions are read by everyone who wants to know a key of
      // them.
      if (path.endsWith(".json")) known.set(path, reading);
      return reading;
    },
  };
}

interface Download {
  /** The folder's name, for messages. */
  readonly name: string;
  readonly path: string;
  readonly onDownload: ((progress: DownloadProgress) => void) | undefined;
}

async function bytesOf(response: Response, { name, path, onDownload }: Download): Promise<Uint8Array> {
  const length = Number(response.headers.get("content-length"));
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let doneBytes = 0;
  for await (const part of bodyOf(`${name}/${path}`, response)) {
    parts.push(part);
    doneBytes += part.length;
    // A compressed body is longer than the length that is stated.
    onDownload?.({ path, doneBytes, sizeBytes: Math.max(doneBytes, length) });
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
