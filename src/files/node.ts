/** Files in Node: those of the disk. */
import { createHash } from "node:crypto";
import { constants, createReadStream, closeSync, fstatSync, openSync, readSync } from "node:fs";
import * as fs from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join, normalize, resolve } from "node:path";
import { cwd, env, platform } from "node:process";
import { fileURLToPath } from "node:url";
import type { FileInfo, Files, FileWriter, InPlaceFile, Paths } from "./files.ts";
import { isAddress, readAddress, refuseAddress, statAddress, streamAddress } from "./http.ts";

export { defaultCacheFolder } from "./node-cache-folder.ts";
export { hub } from "./node-hub.ts";

/** Node reads and writes at most 2³¹−1 bytes in one call; larger files go in pieces. */
const PIECE_BYTES = 256 * 1024 * 1024;

export const paths: Paths = {
  join,
  dirname,
  basename: (path) => basename(path),
  normalize,
  resolve: (path) => resolve(path),
  fromUrl: (url) => (url.protocol === "file:" ? fileURLToPath(url) : url.href),
};

export const files: Files = {
  missingHint: "check the path",
  stat: async (path) => (isAddress(path) ? statAddress(path) : statFile(path)),
  exists: (path) =>
    fs.lstat(path).then(
      () => true,
      () => false,
    ),
  read: async (path) => (isAddress(path) ? readAddress(path) : readFile(path)),
  stream: (path) => (isAddress(path) ? streamAddress(path) : createReadStream(path)),
  list: async (path) =>
    (await fs.readdir(path, { withFileTypes: true })).map((entry) => ({
      name: entry.name,
      isFolder: entry.isDirectory(),
    })),
  create: (path, bytes) =>
    withFile(path, "wx", async (file) => {
      await writeAll(file, bytes);
      await file.sync();
    }),
  append: (path, bytes) =>
    withFile(path, "a", async (file) => {
      const { size } = await file.stat();
      try {
        await writeAll(file, bytes);
      } catch (error) {
        await file.truncate(size);
        throw error;
      }
    }),
  createFolder: async (path, { parents = false } = {}) => {
    refuseAddress(path, "create");
    await fs.mkdir(path, { recursive: parents });
  },
  rename: (from, to) => fs.rename(from, to),
  link: (from, to) =>
    fs.link(from, to).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOSPC" || error.code === "EROFS") throw error;
      await fs.copyFile(from, to, constants.COPYFILE_FICLONE);
      await withFile(to, "r+", (file) => file.sync());
    }),
  remove: (path) => fs.rm(path, { recursive: true, force: true }),
  syncFolder: async (path) => {
    // Windows cannot open a folder for this and does not need it.
    if (platform !== "win32") await withFile(path, "r", (folder) => folder.sync());
  },
  freeBytes: (path) =>
    fs.statfs(path).then(
      ({ bavail, bsize }) => bavail * bsize,
      () => undefined,
    ),
  inPlace: { open: openInPlace, create: createWriter },
};

/** The value of an environment variable. */
export function environment(name: string): string | undefined {
  return env[name];
}

/** A digest of bytes in lower-case hexadecimal digits. */
export async function digest(algorithm: "sha1" | "sha256", parts: readonly (Uint8Array | string)[]): Promise<string> {
  const hash = createHash(algorithm);
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

/** Where a file of the package's folder data/ lies. */
export function packagedUrl(name: string): URL {
  return new URL(`../../data/${name}`, import.meta.url);
}

/**
 * The folder of an npm package: found from the working directory, then from this package; undefined when it is not
 * installed.
 */
export function findPackage(name: string): string | undefined {
  for (const from of [join(cwd(), "package.json"), import.meta.url]) {
    try {
      return dirname(createRequire(from).resolve(`${name}/package.json`));
    } catch {
      // Not there; the next place may have it.
    }
  }
  return undefined;
}

async function statFile(path: string): Promise<FileInfo | undefined> {
  return fs.stat(path).then(
    (found) => ({ isFolder: found.isDirectory(), sizeBytes: found.size, changedMs: found.mtimeMs }),
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
      throw error;
    },
  );
}

function readFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  return withFile(path, "r", async (file) => {
    const { size } = await file.stat();
    const bytes = new Uint8Array(size);
    let done = 0;
    while (done < size) {
      const { bytesRead } = await file.read(bytes, done, Math.min(PIECE_BYTES, size - done), done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return bytes.subarray(0, done);
  });
}

async function withFile<T>(path: string, flags: string, use: (file: fs.FileHandle) => Promise<T>): Promise<T> {
  if (flags !== "r") refuseAddress(path, "write");
  const file = await fs.open(path, flags);
  try {
    return await use(file);
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

function openInPlace(path: string): InPlaceFile {
  const descriptor = openSync(path, "r");
  return {
    sizeBytes: fstatSync(descriptor).size,
    read: (target, place) => {
      let done = 0;
      while (done < target.length) {
        const count = readSync(descriptor, target, done, Math.min(PIECE_BYTES, target.length - done), place + done);
        if (count === 0) break;
        done += count;
      }
      return done;
    },
    close: () => closeSync(descriptor),
  };
}

async function createWriter(path: string): Promise<FileWriter> {
  const file = await fs.open(path, "w");
  return {
    write: (bytes) => writeAll(file, bytes),
    sync: () => file.sync(),
    close: () => file.close(),
  };
}
