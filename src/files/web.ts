/** Files in browsers, of pages and of workers: those of the page's own storage (OPFS), which nobody else sees. */
import { problem } from "../graph/errors.ts";
import { StorageError } from "./errors.ts";
import type { Files, Paths } from "./files.ts";
import { isAddress, readAddress, refuseAddress, statAddress, streamAddress } from "./http.ts";
import { failure, find, folderAt, parentOf, rename, write } from "./web-handles.ts";

export { hub } from "./web-hub.ts";

const cleaned = (path: string) => (isAddress(path) ? path : path.replace(/\/{2,}/g, "/"));

/** Paths have forward slashes, and all begin at the storage's root. */
export const paths: Paths = {
  join: (...parts) => cleaned(parts.filter((part) => part !== "").join("/")),
  dirname: (path) => path.replace(/\/+$/, "").replace(/(^|\/)[^/]*$/, "") || ".",
  basename: (path) => /([^/]*)\/*$/.exec(path)?.[1] ?? "",
  normalize: cleaned,
  resolve: cleaned,
  fromUrl: (url) => url.href,
};

export const files: Files = {
  missingHint: "check the path, which is one of this page's own storage (a file of a server needs its whole address)",
  stat: async (path) => {
    if (isAddress(path)) return statAddress(path);
    const handle = await find(path);
    if (handle?.kind !== "file") return handle && { isFolder: true, sizeBytes: 0, changedMs: 0 };
    const { size, lastModified } = await handle.getFile();
    return { isFolder: false, sizeBytes: size, changedMs: lastModified };
  },
  exists: async (path) => (await files.stat(path)) !== undefined,
  read: async (path) =>
    isAddress(path) ? readAddress(path) : new Uint8Array(await (await blobAt(path)).arrayBuffer()),
  async *stream(path) {
    if (isAddress(path)) return yield* streamAddress(path);
    const reader = (await blobAt(path)).stream().getReader();
    for (let part = await reader.read(); part.value !== undefined; part = await reader.read()) yield part.value;
  },
  list: async (path) => {
    const entries = [];
    for await (const { name, kind } of (await folderAt(path)).values())
      entries.push({ name, isFolder: kind === "directory" });
    return entries;
  },
  create: async (path, bytes) => {
    refuseAddress(path, "write");
    if (await files.exists(path)) throw failure("EEXIST", `${path} is there already`);
    await write(path, bytes, { keep: false });
  },
  append: (path, bytes) => write(path, bytes, { keep: true }),
  createFolder: async (path, { parents = false } = {}) => {
    refuseAddress(path, "create");
    if (!parents && (await files.exists(path))) throw failure("EEXIST", `${path} is there already`);
    await folderAt(path, parents ? "all" : "last");
  },
  rename,
  link: async (from, to) => write(to, await files.read(from), { keep: false }),
  remove: async (path) => {
    refuseAddress(path, "delete");
    if (!(await files.exists(path))) return;
    const { folder, name } = await parentOf(path);
    await folder.removeEntry(name, { recursive: true });
  },
  syncFolder: async () => undefined,
  freeBytes: async () => {
    const { quota, usage = 0 } = await navigator.storage.estimate();
    return quota === undefined ? undefined : quota - usage;
  },
  inPlace: undefined,
};

/** Pages have no environment. */
export function environment(_name: string): string | undefined {
  return undefined;
}

/** A digest of bytes in lower-case hexadecimal digits. */
export async function digest(algorithm: "sha1" | "sha256", parts: readonly (Uint8Array | string)[]): Promise<string> {
  const whole = await new Blob(
    parts.map((part) => (typeof part === "string" ? part : new Uint8Array(part))),
  ).arrayBuffer();
  const sum = await crypto.subtle.digest(algorithm === "sha1" ? "SHA-1" : "SHA-256", whole);
  return Array.from(new Uint8Array(sum), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function defaultCacheFolder(): string {
  return "performer-cache";
}

/** The package's data stay out of bundles, so this leads nowhere: a page says where it serves them. */
export function packagedUrl(name: string): URL {
  return new URL(`performer-ts:data/${name}`);
}

/** Pages have no packages. */
export function findPackage(_name: string): string | undefined {
  return undefined;
}

async function blobAt(path: string): Promise<File> {
  if (path.startsWith("performer-ts:")) {
    throw new StorageError(
      problem`${path}: the package's data are not in a page's bundle; serve its folder data/ and give that address as
      'dataUrl'.`,
    );
  }
  const handle = await find(path);
  if (handle === undefined) throw failure("ENOENT", `${path} is not there`);
  if (handle.kind === "directory") throw failure("EISDIR", `${path} is a folder`);
  return handle.getFile();
}
