// A folder on a server as a source of files, read by fetch, in Node and in browsers.

import { StorageError } from "./errors.ts";
import { requireInside, type DownloadProgress, type FileSource } from "./file-source.ts";

/** Statuses that say that there is no such file. Stores of files answer 403 where they do not list what they hold. */
const ABSENT = [403, 404, 410];

/**
 * The files below an address. What follows `?` in it goes with every request.
 *
 * @throws StorageError for what is no address; `read` and `has` where the server does not answer or a path leaves the folder
 */
export function openUrlSource(url: string, onDownload?: (progress: DownloadProgress) => void): FileSource {
  if (!URL.canParse(url)) throw new StorageError(`${url}: an address (https://…/) is needed; check its spelling.`);
  const base = new URL(url);
  if (!base.pathname.endsWith("/")) base.pathname += "/";
  const get = async (path: string, method: "GET" | "HEAD"): Promise<Response | undefined> => {
    requireInside(url, path);
    const address = new URL(path.split("/").map(encodeURIComponent).join("/"), base);
    address.search = base.search;
    const response = await fetch(address, { method }).catch((cause: unknown) => {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new StorageError(
        `${address.href}: the server must answer, got ${reason}; check the address, and that the server lets pages of other origins read it (CORS).`,
        { cause },
      );
    });
    // Servers of applications answer with their page for what they do not have.
    const isPage = response.headers.get("content-type")?.startsWith("text/html") === true;
    if (response.ok && !isPage) return response;
    await response.body?.cancel();
    if (response.ok || ABSENT.includes(response.status)) return undefined;
    throw new StorageError(
      `${address.href}: the server must have the file or say that it has none, got status ${response.status}; try again.`,
    );
  };
  const brokenOff = (cause: unknown): never => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StorageError(`${url}: the server must send whole files, got ${reason} on the way; try again.`, { cause });
  };
  const load = async (path: string) => {
    const response = await get(path, "GET");
    return response && (await bytesOf(response, path, onDownload).catch(brokenOff));
  };
  const known = new Map<string, Promise<Uint8Array | undefined>>();
  return {
    name: url.replace(/\/+$/, ""),
    has: async (path) => (await get(path, "HEAD")) !== undefined,
    read: (path) => {
      const reading = known.get(path) ?? load(path);
      // Weights are read once, and would fill memory; descriptions are read by everyone who wants to know a key of them.
      if (path.endsWith(".json")) known.set(path, reading);
      return reading;
    },
  };
}

async function bytesOf(
  response: Response,
  path: string,
  onDownload?: (progress: DownloadProgress) => void,
): Promise<Uint8Array> {
  if (onDownload === undefined) return new Uint8Array(await response.arrayBuffer());
  const length = Number(response.headers.get("content-length"));
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let doneBytes = 0;
  const reader = response.body?.getReader();
  for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
    parts.push(part.value);
    doneBytes += part.value.length;
    // A compressed body is longer than the length that is stated.
    onDownload({ path, doneBytes, sizeBytes: Math.max(doneBytes, length) });
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
