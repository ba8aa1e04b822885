/**
 * The cache of packed FASTA files: a folder a file, complete or not there, named by the file's path, size and time of
 * change.
 */
import { defaultCacheFolder, digest, files, paths } from "#files";
import { withTags } from "./conditioning.ts";
import type { FileInfo, FileWriter, InPlaceFile, InPlaceFiles } from "../files/files.ts";
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

/** The number of bytes read at once when reading sequentially. */
const AHEAD_BYTES = 1024 * 1024;

/** @param options.found undefined for a file that does not exist: it is never in the cache */
export async function fastaCache(options: {
  readonly file: string;
  readonly found: FileInfo | undefined;
  readonly vocabulary: Vocabulary;
  readonly folder: string | undefined;
  readonly inPlace: InPlaceFiles;
}): Promise<FastaCache> {
  const { file, found, vocabulary, inPlace } = options;
  const folder = options.folder ?? defaultCacheFolder();
  // What is packed are letters: tags change nothing.
  const identity = [FORMAT_VERSION, paths.resolve(file), JSON.stringify(withTags(vocabulary, []))].join("\0");
  const prefix = (await digest("sha256", [identity])).slice(0, 24);
  const entry = paths.join(folder, `${prefix}-${found?.sizeBytes ?? 0}-${Math.round(found?.changedMs ?? 0)}`);

  async function open(): Promise<CachedRecords | undefined> {
    const there = await files.stat(entry).catch(() => undefined);
    return found !== undefined && there?.isFolder === true ? openEntry(inPlace, entry) : undefined;
  }

  async function begin(): Promise<CacheWriter> {
    const partial = `${entry}.partial-${crypto.randomUUID().slice(0, 8)}`;
    const guard = <T>(action: Promise<T>): Promise<T> =>
      action.catch((error: unknown) => {
        throw unwritable(folder, error);
      });
    await guard(files.createFolder(partial, { parents: true }));
    const handles: FileWriter[] = [];
    const discard = async (): Promise<void> => {
      await Promise.all(handles.map((handle) => handle.close().catch(() => undefined)));
      await files.remove(partial);
    };
    const create = async (name: string): Promise<FileWriter> => {
      const handle = await guard(inPlace.create(paths.join(partial, name)));
      handles.push(handle);
      return handle;
    };
    try {
      const tokenFile = await create(TOKENS);
      const headerFile = await create(HEADERS);
      const tableFile = await create(TABLE);
      return {
        write: async (tokens, headers) => {
          await guard(tokenFile.write(tokens));
          await guard(headerFile.write(headers));
        },
        finish: async ({ tokenEnds, headerEnds, lines }) => {
          for (const column of [tokenEnds, headerEnds, lines]) {
            await guard(tableFile.write(new Uint8Array(column.buffer, column.byteOffset, column.byteLength)));
          }
          for (const handle of handles) {
            await guard(handle.sync());
            await handle.close();
          }
          // Another process may have been quicker: its folder holds the same.
          await files.rename(partial, entry).catch(() => files.remove(partial));
          const others = (await guard(files.list(folder))).filter(({ name }) => name.startsWith(`${prefix}-`));
          for (const { name } of others) {
            const isOld = paths.join(folder, name) !== entry && !name.includes(".partial-");
            if (isOld) await files.remove(paths.join(folder, name));
          }
          return openEntry(inPlace, entry);
        },
        discard,
      };
    } catch (error) {
      await discard();
      throw error;
    }
  }

  return { open, begin };
}

function openEntry(inPlace: InPlaceFiles, entry: string): CachedRecords {
  const opened: InPlaceFile[] = [];
  const openStore = (name: string): ByteStore => {
    const file = inPlace.open(paths.join(entry, name));
    opened.push(file);
    return readingFrom(file);
  };
  const tableFile = inPlace.open(paths.join(entry, TABLE));
  const table = new Uint8Array(tableFile.sizeBytes);
  tableFile.read(table, 0);
  tableFile.close();
  const numRecords = table.length / 24;
  const column = (index: number) => new Float64Array(table.buffer, 8 * index * numRecords, numRecords);
  return {
    tokenEnds: column(0),
    headerEnds: column(1),
    lines: column(2),
    tokens: openStore(TOKENS),
    headers: openStore(HEADERS),
    [Symbol.asyncDispose]: async () => {
      for (const file of opened.splice(0)) file.close();
    },
  };
}

/**
 * A store over a file. Reading that goes on where it ended is served from larger pieces; reading here and there takes
 * what is asked for.
 */
function readingFrom(file: InPlaceFile): ByteStore {
  let piece = new Uint8Array(0);
  let pieceStart = 0;
  let next = 0;
  return {
    read: (start, length) => {
      const offset = start - pieceStart;
      const isHere = offset >= 0 && offset + length <= piece.length;
      if (!isHere) {
        const target = new Uint8Array(start === next ? Math.max(length, AHEAD_BYTES) : length);
        piece = target.subarray(0, file.read(target, start));
        pieceStart = start;
      }
      next = start + length;
      return piece.subarray(start - pieceStart, start - pieceStart + length);
    },
  };
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
