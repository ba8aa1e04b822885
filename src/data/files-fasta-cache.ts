/** The cache of packed FASTA files: a folder a file, complete or not there, named by the file's path, size and time of change. */
import type { FileHandle } from "node:fs/promises";
import type { Stats } from "node:fs";
import { withTags } from "./conditioning.ts";
import { DataError } from "./errors.ts";
import type { ByteStore, PackedRecords, RecordTable } from "./packed.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Records that lie in a cache. Disposing of them closes its files. */
type CachedRecords = Omit<PackedRecords, "vocabulary"> & AsyncDisposable;

/** The place of one file in the cache. */
export interface FastaCache {
  /** @returns undefined when the file is not there in this form */
  readonly open: () => Promise<CachedRecords | undefined>;
  readonly begin: () => Promise<CacheWriter>;
}

/** Fills a place in the cache. */
export interface CacheWriter {
  readonly write: (tokens: Uint8Array, headers: Uint8Array) => Promise<void>;
  /** Gives the folder its name, in the place of those of earlier versions of the file. */
  readonly finish: (table: RecordTable) => Promise<CachedRecords>;
  /** Removes what has been written. */
  readonly discard: () => Promise<void>;
}

/** Raised when the files below mean something else. */
const FORMAT_VERSION = 1;
const TOKENS = "tokens.bin";
const HEADERS = "headers.bin";
const TABLE = "table.bin";

/** What is read at once where reading goes on from where it ended. */
const AHEAD_BYTES = 1024 * 1024;

/** @param options.found undefined for a file that does not exist: it is never in the cache */
export async function fastaCache(options: {
  readonly file: string;
  readonly found: Stats | undefined;
  readonly vocabulary: Vocabulary;
  readonly folder: string | undefined;
}): Promise<FastaCache> {
  const { file, found, vocabulary } = options;
  const fs = await import("node:fs/promises");
  const { join, resolve } = await import("node:path");
  const { createHash, randomBytes } = await import("node:crypto");
  const { defaultCacheFolder } = await import("../storage/cache-folder.ts");
  const folder = options.folder ?? defaultCacheFolder();
  // What is packed are letters: tags change nothing.
  const identity = [FORMAT_VERSION, resolve(file), JSON.stringify(withTags(vocabulary, []))].join("\0");
  const prefix = createHash("sha256").update(identity).digest("hex").slice(0, 24);
  const entry = join(folder, `${prefix}-${found?.size ?? 0}-${Math.round(found?.mtimeMs ?? 0)}`);

  async function open(): Promise<CachedRecords | undefined> {
    const isThere = await fs.stat(entry).then(
      (each) => each.isDirectory(),
      () => false,
    );
    return found !== undefined && isThere ? openEntry(entry) : undefined;
  }

  async function begin(): Promise<CacheWriter> {
    const partial = `${entry}.partial-${randomBytes(4).toString("hex")}`;
    const guard = <T>(action: Promise<T>): Promise<T> =>
      action.catch((error: unknown) => {
        throw unwritable(folder, error);
      });
    await guard(fs.mkdir(partial, { recursive: true }));
    const handles: FileHandle[] = [];
    const discard = async (): Promise<void> => {
      await Promise.all(handles.map((handle) => handle.close().catch(() => undefined)));
      await fs.rm(partial, { recursive: true, force: true });
    };
    try {
      for (const each of [TOKENS, HEADERS, TABLE]) handles.push(await guard(fs.open(join(partial, each), "w")));
    } catch (error) {
      await discard();
      throw error;
    }
    const [tokenFile, headerFile, tableFile] = handles;
    return {
      write: async (tokens, headers) => {
        await guard(writeAll(tokenFile, tokens));
        await guard(writeAll(headerFile, headers));
      },
      finish: async ({ tokenEnds, headerEnds, lines }) => {
        for (const column of [tokenEnds, headerEnds, lines]) {
          await guard(writeAll(tableFile, new Uint8Array(column.buffer, column.byteOffset, column.byteLength)));
        }
        for (const handle of handles) {
          await guard(handle.sync());
          await handle.close();
        }
        // Another process may have been quicker: its folder holds the same.
        await fs.rename(partial, entry).catch(() => fs.rm(partial, { recursive: true, force: true }));
        const others = (await guard(fs.readdir(folder))).filter((each) => each.startsWith(`${prefix}-`));
        for (const each of others) {
          const isOld = join(folder, each) !== entry && !each.includes(".partial-");
          if (isOld) await fs.rm(join(folder, each), { recursive: true, force: true });
        }
        return openEntry(entry);
      },
      discard,
    };
  }

  return { open, begin };
}

async function openEntry(entry: string): Promise<CachedRecords> {
  const fs = await import("node:fs");
  const { join } = await import("node:path");
  const descriptors: number[] = [];
  const openStore = (file: string): ByteStore => {
    const descriptor = fs.openSync(join(entry, file), "r");
    descriptors.push(descriptor);
    return readingFrom((target, place) => {
      for (let done = 0; done < target.length;) {
        const count = fs.readSync(descriptor, target, done, target.length - done, place + done);
        if (count === 0) return done;
        done += count;
      }
      return target.length;
    });
  };
  // Synchronously, a piece at a time: the file may be larger than what one call reads.
  const table = new Uint8Array(fs.statSync(join(entry, TABLE)).size);
  const tableFile = fs.openSync(join(entry, TABLE), "r");
  for (let done = 0; done < table.length;) {
    const count = fs.readSync(tableFile, table, done, Math.min(table.length - done, 2 ** 28), done);
    if (count === 0) break;
    done += count;
  }
  fs.closeSync(tableFile);
  const numRecords = table.length / 24;
  const column = (index: number) => new Float64Array(table.buffer, 8 * index * numRecords, numRecords);
  return {
    tokenEnds: column(0),
    headerEnds: column(1),
    lines: column(2),
    tokens: openStore(TOKENS),
    headers: openStore(HEADERS),
    [Symbol.asyncDispose]: async () => {
      for (const descriptor of descriptors.splice(0)) fs.closeSync(descriptor);
    },
  };
}

/**
 * A store over a file. Reading that goes on where it ended is served from larger pieces; reading here and there takes what is asked for.
 *
 * @param readAt fills the target from a place on, and says how much there was
 */
function readingFrom(readAt: (target: Uint8Array, place: number) => number): ByteStore {
  let piece = new Uint8Array(0);
  let pieceStart = 0;
  let next = 0;
  return {
    read: (start, length) => {
      const offset = start - pieceStart;
      const isHere = offset >= 0 && offset + length <= piece.length;
      if (!isHere) {
        const target = new Uint8Array(start === next ? Math.max(length, AHEAD_BYTES) : length);
        piece = target.subarray(0, readAt(target, start));
        pieceStart = start;
      }
      next = start + length;
      return piece.subarray(start - pieceStart, start - pieceStart + length);
    },
  };
}

async function writeAll(handle: FileHandle | undefined, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const written = await handle?.write(bytes, done, bytes.length - done);
    done += written?.bytesWritten ?? bytes.length;
  }
}

function unwritable(folder: string, error: unknown): DataError {
  const message = error instanceof Error ? error.message : String(error);
  return new DataError(
    {
      who: "indexing sequences",
      rule: "there must be room for the packed sequences in the cache",
      got: `"${message}" for ${JSON.stringify(folder)}`,
      fix: "name a folder on a disk with room, in the variable PERFORMER_CACHE",
    },
    { cause: error },
  );
}
