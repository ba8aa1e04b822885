/** How fast a FASTA file is indexed and read: packed in memory, packed into a cache, and found in the cache. */

import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { indexFasta, type FastaIndex } from "../data/index.ts";
import { reportBytes } from "../runs/data/proteins.ts";
import { untilAborted, type TaskContext } from "../runs/events.ts";
import { countRecords, packedSequence } from "../data/packed.ts";

export interface DataBenchResult {
  /** The file's name. */
  readonly file: string;
  /** The file's size on the disk. */
  readonly fileBytes: number;
  readonly records: number;
  readonly residues: number;
  readonly rows: readonly DataBenchRow[];
}

export interface DataBenchRow {
  /** `memory`: packed in memory. `packed`: into an empty cache. `cache`: found there. */
  readonly from: FastaIndex["from"];
  /** Until the first sequence can be read: decompressing, checking and packing, or opening what was packed. */
  readonly indexMs: number;
  /** All residues as ids, a sequence at a time. */
  readonly readMs: number;
  /** Megabytes of the file indexed per second; null where it is not read. */
  readonly megabytesPerSecond: number | null;
  /** Indexed and read. */
  readonly residuesPerSecond: number;
}

/**
 * Tells of the bytes that have been read of all passes together.
 *
 * @throws DataError when the file cannot be used
 */
export async function benchData(path: string, { signal, onEvent }: TaskContext = {}): Promise<DataBenchResult> {
  const progress = reportBytes("bench data", untilAborted(signal, onEvent));
  // Apart from the user's cache, which is neither used nor filled.
  const cacheFolder = await mkdtemp(join(tmpdir(), "performer-bench-"));
  const rows: DataBenchRow[] = [];
  let counts = { records: 0, residues: 0 };
  try {
    for (const [pass, memoryBytes] of [Number.POSITIVE_INFINITY, 0, 0].entries()) {
      const beganMs = performance.now();
      await using index = await indexFasta(path, {
        memoryBytes,
        cacheFolder,
        onProgress: (done, total) => progress.update(pass * total + done, 2 * total),
      });
      const indexedMs = performance.now();
      const residues = readAll(index);
      const readMs = performance.now() - indexedMs;
      const indexMs = indexedMs - beganMs;
      counts = { records: countRecords(index), residues };
      const { size } = await stat(path);
      rows.push({
        from: index.from,
        indexMs,
        readMs,
        megabytesPerSecond: index.from === "cache" ? null : size / 1e3 / indexMs,
        residuesPerSecond: (1e3 * residues) / (indexMs + readMs),
      });
    }
  } finally {
    progress.stop();
    await rm(cacheFolder, { recursive: true, force: true });
  }
  return { file: basename(path), fileBytes: (await stat(path)).size, ...counts, rows };
}

/** Reads every sequence as training would, and lets it go. */
function readAll(index: FastaIndex): number {
  let residues = 0;
  for (let i = 0; i < countRecords(index); i++) residues += packedSequence(index, i).tokenIds.length;
  return residues;
}
