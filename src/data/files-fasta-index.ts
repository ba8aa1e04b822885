/**
 * FASTA files of any size: one pass packs them, in memory or, when that is too much, into a cache that is read in
 * place.
 */
import { files, paths } from "#files";
import { createFastaScanner } from "./fasta-scan.ts";
import { readPieces } from "./bytes.ts";
import { fastaCache, type FastaCache } from "./files-fasta-cache.ts";
import { openFile } from "./files.ts";
import { createPacker, type PackedRecords } from "./packed.ts";
import { proteinVocabulary } from "./vocabularies/letters.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** How a FASTA file is indexed. */
export interface FastaIndexOptions {
  /** The file's name, for messages. Default: the end of its path. */
  readonly name?: string;
  /** The alphabet, one of letters; amino acids unless told. */
  readonly vocabulary?: Vocabulary;
  /**
   * Residues and headers up to so many bytes are packed in memory; more go to the cache. Default 256 MiB: twice the
   * size of Swiss-Prot, and little beside what training takes. In browsers all are packed in memory.
   */
  readonly memoryBytes?: number;
  /** Where the cache lies. Default: the variable PERFORMER_CACHE, else the operating system's folder for caches. */
  readonly cacheFolder?: string;
  /** Called as the file is read; not called when the cache holds the file. */
  readonly onProgress?: (bytesRead: number, totalBytes: number) => void;
}

/** An indexed FASTA file. */
export interface FastaIndex extends PackedRecords, AsyncDisposable {
  readonly name: string;
  /** Whether residues are in memory, or on disk; on disk either packed now or found in the cache. */
  readonly from: "memory" | "packed" | "cache";
}

/** How much is packed between two writes. */
const WRITE_BYTES = 4 * 1024 * 1024;

/**
 * Reads a FASTA file, plain or gzip, once, and checks it; what it gives is read in place from then on, a sequence at a
 * time.
 *
 * Held in memory are 24 bytes a record, and the residues (a byte each) and headers where these are at most
 * `memoryBytes`. Otherwise they lie in a folder of the cache that belongs to this path, size and time of change, so
 * that the next time nothing is read at all.
 *
 * @throws DataError on everything `readFasta` refuses, on letters outside the alphabet, gaps and stops, each with file,
 *   line, record and remedy, and when the cache cannot be written
 */
export async function indexFasta(path: string | URL, options: FastaIndexOptions = {}): Promise<FastaIndex> {
  const { vocabulary = proteinVocabulary, memoryBytes = 256 * 1024 * 1024, onProgress } = options;
  const file = path instanceof URL ? paths.fromUrl(path) : path;
  const name = options.name ?? paths.basename(file);
  // What is wrong with a path is told when the file is opened.
  const found = await files.stat(file).catch(() => undefined);
  const totalBytes = found?.sizeBytes ?? 0;
  const { inPlace } = files;
  const cache = inPlace && (await fastaCache({ file, found, vocabulary, folder: options.cacheFolder, inPlace }));
  const cached = await cache?.open();
  if (cached !== undefined) return { ...cached, name, vocabulary, from: "cache" };

  const packer = createPacker(name, vocabulary);
  const scanner = createFastaScanner(name, packer);
  let bytesRead = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const piece of openFile(file)) {
      bytesRead += piece.length;
      yield piece;
    }
  }
  let writing: Awaited<ReturnType<FastaCache["begin"]>> | undefined;
  try {
    for await (const piece of readPieces(counted(), () => `${name}, line ${scanner.line()}`)) {
      scanner.push(piece);
      const packedBytes = packer.tokens.used + packer.headers.used;
      if (cache !== undefined && packedBytes > (writing === undefined ? memoryBytes : WRITE_BYTES)) {
        writing ??= await cache.begin();
        await writing.write(packer.tokens.take(), packer.headers.take());
      }
      onProgress?.(bytesRead, totalBytes);
    }
    scanner.finish();
    const table = packer.table();
    if (writing === undefined) {
      const { tokens, headers } = packer;
      return {
        ...table,
        tokens,
        headers,
        name,
        vocabulary,
        from: "memory",
        [Symbol.asyncDispose]: async () => undefined,
      };
    }
    await writing.write(packer.tokens.take(), packer.headers.take());
    const opened = await writing.finish(table);
    return { ...opened, name, vocabulary, from: "packed" };
  } catch (error) {
    await writing?.discard();
    throw error;
  }
}
